"""Waiting for the workers, and what a runner refuses."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.runner.doubles import QUICK, Memory, Notes, Some, boom, chunks, until
from ttsflow.errors import PolicyError, RunError, WorkerError
from ttsflow.scheduler.limits import Limits


def test_it_waits_until_every_worker_has_loaded(run: Any) -> None:
    notes = Notes()
    with run(Some(2), observer=notes) as runner:
        runner.wait_ready(60)
        assert len(notes.workers) == 2
        runner.wait_ready(0.5)  # again, and at once
        assert runner.open("s", chunks(["hello"]), Memory()).wait(60).delivered == 1
        runner.wait_ready(60)


@pytest.mark.parametrize(
    ("load", "said"),
    [("hang", "worker w0 has said nothing yet"), ("tell and hang", "worker w0 said 'waiting'")],
)
def test_a_worker_that_never_loads_is_named_with_what_it_said_last(run: Any, load: str, said: str) -> None:
    with run(load=load) as runner:
        assert told(runner, said) == f"the workers have not loaded within 0.3 s: {said}"


def test_a_worker_that_has_to_be_started_again_is_waited_for(run: Any, started: Any) -> None:
    notes = Notes()
    with run(observer=notes, load="once") as runner:
        runner.wait_ready(60)
        assert [info.generation for info in notes.workers] == [2]
    assert len(started()) == 2


def test_until_it_says_something_it_is_told_how_its_last_process_ended(run: Any) -> None:
    with run(limits=Limits(restarts=20, timeouts=QUICK.timeouts), load="raise") as runner:
        told(runner, "worker w0 ended: RuntimeError: CUDA is busy (speakers.py:")


@pytest.mark.parametrize(
    ("load", "why"), [("refuse", "the weights are not there"), ("raise", "CUDA is busy")]
)
def test_where_no_worker_can_load_it_raises_what_ended_the_run(run: Any, load: str, why: str) -> None:
    with run(limits=Limits(restarts=1, timeouts=QUICK.timeouts), load=load) as runner:
        for _ in range(2):
            with pytest.raises(WorkerError, match=why):
                runner.wait_ready(60)
        with pytest.raises(WorkerError, match=why):
            runner.check_usable()
        with pytest.raises(WorkerError, match=why):
            runner.open("s", chunks(["hello"]), Memory()).wait(60)


def test_a_worker_that_is_given_up_beside_one_that_loads_is_not_waited_for(run: Any) -> None:
    notes = Notes()
    with run(
        Some(2), limits=Limits(restarts=0, timeouts=QUICK.timeouts), observer=notes, load="once"
    ) as runner:
        runner.wait_ready(60)
        assert len(notes.workers) == 1
        assert any("given up" in notice for notice in notes.notices)


def test_a_policy_that_fails_ends_the_wait(run: Any) -> None:
    policy = Some()
    policy.place = lambda devices, profile: boom(ValueError("nowhere"))  # type: ignore[method-assign]  # the fault
    with run(policy) as runner, pytest.raises(PolicyError, match="nowhere"):
        runner.wait_ready(60)


@pytest.mark.parametrize("now", [False, True])
def test_closing_ends_the_wait(run: Any, now: bool) -> None:
    runner = run(load="hang")
    runner.start()
    ends: list[BaseException] = []

    def wait() -> None:
        try:
            runner.wait_ready()
        except RunError as error:
            ends.append(error)

    threads = [threading.Thread(target=wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    runner.close(now)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert len(ends) == 8
    assert {str(end) for end in ends} == {"the engine is closed, and speaks no more; make another one"}


def test_ctrl_c_interrupts_the_wait(run: Any, started: Any) -> None:
    def interrupt() -> None:
        until(started)
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt), run(load="hang") as runner:
            runner.wait_ready()
    finally:
        signal.signal(signal.SIGINT, before)
        thread.join()


def test_a_closed_runner_refuses_everything_but_to_be_closed_again(run: Any) -> None:
    runner = run()
    with runner:
        runner.check_usable()
        runner.wait_ready(60)
    runner.close()
    for call in (runner.start, runner.drain, runner.wait_ready, runner.check_usable):
        with pytest.raises(RunError, match="the engine is closed, and speaks no more; make another one"):
            call()
    with pytest.raises(RunError, match="the engine is closed, and speaks no more"):
        runner.open("s", chunks(["hello"]), Memory()).wait(60)


def test_a_forked_child_is_refused_at_once_with_what_to_do(run: Any) -> None:
    with run() as runner:
        handle = runner.open("s", chunks(["hello"]), Memory())
        assert handle.wait(60).delivered == 1
        uses = {
            "open": lambda: runner.open("t", chunks(["hello"], "t"), Memory()),
            "wait": handle.wait,
            "wait_ready": runner.wait_ready,
            "drain": runner.drain,
            "check_usable": runner.check_usable,
        }
        for name, use in uses.items():
            said = in_a_forked_child(use)
            assert said.startswith(f"RunError this was opened in process {os.getpid()}, of which process "), (
                name
            )
            assert "Open another one here, after the fork, or start the child with" in said
        assert in_a_forked_child(lambda: runner.close(now=True)) == "None"
        assert runner.open("u", chunks(["hello"], "u"), Memory()).wait(60).delivered == 1, "it is unharmed"


def told(runner: Any, words: str) -> str:
    """What a wait that takes too long says, once `words` are in it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with pytest.raises(TimeoutError) as raised:
            runner.wait_ready(0.3)
        if words in str(raised.value):
            return str(raised.value)
    raise AssertionError(f"{raised.value}; expected was {words}")


def in_a_forked_child(use: Callable[[], object]) -> str:
    """What a call gives in a forked child: the error, or the repr of its result."""
    end, its_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = repr(use())
        except BaseException as error:
            said = f"{type(error).__name__} {error}"
        os.write(its_end, said.encode())
        os._exit(0)
    os.close(its_end)
    with os.fdopen(end) as said_there:
        text = said_there.read()
    os.waitpid(child, 0)
    return text
