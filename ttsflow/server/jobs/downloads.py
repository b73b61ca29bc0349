"""Files on their way to clients: the end of the server waits for them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send


class Downloads:
    """How many files are being sent. It is used on the event loop's thread."""

    def __init__(self) -> None:
        self.open = 0
        self._none = asyncio.Event()
        self._none.set()

    def send(self, path: Path, media_type: str, filename: str) -> FileResponse:
        """The answer that is a file, or a range of its bytes; it counts while it is sent."""
        return _Download(self, path, media_type=media_type, filename=filename)

    def begin(self) -> None:
        """Another one is being sent."""
        self.open += 1
        self._none.clear()

    def end(self) -> None:
        """One has been sent, or its client has left."""
        self.open -= 1
        if not self.open:
            self._none.set()

    async def ended(self) -> None:
        """Wait until none is being sent."""
        await self._none.wait()


class _Download(FileResponse):
    def __init__(self, downloads: Downloads, path: Path, *, media_type: str, filename: str) -> None:
        super().__init__(path, media_type=media_type, filename=filename)
        self._downloads = downloads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._downloads.begin()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._downloads.end()
