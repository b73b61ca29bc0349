"""An error that nobody foresaw, in each thread of the program: no hang, and the run goes on later."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.program import TWO_WORKERS, Program, paragraphs, sim

INJECT = '''
import ctypes, sys, threading, time

name, after = sys.argv[1], int(sys.argv[2])

def at_work(thread):
    """Whether a thread is in what its first function of the program calls: before and after, no `try` holds.

    Nor does it start a thread: until that one has begun, CPython knows it by the number of this one, and may
    raise the error there, where no code of the program runs.
    """
    frame, depth = sys._current_frames().get(thread.ident), 0
    while frame:
        if frame.f_code is threading.Thread.start.__code__:
            return False
        depth += "/ttsflow/" in frame.f_code.co_filename
        frame = frame.f_back
    return depth > 1

def inject():
    """Raise MemoryError in the thread of this name, a while after it began.

    In the main thread, a while after the run began: what the program imports before it may catch any error.
    """
    seen = 0
    while True:
        threads = threading.enumerate()
        running = name != "MainThread" or any(thread.name == "ttsflow runner" for thread in threads)
        for thread in threads if running else ():
            if thread.name.startswith(name) and at_work(thread):
                seen += 1
                if seen > after:
                    ident, error = ctypes.c_ulong(thread.ident), ctypes.py_object(MemoryError)
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, error)
                    print("INJECTED", file=sys.__stderr__, flush=True)
                    return
        time.sleep(0.01)

threading.Thread(target=inject, daemon=True, name="zz").start()
from ttsflow.cli import main
sys.argv = ["ttsflow", *sys.argv[6:]]  # behind: python -m ttsflow
sys.exit(main())
'''

UNTRACED = ("env", "-u", "COVERAGE_PROCESS_START", sys.executable)
"""coverage has code of its own in each thread, which the error would break"""

ENDING = ("sink of", "store of", "source of", "ttsflow runner", "MainThread")
"""threads without which the run ends"""

OTHERS = ("watchdog", "standard error", "output of", "reader of")
"""threads without which it goes on, or that are begun again"""

TEXT = ("--text", paragraphs(24), *TWO_WORKERS)
SPEECH = (*TEXT, *sim(chunk_s=0.2))
QUICK = (*TEXT, *sim(rtf=0))
"""the same audio, without the time in which something can be injected"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path], Program]) -> bytes:
    program = new_program(tmp_path_factory.mktemp("undisturbed"))
    program("run", *QUICK)
    return samples(program)


def samples(program: Program) -> bytes:
    return (program.folder / "speech.wav").read_bytes().partition(b"data")[2]


@pytest.mark.parametrize(
    ("name", "after"),
    [(name, after) for name in (*ENDING[1:], *OTHERS) for after in (0, 60, 150)],
)
def test_in_a_run_that_writes_a_file(program: Program, undisturbed: bytes, name: str, after: int) -> None:
    program.write("inject.py", INJECT)
    process = program.start("run", *SPEECH, before=[*UNTRACED, "inject.py", name, str(after)])
    ended = program.finish(process)
    injected = "INJECTED" in ended.err
    assert injected or after == 150, "a thread may have ended so late in a run, and in none before"
    assert "Traceback" not in ended.err
    assert ended.code in (0, 3), ended.err
    if ended.code == 3:
        assert len([line for line in ended.err.splitlines() if line.startswith("ttsflow: error:")]) == 1
    if injected and after and name in ENDING:
        assert ended.code == 3
    program.await_end()  # a worker that was being started ends with the program
    program("run", *QUICK)
    assert samples(program) == undisturbed


@pytest.mark.parametrize("name", [ENDING[0], *ENDING[2:], *OTHERS])
def test_in_a_run_that_somebody_hears(program: Program, name: str) -> None:
    program.write("inject.py", INJECT)
    process = program.start("run", "-o", "-", *SPEECH, before=[*UNTRACED, "inject.py", name, "60"])
    ended = program.finish(process)
    assert "Traceback" not in ended.err
    assert ended.code == 3 if name in ENDING else ended.code in (0, 3), ended.err
    assert program.processes() == []
