"""Who encodes: all cores, or a single thread that gives way to whatever else is to be done."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import get_native_id
from typing import Any, TypeVar

from ttsflow.devices.detection import cores

T = TypeVar("T")
IsInterrupted = Callable[[], bool]
Task = Callable[[IsInterrupted], T]
"""Work that raises `Interrupted` where, now and then, it finds that it is interrupted."""

_NICENESS = 10
"""A tenth of the share of a core that a worker gets. With 19 this thread would wait for a core for most of a
second, and sometimes with the interpreter's lock, for which the others wait then (measured: 0.76 s; with 10,
0.08 s, as with 0)."""

_NICEST = 19


class Interrupted(Exception):
    """The work was left where it was."""


class EncoderPool:
    """Takes tasks. They are carried out on all cores; with `alone`, on the thread that brings them.

    `interrupt` may be called on any thread, all else on one thread at a time.
    """

    def __init__(self, *, alone: bool = False) -> None:
        self._alone, self._interrupted = alone, False
        self._threads: ThreadPoolExecutor | None = None
        self._left: deque[tuple[Future[Any], Task[Any]]] = deque()

    def submit(self, task: Task[T]) -> Future[T]:
        """Have a task carried out."""
        future: Future[T] = Future()
        self._left.append((future, task))
        if not self._alone:
            self._share_out()
        elif not self._interrupted:
            self._work()
        return future

    @property
    def waited_for(self) -> bool:
        """Whether what was submitted will be done if one waits for it."""
        return not self._alone

    def interrupt(self) -> None:
        """Leave the task that is carried out alone; what is left waits for `use_all_cores`."""
        self._interrupted = True

    def use_all_cores(self) -> None:
        """From now on all cores are at work, also at what was left."""
        self._alone = self._interrupted = False
        self._share_out()

    def end(self, *, drop: bool = False) -> None:
        """No task will come any more; with `drop`, none is wanted either."""
        if drop:
            self._interrupted = True
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=drop)
            self._threads = None

    def _share_out(self) -> None:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(cores(), "encoder")
        while self._left:
            future, task = self._left.popleft()
            self._threads.submit(self._carry_out, future, task)

    def _work(self) -> None:
        future, task = self._left.popleft()
        try:
            future.set_result(task(lambda: self._interrupted))
        except Interrupted:
            self._left.appendleft((future, task))

    def _carry_out(self, future: Future[Any], task: Task[Any]) -> None:
        try:
            future.set_result(task(lambda: self._interrupted))
        except BaseException as error:  # whoever waits for the result is told
            future.set_exception(error)


def give_way() -> None:
    """Let this thread have what the others leave of the cores, where the system knows such a thing."""
    if sys.platform == "linux":  # elsewhere it would be the whole process
        with suppress(OSError):
            own = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, get_native_id(), min(own + _NICENESS, _NICEST))
