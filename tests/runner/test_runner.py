"""The runner with real worker processes: order, faults, blocking edges, and what is left afterwards."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.runner.doubles import QUICK, Memory, Notes, Some, boom, chunks, until
from ttsflow.errors import PolicyError, RunError, WorkerError
from ttsflow.interface.jobs import Account, ChunkJob
from ttsflow.runner.stream import RunningStream
from ttsflow.scheduler.limits import Limits, Timeouts


class Lazy(Some):
    """Never starts a job."""

    name = "lazy"

    def dispatch(self, view: Any) -> Iterable[Any]:
        return ()


@pytest.mark.parametrize("workers", [1, 2])
def test_every_chunk_arrives_in_order_byte_for_byte(
    run: Any, speakers: Any, workers: int, tmp_path: Path
) -> None:
    sink, notes = Memory(), Notes()
    texts = [f"meet {tmp_path / 'pids'} {workers}"]
    texts += [f"sleep {0.02 * (index % 3)}" for index in range(1, 30)]
    with run(Some(workers), observer=notes) as runner:
        account = runner.open("s", chunks(texts), sink).wait(60)
    assert account == Account(submitted=30, delivered=30)
    expected = np.concatenate([speakers.sound(index) for index in range(30)])
    assert np.concatenate(sink.audio).tobytes() == expected.tobytes()
    assert [outcome.job.index for outcome in sink.outcomes] == list(range(30))
    assert sink.calls == ["finish"]
    assert len({outcome.worker for outcome in sink.outcomes}) == workers
    assert notes.outcomes == sink.outcomes
    assert notes.audio == {("s", index): pytest.approx(200 / speakers.RATE) for index in range(30)}
    assert [info.generation for info in notes.workers] == [1] * workers
    assert {info.cuda_visible_devices for info in notes.workers} == {""}


def test_several_slots_share_one_worker(run: Any, speakers: Any) -> None:
    sink = Memory()
    with run(Some(slots=4), chorus=True) as runner:
        runner.open("s", chunks(["hello", "doubt"] * 6), sink).wait(60)
    assert sink.statuses == ["ok", "flagged"] * 6
    expected = np.concatenate([speakers.sound(index) for index in range(12)])
    assert np.concatenate(sink.audio).tobytes() == expected.tobytes()
    assert {outcome.worker for outcome in sink.outcomes} == {"w0"}


@pytest.mark.parametrize("fault", ["kill", "segfault", "exit", "mend"])
def test_a_fault_in_a_job_costs_nothing_but_time(run: Any, speakers: Any, tmp_path: Path, fault: str) -> None:
    sink, notes = Memory(), Notes()
    texts = ["hello"] * 3 + [f"{fault} {tmp_path / 'flag'}"] + ["hello"] * 3
    with run(Some(2), observer=notes) as runner:
        account = runner.open("s", chunks(texts), sink).wait(60)
    assert account == Account(submitted=7, delivered=7)
    expected = np.concatenate([speakers.sound(index) for index in range(7)])
    assert np.concatenate(sink.audio).tobytes() == expected.tobytes()
    assert [outcome.attempts for outcome in sink.outcomes] == [1, 1, 1, 2, 1, 1, 1]
    assert any("tried again" in notice for notice in notes.notices)


def test_chunks_that_cannot_be_spoken_are_named_and_the_rest_is_delivered(run: Any, speakers: Any) -> None:
    sink = Memory()
    with run() as runner:
        account = runner.open("s", chunks(["hello", "refuse", "raise", "shape", "hello"]), sink).wait(60)
    assert account == Account(submitted=5, delivered=2, failed=3)
    assert sink.statuses == ["ok", "failed", "failed", "failed", "ok"]
    assert [outcome.attempts for outcome in sink.outcomes] == [1, 1, 3, 3, 1]
    assert sink.outcomes[1].why == "this cannot be spoken"
    assert "no such thing" in str(sink.outcomes[2].why)
    assert (
        np.concatenate(sink.audio).tobytes()
        == np.concatenate([speakers.sound(0), speakers.sound(4)]).tobytes()
    )


def test_a_stream_whose_last_chunk_fails_still_finishes(run: Any) -> None:
    sink = Memory()
    with run() as runner:
        assert runner.open("s", chunks(["refuse"]), sink).wait(60) == Account(submitted=1, failed=1)
    assert sink.statuses == ["failed"]
    assert sink.calls == ["finish"]


def test_a_pause_and_an_empty_stream_need_no_worker_to_speak(run: Any) -> None:
    pause, nothing = Memory(), Memory()
    with run() as runner:
        job = ChunkJob("pause", 0, "***", speakable=False)
        assert runner.open("pause", [job], pause).wait(60) == Account(submitted=1, delivered=1)
        assert runner.open("nothing", [], nothing).wait(60) == Account()
    assert pause.statuses == ["pause"]
    assert nothing.calls == ["finish"]


@pytest.mark.parametrize(
    ("load", "starts", "why"),
    [
        ("refuse", 1, "the weights are not there"),
        ("raise", 2, "CUDA is busy"),
        ("exit", 2, "exit code 7: cannot"),
    ],
)
def test_a_model_that_cannot_be_loaded_ends_the_run(
    run: Any, started: Any, load: str, starts: int, why: str
) -> None:
    sink, notes = Memory(), Notes()
    limits = Limits(restarts=1, timeouts=QUICK.timeouts)
    with run(limits=limits, observer=notes, load=load) as runner:
        with pytest.raises(WorkerError, match=why):
            runner.open("s", chunks(["hello"]), sink).wait(60)
        with pytest.raises(WorkerError, match=why):  # and so does every stream after it
            runner.open("t", chunks(["hello"], "t"), Memory()).wait(60)
    assert sink.calls == ["abort"]
    assert len(started()) == starts
    assert not any(why in notice for notice in notes.notices)  # the error tells it


def test_a_missing_interpreter_ends_the_run(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with run() as runner, pytest.raises(WorkerError, match="no process can be started"):
        runner.open("s", chunks(["hello"]), Memory()).wait(60)


def test_a_policy_that_starves_its_jobs_ends_the_run(run: Any) -> None:
    sink = Memory()
    with run(Lazy()) as runner, pytest.raises(PolicyError, match="lazy"):
        runner.open("s", chunks(["hello"]), sink).wait(60)
    assert sink.calls == ["abort"]


class Quitter(Some):
    """Takes itself for the main program."""

    def dispatch(self, view: Any) -> Iterable[Any]:
        sys.exit("goodbye")


def test_a_policy_that_exits_does_not_hang(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    sink = Memory()
    with run(Quitter()) as runner, pytest.raises((PolicyError, SystemExit)):
        runner.open("s", chunks(["hello"]), sink).wait(60)
    assert sink.calls == ["abort"]


def test_a_recipe_that_cannot_travel_is_an_error_and_no_hang(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with run(recipe=lambda: None) as runner, pytest.raises(Exception, match="pickle"):
        runner.open("s", chunks(["hello"]), Memory()).wait(60)
    assert "the runner failed" in caplog.text


def test_a_cancelled_stream_gives_its_account_and_the_others_go_on(run: Any) -> None:
    gone, stays = Memory(), Memory()
    with run() as runner:
        first = runner.open("gone", chunks(["sleep 0.05"] * 1000, "gone"), gone)
        other = runner.open("stays", chunks(["hello"] * 5, "stays"), stays)
        until(lambda: gone.outcomes)
        first.cancel()
        account = first.wait(60)
        assert other.wait(60).delivered == 5
        first.cancel()  # too late to matter
    assert account.settled
    assert account.not_reached > 0
    assert gone.calls == ["abort"]
    assert stays.calls == ["finish"]


def test_a_worker_that_does_not_let_go_of_a_cancelled_job_is_replaced(run: Any, started: Any) -> None:
    sink = Memory()
    with run() as runner:
        stuck = runner.open("stuck", chunks(["sleep 600"], "stuck"), sink, live=True)
        until(lambda: sink.audio)  # its first piece: it sleeps now
        stuck.cancel()
        stuck.wait(60)
        assert runner.open("s", chunks(["hello"]), Memory()).wait(60).delivered == 1
    assert len(started()) == 2


@pytest.mark.parametrize("error", [BrokenPipeError("the reader went away"), OSError(28, "No space left")])
def test_a_sink_that_fails_ends_its_own_stream(run: Any, error: OSError) -> None:
    broken, whole = Memory(at=2, deed=lambda: boom(error)), Memory()
    with run(Some(2)) as runner:
        first = runner.open("broken", chunks(["hello"] * 50, "broken"), broken)
        other = runner.open("whole", chunks(["hello"] * 10, "whole"), whole)
        with pytest.raises(type(error)) as raised:
            first.wait(60)
        assert raised.value is error
        assert other.wait(60).delivered == 10
    assert len(broken.outcomes) == 2
    assert broken.calls == ["abort"]


def test_a_sink_that_fails_at_the_very_end(run: Any) -> None:
    sink = Memory()
    sink.finish = lambda: boom(OSError("cannot rename"))  # type: ignore[method-assign]  # the fault
    with run() as runner, pytest.raises(OSError, match="cannot rename"):
        runner.open("s", chunks(["hello"]), sink).wait(60)
    assert sink.calls == ["abort"]


def test_a_source_that_fails_ends_its_own_stream(run: Any) -> None:
    def source() -> Iterator[ChunkJob]:
        yield from chunks(["hello"] * 3, "bad")
        raise ValueError("page 4 is torn")

    bad, strange = Memory(), Memory()
    with run() as runner:
        with pytest.raises(ValueError, match="page 4 is torn"):
            runner.open("bad", source(), bad).wait(60)
        with pytest.raises(ValueError, match="after chunk 0"):
            runner.open("strange", chunks(["hello"], "strange") * 2, strange).wait(60)
        assert runner.open("s", chunks(["hello"]), Memory()).wait(60).delivered == 1
    assert bad.calls == strange.calls == ["abort"]


def test_a_slow_source_is_spoken_as_it_comes(run: Any) -> None:
    more = threading.Event()
    sink = Memory(at=1, deed=more.set)

    def source() -> Iterator[ChunkJob]:
        yield from chunks(["hello"] * 2)
        assert more.wait(60)  # comes only once the first two were written
        yield ChunkJob("s", 2, "hello")

    with run() as runner:
        assert runner.open("s", source(), sink).wait(60).delivered == 3


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("hello", Account(submitted=61, delivered=61)),
        ("refuse", Account(submitted=61, delivered=1, failed=60)),
    ],
)
def test_a_long_source_is_pulled_only_as_far_as_the_window(run: Any, text: str, end: Account) -> None:
    pulled, release = [], threading.Event()

    def source() -> Iterator[ChunkJob]:
        for job in chunks(["hello"] + [text] * 60):
            pulled.append(job)
            yield job

    with run() as runner:
        handle = runner.open("s", source(), Memory(at=0, deed=lambda: release.wait(60)))
        until(lambda: pulled)
        with pytest.raises(TimeoutError):
            handle.wait(1.5)
        most = len(pulled)
        release.set()
        assert handle.wait(60) == end
    assert 0 < most <= QUICK.look_ahead


def test_a_blocked_sink_holds_up_nobody_else(run: Any) -> None:
    release = threading.Event()
    blocked, free = Memory(at=0, deed=lambda: release.wait(60)), Memory()
    with run() as runner:
        waits = runner.open("blocked", chunks(["hello"] * 20, "blocked"), blocked)
        assert runner.open("free", chunks(["hello"] * 20, "free"), free).wait(60).delivered == 20
        assert not blocked.outcomes
        release.set()
        assert waits.wait(60).delivered == 20


def test_many_streams_at_once(run: Any, speakers: Any) -> None:
    names = [f"stream {number}" for number in range(40)]
    sinks = {name: Memory() for name in names}
    with run(Some(2)) as runner:
        handles = [runner.open(name, chunks(["hello"] * 5, name), sinks[name]) for name in names]
        assert {handle.wait(60) for handle in handles} == {Account(submitted=5, delivered=5)}
    expected = np.concatenate([speakers.sound(index) for index in range(5)]).tobytes()
    assert all(np.concatenate(sink.audio).tobytes() == expected for sink in sinks.values())


def test_a_live_stream_gets_its_pieces_as_they_are_made(run: Any, tmp_path: Path) -> None:
    heard, go = threading.Event(), tmp_path / "go"
    go.touch()
    sink = Memory()
    take = sink.write
    sink.write = lambda pieces: (take(pieces), heard.set())  # type: ignore[assignment]  # listens in
    with run() as runner:
        handle = runner.open("s", chunks([f"meet {go} 1"]), sink, live=True)
        assert heard.wait(60)
        assert len(sink.audio) == 1
        assert not sink.outcomes
        go.write_text("1")
        assert handle.wait(60).delivered == 1
    assert len(sink.audio) == 2


def test_a_stream_cannot_be_opened_twice_nor_after_the_end(run: Any) -> None:
    runner = run()
    with runner:
        first = runner.open("s", chunks(["sleep 0.5"]), Memory())
        with pytest.raises(ValueError, match="open already"):
            runner.open("s", chunks(["hello"]), Memory()).wait(60)
        assert first.wait(60).delivered == 1
    sink = Memory()
    with pytest.raises(RunError, match="closed"):
        runner.open("t", chunks(["hello"], "t"), sink).wait(60)
    until(lambda: sink.calls)
    assert sink.calls == ["abort"]


@pytest.mark.parametrize("now", [False, True])
def test_close_ends_open_streams_and_busy_workers(run: Any, now: bool) -> None:
    sinks = {name: Memory() for name in "ab"}
    limits = Limits(timeouts=Timeouts(close_s=0.5))
    runner = run(Some(2), limits)
    runner.start()
    handles = [
        runner.open(name, chunks(["sleep 600"] * 4, name), sink, live=True) for name, sink in sinks.items()
    ]
    until(lambda: all(sink.audio for sink in sinks.values()))  # both sleep now
    runner.close(now=now)  # and does not wait until they have slept
    for handle in handles:
        with pytest.raises(RunError, match="closed"):
            handle.wait(0)
    assert [sink.calls for sink in sinks.values()] == [["abort"]] * 2


def test_a_second_close_makes_the_first_one_hurry(run: Any) -> None:
    sink = Memory()
    runner = run(limits=Limits(timeouts=Timeouts(close_s=600)))
    runner.start()
    runner.open("s", chunks(["sleep 600"]), sink, live=True)
    until(lambda: sink.audio)
    polite = threading.Thread(target=runner.close)
    polite.start()
    polite.join(0.3)
    assert polite.is_alive()
    runner.close(now=True)
    polite.join(60)
    assert not polite.is_alive()


def test_streams_whose_sources_block_are_closed_all_at_once(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, join_source = set(), RunningStream.join_source

    def noted(stream: RunningStream, until: float) -> None:
        waits.add(until)
        join_source(stream, until)

    monkeypatch.setattr(RunningStream, "join_source", noted)
    release, asked = threading.Event(), threading.Semaphore(0)

    def typing() -> Iterator[ChunkJob]:
        asked.release()
        release.wait()
        yield from ()

    runner = run()
    runner.start()
    handles = [runner.open(f"stream {number}", typing(), Memory()) for number in range(120)]
    for _ in handles:
        assert asked.acquire(timeout=60)
    runner.close(now=True)
    assert len(waits) == 1, "one deadline is that of all"
    for handle in handles:
        with pytest.raises(RunError, match="closed"):
            handle.wait(0)
        assert handle.account == Account()
    release.set()
    until(lambda: not any(thread.name.startswith("source of") for thread in threading.enumerate()))


def test_an_old_source_does_not_disturb_a_new_stream_of_the_same_name(run: Any) -> None:
    release, raised = threading.Event(), threading.Event()

    def old() -> Iterator[ChunkJob]:
        yield from chunks(["hello"])
        release.wait(60)
        raised.set()
        raise ConnectionError("the old connection was closed")

    before, after = Memory(), Memory(at=0, deed=lambda: (release.set(), raised.wait(60), time.sleep(0.3)))
    with run() as runner:
        first = runner.open("s", old(), before)
        until(lambda: before.outcomes)
        first.cancel()
        assert first.wait(60).settled
        second = runner.open("s", chunks(["hello"] * 3), after)
        first.cancel()
        assert second.wait(60) == Account(submitted=3, delivered=3)


def test_of_two_failures_the_first_one_is_told(run: Any) -> None:
    aborting, raised = threading.Event(), threading.Event()

    def source() -> Iterator[ChunkJob]:
        try:
            yield from chunks(["hello"])
            assert aborting.wait(60)
            raise ValueError("the second")
        finally:
            raised.set()

    def abort() -> None:
        aborting.set()
        raised.wait(60)
        time.sleep(0.3)

    sink = Memory(at=0, deed=lambda: boom(OSError("the first")))
    sink.abort = abort  # type: ignore[method-assign]  # gives the source the time to fail, too
    with run() as runner, pytest.raises(OSError, match="the first"):
        runner.open("s", source(), sink).wait(60)


def broken_source() -> Iterator[ChunkJob]:
    yield from chunks(["hello"] * 3)
    raise ValueError("page 4 is torn")


class Moody(Some):
    """Goes wrong at chunk 2."""

    name = "moody"

    def dispatch(self, view: Any) -> Iterable[Any]:
        for worker in view.free:
            job = view.ready.first()
            if job is not None:
                if job.index == 2:
                    raise ValueError("no more")
                yield job, worker


@pytest.mark.parametrize("ending", ["cancel", "sink", "source", "policy", "close", "close now"])
def test_an_early_ending_has_an_account(run: Any, ending: str) -> None:
    sink = Memory(at=1, deed=lambda: boom(OSError("no space")) if ending == "sink" else None)
    jobs = broken_source() if ending == "source" else chunks(["refuse", *["sleep 0.05"] * 500])
    runner = run(Moody() if ending == "policy" else Some())
    runner.start()
    handle = runner.open("s", jobs, sink)
    if ending in ("cancel", "close", "close now"):
        until(lambda: len(sink.outcomes) >= 2)
    if ending == "cancel":
        handle.cancel()
        assert handle.wait(60) == handle.account
    elif ending.startswith("close"):
        runner.close(now=ending == "close now")
        with pytest.raises(RunError, match="closed"):
            handle.wait(0)
    else:
        with pytest.raises((OSError, ValueError, PolicyError)):
            handle.wait(60)
    account = handle.account
    runner.close()
    assert handle.account == account
    assert account is not None
    assert account.settled
    assert account.submitted >= 3
    written = [status for status in sink.statuses if status != "failed"]
    assert account.delivered == len(written) or ending in ("cancel", "close", "close now", "source")
    assert account.not_reached > 0 or ending == "source"
    assert account.failed == (ending != "source")


def test_ctrl_c_interrupts_the_wait_and_leaves_nothing(run: Any, started: Any) -> None:
    sink = Memory()

    def interrupt() -> None:
        until(started)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt).start()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), run() as runner:
            runner.open("s", chunks(["sleep 600"]), sink).wait()
    finally:
        signal.signal(signal.SIGINT, before)
    assert sink.calls == ["abort"]


def test_an_observer_hears_what_workers_load(run: Any) -> None:
    notes = Notes()
    with run(Some(2), observer=notes, load="tell") as runner:
        runner.open("s", chunks(["hello"] * 4), Memory()).wait()
    assert {worker for worker, _ in notes.loads} <= {"w0", "w1"}
    told = [what for worker, what in notes.loads if worker == notes.workers[0].worker]
    assert told == ["reading the weights", "x" * 200]


def test_an_observer_that_fails_does_not_hang(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    notes = Notes()
    caplog.set_level(logging.DEBUG)
    notes.ended = lambda outcome, now: boom(OSError("the report cannot be written"))  # type: ignore[method-assign]  # the fault
    with run(observer=notes) as runner, pytest.raises(OSError, match="the report cannot be written"):
        runner.open("s", chunks(["hello"] * 3), Memory()).wait(60)
    assert "the runner failed" in caplog.text
