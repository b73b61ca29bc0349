"""The slots of a worker: jobs that one server speaks at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ttsflow import AudioPiece, ChunkJob, Step
from ttsflow_plugins.openai.server import Server

NAP_S = 0.02
"""the longest wait in one step: a new job or a cancellation waits at most this long"""


class Slots:
    """Speaks jobs through `server`, each in a task of an event loop that runs while somebody calls.

    Raises BackendUnavailable where the server does not answer. `rate` is that of its audio, in Hz.
    """

    def __init__(self, server: Server, rate: int, progress: Callable[[str], None]) -> None:
        self._server, self._rate = server, rate
        self._tasks: dict[ChunkJob, asyncio.Task[None]] = {}
        self._steps: list[Step] = []
        self._news = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(server.greet(progress))

    def start(self, job: ChunkJob) -> None:
        """Begin to speak a job."""
        self._tasks[job] = self._loop.create_task(self._speak(job))

    def step(self) -> list[Step]:
        """What has come, as soon as anything has; empty after 20 ms without."""
        self._loop.run_until_complete(self._wait())
        steps, self._steps = self._steps, []
        for step in steps:
            if step.done or step.error:
                del self._tasks[step.job]
        return steps

    def cancel(self, job: ChunkJob) -> None:
        """Close the connection of a job, and forget what has come."""
        if (task := self._tasks.pop(job, None)) is not None:
            task.cancel()
            self._loop.run_until_complete(asyncio.wait([task]))
            self._steps = [step for step in self._steps if step.job != job]

    def close(self) -> None:
        """Close all connections; a second call does nothing."""
        if self._loop.is_closed():
            return
        for job in list(self._tasks):
            self.cancel(job)
        self._loop.run_until_complete(self._server.close())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(NAP_S):
                await self._news.wait()
        self._news.clear()

    async def _speak(self, job: ChunkJob) -> None:
        try:
            async for samples in self._server.speak(job):
                self._tell(Step(job, piece=AudioPiece(samples, self._rate)))
        except Exception as error:  # any error here belongs to this job
            self._tell(Step(job, error=error))
        else:
            self._tell(Step(job, done=True))

    def _tell(self, step: Step) -> None:
        self._steps.append(step)
        self._news.set()
