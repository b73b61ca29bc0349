"""A limit of time for what calls a policy: one that does not come back is ended, and the line is named."""

from __future__ import annotations

import ctypes
import math
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ttsflow.testing.crowding import crowding

T = TypeVar("T")

PATIENCE_S = 20.0
"""seconds that a rule may take; a sound policy takes a second or two of them"""

AWAKE_S = 0.2

LOOKS = 10
"""at a thread, each after AWAKE_S: what works comes to it on a busy machine, too"""


class Stuck(Exception):
    """What was called does not come back. The message names the line."""


class _Ended(BaseException):
    """Raised in a thread to end it."""


def in_time(work: Callable[[], T], patience_s: float = PATIENCE_S, most_s: float = math.inf) -> T:
    """Do `work` on a thread of its own. Raises what it raises, and Stuck where it takes too long.

    `patience_s` is stretched where the machine is crowded, to `most_s` at most.

    Then an exception is raised in it, which ends it unless it waits for something outside of Python. Not so
    with one that waits where lines are traced, as by coverage or a debugger: while an exception is on its way
    to a thread, Python 3.11 does not get past the beginning of a traced function.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def do() -> None:
        try:
            results.append(work())
        except BaseException as error:  # the caller's thread raises it
            errors.append(error)

    thread = threading.Thread(target=do, name="a check of a policy", daemon=True)
    thread.start()
    patience_s = min(patience_s * crowding(), most_s)
    waited_s = 0.0
    while thread.is_alive() and waited_s < patience_s:
        thread.join(AWAKE_S)  # so that a signal is seen
        waited_s += AWAKE_S
    if thread.is_alive():
        frame = sys._current_frames().get(thread.ident or 0)
        where = traceback.extract_stack(frame)[-1] if frame is not None else None
        if sys.gettrace() is None or _works(thread):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Ended)
            )
        line = f"{where.filename}:{where.lineno}: {where.line}" if where is not None else "an unknown line"
        raise Stuck(f"it does not come back within {patience_s:.0f} s: it is stuck in {line}")
    if errors:
        raise errors[0]
    return results[0]


def _works(thread: threading.Thread) -> bool:
    """Whether a thread takes time of a processor, rather than to wait for something, or to be over."""
    times = Path(f"/proc/self/task/{thread.native_id}/schedstat")
    with suppress(OSError):
        before = times.read_text().split()[0]  # nanoseconds that it ran
        for _ in range(LOOKS):
            time.sleep(AWAKE_S)
            if times.read_text().split()[0] != before:
                return True
    return False
