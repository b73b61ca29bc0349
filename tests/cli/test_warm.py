"""A program that is a copy of a template is as one that is started: most tests of the program rely on it."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from tests.cli.program import NEVER_LOADS, Program, sim
from tests.cli.warm import WarmPopen

COLD = ["env"]  # a command that runs it


WAYS: dict[str, list[str | bytes]] = {
    "nothing is spoken": ["--version"],
    "a table": ["policies"],
    "audio": ["run", "--text", "Grüße.", *sim(rtf=0), "-o", "-", "-v"],
    "bytes that are no text": ["run", "--text", b"caf\xe9", *sim()],
    "a refusal": ["run", "nothing.txt"],
    "a failure": ["run", "--text", "Hello.", *sim(faults="[{at: load, kind: refuse}]")],
}


@pytest.mark.parametrize("args", WAYS.values(), ids=WAYS)
def test_it_says_and_does_the_same(program: Program, args: list[str | bytes]) -> None:
    process = program.start(*args)
    assert isinstance(process, WarmPopen)
    warm = program.finish(process)
    cold = program.finish(program.start(*args, before=COLD))
    assert (warm.code, warm.out, steady(warm.err)) == (cold.code, cold.out, steady(cold.err))


def steady(said: str) -> list[str]:
    """What is said in any run, less its times."""
    return [line for line in said.splitlines() if not any(digit.isdigit() for digit in line)]


def test_it_is_a_child_that_can_be_signalled(program: Program) -> None:
    for number, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        run = program.start("run", "--text", "Hello.", *NEVER_LOADS)
        program.until(lambda: len(program.processes()) > 1)
        assert psutil.Process(run.pid).ppid() == os.getpid()
        run.send_signal(number)
        assert program.finish(run).code == code
        program.await_end()


def test_it_has_no_file_open_but_its_own(program: Program) -> None:
    run = program.start("run", "-", *sim(), stdin=-1)
    process = psutil.Process(run.pid)
    program.until(lambda: process.cwd() == str(program.folder))
    assert process.net_connections("unix") == [], "the template's line is closed by then"
    assert program.finish(run, b"").code == 2
