"""The report: valid JSON however the run ended, written as it goes, in bounded memory."""

import json
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttsflow.errors import OutputError, SinkError, WorkerError
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import Account, ChunkJob, Outcome
from ttsflow.report import RunInfo, RunReport, WorkerInfo
from ttsflow.report.run import KEPT_OUTCOMES

T0 = 500.0
GPU = Device("cuda:0", "cuda", "H200", "GPU-1", total_bytes=2, free_bytes=1)
INFO = RunInfo(
    policy="bounded-parallel",
    backend="sim",
    decided_by="policies/auto.yaml, rule 2",
    policy_options={"max_concurrent": 2},
    backend_options={"rtf": 0.5},
    backend_fallback="xtts is not installed",
    devices=[GPU],
    device_kind="cuda",
    reproducible=False,
)
WORKER = WorkerInfo("w0", 0, "cuda:0", 1, "GPU-1", 0.5, 4321)


def ok(index: int, text: str = "Hello.") -> Outcome:
    job, start = ChunkJob("book", index, text, pause_s=0.2), T0 + index
    return Outcome(job, "ok", "w0", "cuda:0", 1, T0, start, start + 0.25, start + 0.5, audio_s=1.5)


def failed(index: int, text: str = "Poison.", why: str | None = "it died") -> Outcome:
    return Outcome(ChunkJob("book", index, text), "failed", "w0", "cuda:0", 3, T0, T0 + 1.0, why=why)


def run(report: RunReport, outcomes: list[Outcome]) -> None:
    report.worker_ready(WORKER, T0 + 0.75)
    for outcome in outcomes:
        now = outcome.finished_s or T0 + 9.0
        if outcome.audio_s:
            report.delivered("book", outcome.job.index, outcome.audio_s, now)
        report.ended(outcome, now)


def test_a_whole_report(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report = RunReport(INFO, T0, path)
    report.open()
    run(report, [ok(0), failed(1), ok(2)])
    report.notice("mind the gap")
    assert not path.exists()
    report.close(Account(4, 2, 1, 1))
    found = json.loads(path.read_text("utf-8"))
    summary = found.pop("summary")
    assert found == {
        "ttsflow": "0.1.0",
        "policy": {
            "name": "bounded-parallel",
            "options": {"max_concurrent": 2},
            "decided_by": "policies/auto.yaml, rule 2",
        },
        "backend": "sim",
        "backend_options": {"rtf": 0.5},
        "backend_fallback": "xtts is not installed",
        "reproducible": False,
        "listening": True,
        "devices": [
            {
                "id": "cuda:0", "kind": "cuda", "name": "H200", "uuid": "GPU-1",
                "total_bytes": 2, "free_bytes": 1, "cores": None, "host": None,
            }
        ],
        "chunks": [
            {
                "stream": "book", "index": 0, "text": "Hello.", "status": "ok", "kept": False,
                "same_as": None, "at_s": 0.0, "audio_s": 1.5, "pause_s": 0.2, "worker": "w0",
                "device": "cuda:0", "attempts": 1, "queued_s": 0.0, "started_s": 0.0,
                "first_audio_s": 0.25, "finished_s": 0.5, "why": None,
            },
            {
                "stream": "book", "index": 1, "text": "Poison.", "status": "failed", "kept": False,
                "same_as": None, "at_s": 1.7, "audio_s": 0.0, "pause_s": 0.0, "worker": "w0",
                "device": "cuda:0", "attempts": 3, "queued_s": 0.0, "started_s": 1.0,
                "first_audio_s": None, "finished_s": None, "why": "it died",
            },
            {
                "stream": "book", "index": 2, "text": "Hello.", "status": "ok", "kept": False,
                "same_as": None, "at_s": 1.7, "audio_s": 1.5, "pause_s": 0.2, "worker": "w0",
                "device": "cuda:0", "attempts": 1, "queued_s": 0.0, "started_s": 2.0,
                "first_audio_s": 2.25, "finished_s": 2.5, "why": None,
            },
        ],
        "workers": [
            {
                "worker": "w0", "generation": 0, "device": "cuda:0", "slots": 1,
                "cuda_visible_devices": "GPU-1", "load_s": 0.5, "pid": 4321, "started_s": None,
                "ready_s": 0.75,
            }
        ],
        "attempts": [],
        "arrivals": [
            {"stream": "book", "index": 0, "at_s": 0.5, "audio_s": 1.5, "pause_s": 0.2},
            {"stream": "book", "index": 1, "at_s": 9.0, "audio_s": 0.0, "pause_s": 0.0},
            {"stream": "book", "index": 2, "at_s": 2.5, "audio_s": 1.5, "pause_s": 0.2},
        ],
        "losses": [],
        "notices": ["mind the gap"],
        "output": None,
        "slowdown": [],
        "predicted": None,
        "ended": "finished",
        "error": None,
    }  # fmt: skip
    assert summary["submitted"] == summary["delivered"] + summary["failed"] + summary["not_reached"] == 4
    assert summary["time_to_first_audio_s"] == 0.5
    assert summary["wait_s"] == pytest.approx(2.5 - 1.7)
    assert (summary["stalls"], summary["stall_s"]) == (1, pytest.approx(0.3))
    assert summary["makespan_s"] == 9.0
    assert summary["chunk_s"] == {"p5": 0.5, "p50": 0.5, "p95": 0.5}


@pytest.mark.parametrize("outcomes", [[], [ok(0)], [ok(0), failed(1)]])
@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (None, "finished"),
        (KeyboardInterrupt(), "interrupted"),
        (BrokenPipeError(32, "Broken pipe"), "interrupted"),
        (WorkerError("no worker is left"), "failed"),
    ],
)
def test_every_ending_leaves_valid_json(
    tmp_path: Path, outcomes: list[Outcome], error: BaseException | None, ended: str
) -> None:
    report = RunReport(INFO, T0, tmp_path / "report.json")
    report.open()
    run(report, outcomes)
    report.close(error=error)
    report.close()
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    found = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert found["ended"] == ended
    assert (found["error"] is None) == (error is None)
    assert len(found["chunks"]) == len(outcomes)
    assert found["summary"]["not_reached"] is None


@settings(deadline=None)  # fsync takes as long as it takes
@given(st.text(), st.text(), st.floats())
def test_any_text_and_any_number_make_valid_json(text: str, why: str, option: float) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.json")
        options = {"x": option, "path": Path("a/b")}
        report = RunReport(RunInfo("p", "b", "a flag", options), T0, path)
        report.open()
        report.ended(failed(0, text, why), T0)
        report.notice(text)
        report.close()
        found = json.loads(path.read_text("utf-8"), parse_constant=refuse)
    assert (found["chunks"][0]["text"], found["chunks"][0]["why"]) == (text, why)
    assert found["notices"] == [text]
    assert found["policy"]["options"]["path"] == "a/b"


def test_lone_surrogates_make_valid_json(tmp_path: Path) -> None:
    report = RunReport(INFO, T0, tmp_path / "report.json")
    report.open()
    report.ended(failed(0, "a\udc80\\\ud800b"), T0)
    report.close()
    found = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert found["chunks"][0]["text"] == "a\udc80\\\ud800b"


def test_chunks_are_written_as_they_end(tmp_path: Path) -> None:
    report = RunReport(INFO, T0, tmp_path / "report.json")
    report.open()
    for index in range(3):
        report.ended(ok(index, f"Sentence {index}."), T0 + 5.0)
        assert f"Sentence {index}." in (tmp_path / ".report.json.part").read_text("utf-8")
    report.close()


def test_bad_places_are_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("Once upon a time")
    (tmp_path / "other.json").write_text('{"a": 1}')
    for name, why in [
        ("absent/report.json", "there is no folder"),
        ("book.txt/report.json", "is not a folder"),
        (".", "it is a folder"),
        ("book.txt", "is not a report by its name"),
        ("other.json", "exists and is not a report"),
    ]:
        report = RunReport(INFO, T0, tmp_path / name)
        with pytest.raises(OutputError, match=why):
            report.open()
        report.close()
    with pytest.raises(OutputError, match="a device"):
        RunReport(INFO, T0, Path("/dev/full")).open()
    assert (tmp_path / "book.txt").read_text() == "Once upon a time"


def test_an_empty_file_or_an_earlier_report_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "report.json").touch()
    for text in ("First.", "Second."):
        report = RunReport(INFO, T0, tmp_path / "report.json")
        report.open()
        report.ended(ok(0, text), T0)
        report.close()
    found = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert [chunk["text"] for chunk in found["chunks"]] == ["Second."]


def test_without_a_file_the_summary_is_kept() -> None:
    report = RunReport(INFO, T0)
    report.open()
    run(report, [ok(0), *(failed(index) for index in range(1, 31))])
    report.close(Account(31, 1, 30, 0))
    assert report.summary().failed == 30
    text = report.summary_text()
    assert text.count("it died") == KEPT_OUTCOMES
    assert "10 more" in text


@pytest.mark.usefixtures("quickly")  # coverage could not be written either
def test_a_disk_that_fills_up_spares_the_run(tmp_path: Path) -> None:
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from ttsflow.errors import SinkError\n"
        "from ttsflow.interface.jobs import ChunkJob, Outcome\n"
        "from ttsflow.report import RunInfo, RunReport\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "report = RunReport(RunInfo('p', 'b', 'a flag'), 0.0, Path(sys.argv[1]))\n"
        "report.open()\n"
        "for i in range(100): report.ended(Outcome(ChunkJob('book', i, 'Hello.'), 'ok'), 1.0)\n"
        "try: report.close()\n"
        "except SinkError as error: print(error)\n"
        "print(report.summary_text())\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "report.json")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    assert "report.json could not be written: File too large; the audio is not affected" in child.stdout
    assert "100 delivered, 0 failed" in child.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_put_in_its_place(tmp_path: Path) -> None:
    report = RunReport(INFO, T0, tmp_path / "report.json")
    report.open()
    (tmp_path / "report.json").mkdir()
    with pytest.raises(SinkError, match="could not be written"):
        report.close()
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_memory_is_a_few_bytes_per_chunk(tmp_path: Path) -> None:
    report = RunReport(INFO, T0, tmp_path / "report.json")
    report.open()
    chunks = 20_000
    tracemalloc.start()
    try:
        for index in range(chunks):
            text = f"A sentence of its own, number {index}, for its listener."
            report.delivered("book", index, 1.5, T0 + index)
            report.ended(failed(index, text) if index % 3 == 0 else ok(index, text), T0 + index)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    report.close()
    assert held < 16 * chunks + 64_000
    assert peak < 20 * chunks + 128_000
    assert len(json.loads((tmp_path / "report.json").read_text("utf-8"))["chunks"]) == chunks
