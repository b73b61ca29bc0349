"""GET /v1/state: what the server does at this moment, for people. It has counts and states, never a text."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from ttsflow.report import WorkerInfo
from ttsflow.server.admission import Seat
from ttsflow.server.errors import described
from ttsflow.server.fleet import Fleet
from ttsflow.server.service import Service


def activity_router(service: Service) -> APIRouter:
    """The endpoint. It has to know its client, to tell him which requests are his."""
    router = APIRouter()

    @router.get("/v1/state", responses=described())
    async def state(http: Request) -> dict[str, Any]:
        """What speaks, the requests in the order in which they came, and each worker with its slots."""
        client, now = service.clients.name(http), time.monotonic()
        info = service.setup.info()
        return {
            "problem": service.lifecycle.problem,
            "backend": info.backend,
            "policy": info.policy,
            "max_input_chars": service.config.max_input_chars,
            "jobs": service.jobs and {"max_upload_bytes": service.config.max_upload_bytes},
            "requests": [_request(seat, client, now) for seat in service.admission.seats],
            "workers": _workers(service.fleet, now),
        }

    return router


def _request(seat: Seat, client: str, now: float) -> dict[str, Any]:
    return {
        "state": "waiting" if seat.waiting else "speaking",
        "yours": seat.client == client,
        "age_s": round(now - seat.came_s, 1),
        "audio_s": round(seat.made_s, 1),
    }


def _workers(fleet: Fleet, now: float) -> list[dict[str, Any]]:
    loading = [_worker(name, None, "loading", []) for name in fleet.starting]
    ready = [_worker(info.worker, info.device, "ready", _slots(fleet, info, now)) for info in fleet.ready]
    return sorted([*loading, *ready], key=_place)


def _place(worker: dict[str, Any]) -> tuple[int, str]:
    """By which workers are sorted: w10 comes after w9."""
    return len(worker["name"]), worker["name"]


def _worker(name: str, device: str | None, state: str, slots: list[float | None]) -> dict[str, Any]:
    return {"name": name, "device": device, "state": state, "slots": slots}


def _slots(fleet: Fleet, info: WorkerInfo, now: float) -> list[float | None]:
    """For how many seconds each slot of a worker has been at its job; None for one that is free."""
    began = {attempt.slot: attempt.started_s for attempt in fleet.attempts if attempt.worker == info.worker}
    return [round(max(0.0, now - began[slot]), 1) if slot in began else None for slot in range(info.slots)]
