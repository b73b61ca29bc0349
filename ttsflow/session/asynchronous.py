"""The engine of a program with an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self, Unpack

from ttsflow.errors import UsageError
from ttsflow.interface.jobs import AudioPiece
from ttsflow.session.engine import Asked, Comes, Engine, Speech
from ttsflow.session.own_thread import on_own_thread
from ttsflow.session.playback import Playback
from ttsflow.session.request import Request
from ttsflow.session.streams import Stoppable
from ttsflow.text import Document, Flush


class AsyncEngine:
    """Speaks as an Engine does, and never blocks the event loop; a stream costs no thread of its own.

    It takes the arguments of Engine, and works inside its `async with` block: its beginning makes the engine,
    and its end closes it. What is asked of it raises what Engine raises. It may be used in several loops, one
    in each thread.

        >>> import asyncio
        >>> async def main():
        ...     async with AsyncEngine(settings={"backend.use": "sim"}) as engine:
        ...         return [len(piece.samples) async for piece in engine.stream("Good morning.")]
        >>> asyncio.run(main())
        [20800, 14400]
    """

    def __init__(
        self,
        policy: str | Path | None = None,
        config: str | Path | None = None,
        settings: Mapping[str, Any] | None = None,
        plugins_dirs: Sequence[str | Path] = (),
        *,
        preload: bool = True,
        listening: bool = True,
    ) -> None:
        self._make = partial(
            Engine, policy, config, settings, plugins_dirs, preload=preload, listening=listening
        )
        self._engine: Engine | None = None
        self._unwanted = False  # nobody waits for the engine that is being made
        self._lock = Lock()

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """The same for an engine that is there already; the end of the block closes it, too."""
        asynchronous = cls()
        asynchronous._engine = engine
        return asynchronous

    @property
    def engine(self) -> Engine:
        """The engine itself. Raises UsageError before the `async with` block has begun."""
        if self._engine is None:
            raise UsageError("this AsyncEngine has not begun: use it inside `async with AsyncEngine(...)`")
        return self._engine

    async def __aenter__(self) -> Self:
        if self._engine is None:
            try:
                await asyncio.to_thread(self._set_up)
            except asyncio.CancelledError:
                await self._forget()
                raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(now=error is not None)

    # ------------------------------------------------------------ streams

    def stream(
        self, text: Comes | AsyncIterable[str | Flush], **asked: Unpack[Asked]
    ) -> AsyncGenerator[AudioPiece, None]:
        """Speak a text piece by piece, as soon as each is made; pauses come as pieces of silence.

        The text may be an asynchronous iterable of strings: the tokens of a language model. Each sentence is
        spoken when its end is certain. An iterable that is not asynchronous is pulled on a thread of its own.
        To break off, cancel the task, or close the iterator (`aclose`): the work is stopped within a step, an
        asynchronous source is cancelled, and a generator is closed.

        Raises InputError and the other UsageErrors with the first piece; what is wrong with a text that still
        comes, and what the source raises, when all that came before has been spoken; ChunksFailed after the
        last piece, and the RunErrors.
        """
        return self.engine.astream(text, **asked)

    async def request(self, text: Comes | AsyncIterable[str | Flush], **asked: Unpack[Asked]) -> Request:
        """A request, checked, to be given to `play`. Raises UsageErrors; nothing has begun then."""
        return await asyncio.to_thread(self.engine.request, text, **asked)

    def play(self, request: Request) -> Playback:
        """Speak a request that was checked. It begins with its block, `async with engine.play(request)`."""
        return self.engine.listen(request)

    # ------------------------------------------------------------ files

    async def speak(
        self,
        text: str | Path | Document,
        path: str | Path,
        *,
        overwrite: bool = False,
        fresh: bool = False,
        keep_store: bool = True,
        **asked: Unpack[Asked],
    ) -> Speech:
        """Speak a text to a file, as `Engine.speak` does.

        A task that is cancelled meanwhile ends when the work has stopped; finished chunks are kept.
        """
        request, stoppable = await self.request(text, **asked), Stoppable()
        record = partial(
            self.engine.record,
            request,
            path,
            wait=stoppable.wait,
            overwrite=overwrite,
            fresh=fresh,
            keep_store=keep_store,
        )
        speaking = on_own_thread(record, f"ttsflow {request.name}")
        try:
            return await asyncio.shield(speaking)
        except asyncio.CancelledError:
            stoppable.stop()
            with suppress(Exception):  # it was stopped
                await speaking
            raise

    # ------------------------------------------------------------ the workers

    async def ready(self, timeout: float | None = None) -> None:
        """Wait until the workers have loaded their models, so that no request waits for that.

        Raises TimeoutError after `timeout` seconds, and the RunErrors where no worker can be loaded.
        """
        try:
            async with asyncio.timeout(timeout) as limit:
                await asyncio.wrap_future(self.engine.loaded())
        except TimeoutError:
            if timeout is None or not limit.expired():  # it is what ended the engine
                raise
            raise self.engine.late(timeout) from None

    async def drain(self) -> None:
        """Finish the chunks that are in work, start no others, and end every request, as `Engine.drain`."""
        self.engine.drain()

    async def close(self, *, now: bool = False) -> None:
        """End the workers; requests that are still open end with RunError."""
        await asyncio.to_thread(self.engine.close, now=now)

    # ------------------------------------------------------------ its beginning, on a thread

    def _set_up(self) -> None:
        engine = self._make()
        with self._lock:
            self._engine = engine
            unwanted = self._unwanted
        if unwanted:
            engine.close(now=True)

    async def _forget(self) -> None:
        """Have the engine closed that is there, or will be."""
        with self._lock:
            self._unwanted = True
            engine = self._engine
        if engine is not None:
            await asyncio.to_thread(engine.close, now=True)
