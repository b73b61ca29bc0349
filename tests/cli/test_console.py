"""Progress as a person reads it: on a terminal, and in a log file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ttsflow.cli.console import LINE_S, Console
from ttsflow.cli.messages import Messages
from ttsflow.cli.progress import Amount
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob, Outcome, Status
from ttsflow.report import RunInfo, RunReport, WorkerInfo

INFO = RunInfo(
    policy="sequential",
    backend="sim",
    decided_by="--policy",
    policy_options={},
    backend_options={},
    devices=[Device("cpu", "cpu")],
    device_kind="cpu",
    reproducible=True,
)
T0 = 1000.0
Show = Callable[[Callable[[Console], None]], list[str]]


@pytest.fixture
def show(capfd: pytest.CaptureFixture[str]) -> Show:
    """The lines that a console writes where nobody watches, while something is done to it."""

    def shown(do: Callable[[Console], None]) -> list[str]:
        messages = Messages()
        with messages:
            do(Console(RunReport(INFO, T0), messages, quiet=False))
        return capfd.readouterr().err.splitlines()

    return shown


def ended(console: Console, index: int, now: float, status: Status = "ok", text: str = "Hello.") -> None:
    job = ChunkJob("main", index, text, speakable=status != "pause")
    outcome = Outcome(job, status, audio_s=2.0)
    if status == "ok":
        console.made(outcome, now)
    console.ended(outcome, now)


def ready(console: Console, now: float) -> None:
    console.worker_ready(WorkerInfo("w0", 0, "cpu", 1, "", 0.5, 4321), now)


def test_a_line_now_and_then_with_speed_and_time_left(show: Show) -> None:
    def run(console: Console) -> None:
        console.begin(INFO, Amount(30 * 6, 30), Amount(10 * 6, 10))
        ready(console, T0)
        for index in range(30):
            ended(console, index, T0 + 5.0 * (index + 1))

    lines = show(run)
    assert lines[:2] == [
        "ttsflow: backend sim, policy sequential, chosen by --policy",
        "ttsflow: kept from before: 10 of 40 chunks",
    ]
    assert lines[2] == ("ttsflow:  40% of the text, 12.0 s of speech, 0.4 x real time, about 2:00 min left")
    assert len(lines) == 2 + 150.0 / LINE_S
    assert lines[-1].startswith("ttsflow: 100% of the text, 1:00 min of speech")


def test_chunks_without_anything_to_say_do_not_count(show: Show) -> None:
    def run(console: Console) -> None:
        console.begin(INFO, Amount(12, 2))
        ready(console, T0)
        ended(console, 0, T0 + 1.0)
        ended(console, 1, T0 + 40.0, status="pause", text="***")
        ended(console, 2, T0 + 80.0)

    lines = show(run)[1:]
    assert [line.split("%")[0].split()[-1] for line in lines] == ["50", "100"]


def test_a_stream_is_counted_in_characters(show: Show) -> None:
    def run(console: Console) -> None:
        console.begin(INFO, Amount(20))
        ready(console, T0)
        job = ChunkJob("main", 0, "Hello")
        console.ended(Outcome(job, "ok", audio_s=2.0), T0 + 40.0)

    assert show(run)[-1].startswith("ttsflow:  25% of the text, 2.0 s of speech")


def test_before_a_worker_is_ready_no_line_is_written(show: Show) -> None:
    assert len(show(lambda console: console.begin(INFO, Amount(30, 5)))) == 1


def test_how_much_of_the_file_is_made_is_told_now_and_then(show: Show) -> None:
    def run(console: Console) -> None:
        console.begin(INFO, Amount(6, 1))
        ready(console, T0)
        ended(console, 0, T0 + 1.0)
        for part in range(10):
            console.encoding(part / 10, T0 + LINE_S / 3 * part)

    assert show(run)[1:] == [f"ttsflow: encoding {part}%" for part in (30, 60, 90)]
