"""The ends of a stream in an event loop: they have no thread, and never block the one that feeds them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from ttsflow.errors import RunError
from ttsflow.interface.jobs import AudioPiece, ChunkJob, Outcome
from ttsflow.runner.ends import Fail, Report, Submissions, Wake
from ttsflow.scheduler.messages import ChunkFailed, Deliver, Delivered


class _LoopEnd:
    """One end of a stream, made in the loop that is running. Its stream fails when that is closed."""

    _fail: Fail

    def __init__(self, stream: str) -> None:
        self._stream, self._loop = stream, asyncio.get_running_loop()

    def _call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Have a function called in the loop."""
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            self._fail(RunError(f"the event loop of stream {self._stream!r} is closed"))


class LoopOutlet(_LoopEnd):
    """Keeps the audio until it is asked for: the pieces of each chunk, then its Outcome, failed or not.

    With its Outcome a chunk is Delivered, so the window of the stream bounds what is kept here. Of a stream
    that ended early nothing more is given. One task at a time may wait for it.
    """

    stored = False

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._items: deque[AudioPiece | Outcome] = deque()
        self._news, self._end = asyncio.Event(), asyncio.Event()
        self._told = False  # that there is news
        self._over = self._left = False
        self._whole = True

    def start(self, report: Report, fail: Fail, wake: Wake) -> None:
        """Take what connects it with its stream."""
        self._report, self._fail, self._wake = report, fail, wake

    def take(self, command: Deliver | ChunkFailed) -> None:
        """Keep what a command hands over."""
        if isinstance(command, Deliver):
            self._items.extend(command.payloads)
        if command.outcome is not None:
            self._items.append(command.outcome)
        self._tell()

    def end(self, whole: bool, error: BaseException | None = None) -> None:
        """Nothing more will come."""
        self._wake(error)  # first: whoever sees the end may ask how it ended
        self._whole, self._over = whole, True
        self._call(self._look)

    @property
    def ended(self) -> bool:
        return self._over

    def join(self, until: float) -> bool:
        """Whether it has ended: there is nothing to wait for."""
        return self._over

    # ------------------------------------------------------------ in the loop

    async def next(self) -> AudioPiece | Outcome | None:
        """Wait for what comes next; None at the end."""
        while not self._left:
            self._news.clear()
            self._told = False  # whatever comes from now on is told again
            over = self._over  # first: what was there before the end is still to be given
            if self._items and (self._whole or not over):
                return self._given(self._items.popleft())
            if over:
                break
            await self._news.wait()
        return None

    def leave(self) -> None:
        """Nobody wants any more: the end is now."""
        self._left = True
        self._news.set()

    async def wait_ended(self) -> None:
        """Wait until the stream has ended."""
        await self._end.wait()

    def _given(self, item: AudioPiece | Outcome) -> AudioPiece | Outcome:
        if isinstance(item, Outcome):
            self._report(Delivered(self._stream, item.job.index))
        return item

    def _tell(self) -> None:
        """Have whoever waits look again: told once for all that comes before that."""
        if not self._told:
            self._told = True
            self._call(self._look)

    def _look(self) -> None:
        self._news.set()
        if self._over:
            self._end.set()


class TaskSource(_LoopEnd):
    """Pulls jobs on request in a task; `jobs` is closed when they are no longer wanted."""

    def __init__(self, stream: str, jobs: AsyncGenerator[ChunkJob, None]) -> None:
        super().__init__(stream)
        self._jobs = jobs
        self._wanted = asyncio.Semaphore(0)
        self._left = False

    def start(self, report: Report, fail: Fail) -> None:
        """Start the task, in the loop."""
        self._submissions, self._fail = Submissions(self._stream, report), fail
        self._task = self._loop.create_task(self._run(), name=f"source of {self._stream}")

    def want(self, count: int) -> None:
        """Have `count` more jobs submitted."""
        self._call(self._allow, count)

    def end(self) -> None:
        """Have no more jobs submitted."""
        self._call(self.leave)

    @property
    def ended(self) -> bool:
        return True  # it has no thread

    def join(self, until: float) -> None:
        """There is nothing to wait for."""

    # ------------------------------------------------------------ in the loop

    def leave(self) -> None:
        """Nobody wants any more: what the task waits for is cancelled."""
        if not self._left:
            self._left = True
            self._task.cancel()

    async def wait_ended(self) -> None:
        """Wait until the jobs are closed."""
        await asyncio.wait([self._task])

    def _allow(self, count: int) -> None:
        for _ in range(count):
            self._wanted.release()

    async def _run(self) -> None:
        try:
            async with aclosing(self._jobs):
                while await self._wanted.acquire():
                    job = await anext(self._jobs, None)
                    if job is None:
                        self._submissions.end()
                        return
                    self._submissions.add(job)
                    await asyncio.sleep(0)  # each takes CPU time, and many may be there at once
        except BaseException as error:  # a source may raise anything, and no other code would see it
            if self._left:
                raise
            self._fail(error)
