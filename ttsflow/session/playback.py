"""A request that is heard in an event loop: it costs no thread of its own, and blocks nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Executor
from contextlib import aclosing, suppress
from types import TracebackType
from typing import Self

from ttsflow.interface.jobs import Account, AudioPiece, ChunkJob, Outcome
from ttsflow.output.iterator import pause_after
from ttsflow.runner.ends import Outlet, Source
from ttsflow.runner.loop_ends import LoopOutlet, TaskSource
from ttsflow.runner.pool_source import PoolSource
from ttsflow.session.request import Delivery, Request, live_cutter
from ttsflow.session.streams import SETTLED_S, Speaking
from ttsflow.text import Coming
from ttsflow.text.arriving import arriving


class Playback:
    """A request that is being spoken to whoever iterates it: its pieces, as `Engine.stream` gives them.

    It begins with its `async with` block, and whatever is left of it at the end of the block is stopped
    within a step: also when the task is cancelled. `name` is that of the request. `position_s` says how many
    seconds of audio were taken so far, pauses included; 0.0 until the first piece has come.

    One task iterates it, once. Raises what `Engine.stream` raises: UsageError when it begins, the RunErrors,
    and ChunksFailed after the last piece.
    """

    def __init__(
        self, request: Request, begin: Callable[[Source, Outlet], Speaking], cutters: Executor
    ) -> None:
        self.name = request.name
        self.position_s = 0.0
        self._request, self._begin, self._cutters = request, begin, cutters
        self._sample_rate = request.manner.setup.profile.sample_rate
        self._ended: Outcome | None = None  # of the chunk whose pause is being taken
        self._pause: Iterator[AudioPiece] = iter(())  # what is left of it
        self._cancelled = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._outlet = LoopOutlet(self.name)
        self._source = self._make_source()
        self._speaking = self._begin(self._source, self._outlet)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self._loop.is_closed():  # else it was forgotten, and nothing can be waited for
                self.cancel()
                await self._settle()
        finally:
            self._speaking.leave(0.0)

    @property
    def account(self) -> Account | None:
        """What became of its chunks, once it has ended; None where nobody knows."""
        return self._speaking.account

    def cancel(self) -> None:
        """Stop within a step; whoever iterates comes to an end, without an error."""
        self._cancelled = True
        self._outlet.leave()
        self._speaking.cancel()
        if isinstance(self._source, TaskSource):
            self._source.leave()

    async def take(self) -> AudioPiece | Outcome | None:
        """The next piece; or, when all of a chunk was taken, its Outcome, which has its words; None at the
        end. Raises as the iteration does."""
        item: AudioPiece | Outcome | None = next(self._pause, None)
        if item is None and self._ended is not None:
            outcome, self._ended = self._ended, None
            return outcome
        if item is None:
            item = await self._outlet.next()
        if isinstance(item, Outcome):
            self._pause = pause_after(item, self._sample_rate)
            silence = next(self._pause, None)
            if silence is not None:
                self._ended, item = item, silence
        if isinstance(item, AudioPiece):
            self.position_s += len(item.samples) / item.sample_rate
        if item is None and not self._cancelled:
            self._speaking.wait_all()  # which it need not: the stream has ended
        return item

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AudioPiece:
        while isinstance(item := await self.take(), Outcome):
            pass
        if item is None:
            raise StopAsyncIteration
        return item

    async def _settle(self) -> None:
        """Wait until it has ended and its source is closed; whatever is stuck is left alone."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLED_S):
                await self._outlet.wait_ended()
                if isinstance(self._source, TaskSource):
                    await self._source.wait_ended()

    def _make_source(self) -> Source:
        text = self._request.text
        if not isinstance(text, Coming):
            return PoolSource(self.name, _jobs(self._request), self._cutters)
        text.claim()
        return TaskSource(self.name, _arriving_jobs(self._request, text))


def _jobs(request: Request) -> Iterator[ChunkJob]:
    for place in request.places():  # the first step, too, is for the thread that pulls
        yield place.job


async def _arriving_jobs(request: Request, text: Coming) -> AsyncGenerator[ChunkJob, None]:
    manner, index = request.manner, 0
    delivery = Delivery(manner.cast, text.name)
    async with aclosing(arriving(text, live_cutter(manner.cast), manner.text.flush_s)) as chunks:
        async for arrived in chunks:
            for chunk in delivery.spoken(arrived):
                yield manner.place(chunk, request.name, index).job
                index += 1
    delivery.check_left()
