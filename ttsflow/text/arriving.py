"""A text that still comes, in an event loop, which it never blocks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import suppress

from ttsflow.text.chunker import Chunk
from ttsflow.text.coming import ROOM, Coming, Puller
from ttsflow.text.cutting import Ended, Flush, Piece
from ttsflow.text.live import LiveCutter


async def arriving(text: Coming, cutter: LiveCutter, flush_s: float) -> AsyncGenerator[Chunk, None]:
    """The chunks of a text that was claimed, as `Coming.chunks` gives them.

    An asynchronous source is pulled in a task, which is cancelled when this is closed; any other one on a
    thread of its own, as it may block.
    """
    pieces: asyncio.Queue[Piece] = asyncio.Queue()
    cutting = text.cutting(cutter)
    puller = _pulling(text, pieces.put_nowait)
    try:
        while not cutting.over:
            try:
                async with asyncio.timeout(cutting.patience_s(flush_s)):
                    piece = await pieces.get()
            except TimeoutError:
                chunks = cutting.flush()
            else:
                puller.taken()
                chunks = cutting.take(piece)
            for chunk in chunks:
                yield chunk
    finally:
        puller.leave()
        if isinstance(puller, PullerTask):
            await puller.wait_ended()


def _pulling(text: Coming, put: Callable[[Piece], object]) -> Puller | PullerTask:
    if isinstance(text.source, AsyncIterable):
        return PullerTask(text, text.source, put)
    loop = asyncio.get_running_loop()

    def put_there(piece: Piece) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits for it
            loop.call_soon_threadsafe(put, piece)

    return Puller(text, text.source, put_there)


class PullerTask:
    """A task that pulls the source of a text, and puts its pieces, at most ROOM of them in advance.

    When it is left what the source waits for is cancelled. A generator that is left is closed.
    """

    def __init__(
        self, text: Coming, source: AsyncIterable[str | Flush], put: Callable[[Piece], object]
    ) -> None:
        self._text, self._source, self._put = text, source, put
        self._room = asyncio.Semaphore(ROOM)
        self._left = False
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"pulls {text.name}")

    def taken(self) -> None:
        """A piece was taken: there is room for another one."""
        self._room.release()

    def leave(self) -> None:
        """Nobody wants the rest."""
        self._left = True
        self._task.cancel()

    async def wait_ended(self) -> None:
        """Wait until the source is closed."""
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            await self._pull()
        except BaseException as error:  # a source may raise anything, and no other code would see it
            if self._left:
                raise
            self._put(Ended(error))
        finally:
            if isinstance(self._source, AsyncGenerator):  # which may hold a connection open
                with suppress(Exception):
                    await self._source.aclose()

    async def _pull(self) -> None:
        async for given in self._source:
            for piece in self._text.sound(given):
                await self._room.acquire()
                self._put(piece)
                self._text.look(piece)
        self._text.look("", last=True)
        self._put(Ended())
