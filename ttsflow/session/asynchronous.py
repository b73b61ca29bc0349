"""Between an event loop, which nothing may block, and the threads of an engine, which wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
_OVER: Any = object()  # what a source gives when it has ended


class FromAsync:
    """An asynchronous source of text as an iterable that another thread pulls from; its loop must run on."""

    def __init__(self, source: AsyncIterable[str], loop: asyncio.AbstractEventLoop) -> None:
        self._source = aiter(source)
        self._loop = loop
        self._next: Future[str] | None = None
        self._left = False

    def __iter__(self) -> Iterator[str]:
        try:
            while not self._left:
                self._next = asyncio.run_coroutine_threadsafe(self._pull(), self._loop)
                if self._left:  # said while nobody looked
                    self._next.cancel()
                try:
                    piece = self._next.result()
                except CancelledError:
                    if self._left:
                        return
                    raise  # the source's own
                if piece is _OVER:
                    return
                yield piece
        finally:
            with suppress(RuntimeError):  # the loop is closed, and has closed the source
                self._loop.call_soon_threadsafe(self._end)

    def leave(self) -> None:
        """Nobody wants any more: what the source waits for is cancelled."""
        self._left = True
        if self._next is not None:
            self._next.cancel()

    def _end(self) -> None:
        """Have a generator that was left run to its end: it may hold a connection open."""
        if isinstance(self._source, AsyncGenerator):
            self._ending = self._loop.create_task(self._close(self._source))

    async def _close(self, source: AsyncGenerator[str, None]) -> None:
        with suppress(Exception):  # nobody wants its text any more, nor how it ends
            await source.aclose()

    async def _pull(self) -> str:
        return await anext(self._source, _OVER)


class Listener:
    """A thread that waits in place of the event loop; what it is asked comes one after the other."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "ttsflow listener")

    def ask(self, function: Callable[[], T]) -> Awaitable[T]:
        """The result of a function that may wait."""
        return asyncio.get_running_loop().run_in_executor(self._thread, function)

    def tell(self, function: Callable[[], object]) -> None:
        """Have a function called; nobody waits for its end."""
        self._thread.submit(function)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=False)
