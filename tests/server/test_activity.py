"""What the server does, as GET /v1/state tells it."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.program import NEVER_LOADS, ONE_WORKER, TWO_WORKERS, Program, sim
from tests.server.conftest import Serve
from tests.server.world import request


def test_workers_that_load(serve: Serve) -> None:
    state = serve(*NEVER_LOADS, *ONE_WORKER, ready=False).get("/v1/state").json()
    assert state["problem"] == "the workers are loading their models"
    assert state["workers"] == [{"name": "w0", "device": None, "state": "loading", "slots": []}]


STUCK = "It is stuck, and so is all the rest of the whole endless sentence. " * 3
"""takes a quarter of an hour where "Well." takes a second"""


def test_requests_and_slots(serve: Serve, program: Program) -> None:
    keys = program.write("keys.txt", "sk-first\nsk-second\n")
    server = serve(
        *sim(rtf=4.0, faults="[{text: stuck, kind: slow}]"),
        *TWO_WORKERS,
        "--set", f"server.api_keys_file={keys}", "--set", "server.max_late_s=1e6",
    )  # fmt: skip
    assert server.get("/v1/state").status_code == 401
    server.key = "sk-first"

    def state() -> dict[str, Any]:
        return dict(server.get("/v1/state").json())

    idle = state()
    assert idle["problem"] is None
    assert (idle["backend"], idle["policy"], idle["max_input_chars"]) == ("sim", "bounded-parallel", 20_000)
    assert (idle["jobs"], idle["requests"]) == (None, [])
    assert idle["workers"] == [
        {"name": name, "device": "cpu", "state": "ready", "slots": [None]} for name in ("w0", "w1")
    ]
    with server.connect() as first, server.connect() as second:
        first.sendall(request(json.dumps({"input": f"Well.\n\n{STUCK}"}), "sk-first"))
        server.program.until(lambda: [asked["state"] for asked in state()["requests"]] == ["speaking"])
        second.sendall(request(json.dumps({"input": STUCK}), "sk-second"))
        server.program.until(lambda: all(worker["slots"] != [None] for worker in state()["workers"]))
        busy = state()
        assert [(asked["yours"], asked["state"]) for asked in busy["requests"]] == [
            (True, "speaking"),
            (False, "waiting"),
        ]
        assert busy["requests"][0]["audio_s"] > 0.0 == busy["requests"][1]["audio_s"]
        assert busy["requests"][0]["age_s"] >= busy["requests"][1]["age_s"] >= 0.0
        assert all(worker["slots"][0] >= 0.0 for worker in busy["workers"])
        for secret in ("stuck", "sk-", "127.0.0.1"):
            assert secret not in json.dumps(busy)
    server.program.until(lambda: state() == idle)
