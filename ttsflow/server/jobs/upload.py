"""A text on its way from a client: it goes to a file, and its name or kind tells its reader."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from starlette.requests import Request

from ttsflow.report.excerpt import excerpt, printable
from ttsflow.server.body import kind_of, other_kind, parts_of
from ttsflow.text.readers import Reader, reader_for

KINDS = {
    "text/plain": "text",
    "text/markdown": "markdown",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/epub+zip": "epub",
    "application/x-fictionbook+xml": "fb2",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/pdf": "pdf",
    "application/x-subrip": "srt",
    "text/vtt": "vtt",
}
"""The names of readers by media types."""


def title_of(filename: str) -> str:
    """What messages call an uploaded file: its name, which they cut where it is long."""
    return excerpt(_name_in(filename)) or "the upload"


def _name_in(filename: str) -> str:
    """The name of an uploaded file, whatever path the client wrote."""
    return printable(PureWindowsPath(PurePosixPath(filename).name).name)


def reader_of(request: Request, filename: str | None, others: Sequence[Reader]) -> str:
    """The name of the reader of a body, which may be one of `others`: by its name, else by its media type.

    Raises InputError for what is no text by its name; Refused (415).
    """
    kind, path = kind_of(request), Path(_name_in(filename or ""))
    if filename is not None and (path.suffix or kind not in KINDS):
        return reader_for(path, others).name
    if kind not in KINDS:
        raise other_kind(
            kind,
            "application/json, or a file as the body itself with its name in the address: "
            "POST /v1/jobs?filename=book.epub",
        )
    return KINDS[kind]


async def receive(request: Request, path: Path, most: int) -> None:
    """Write the body of a request to a file. Raises Refused (413) where it has more than `most` bytes, and
    OSError. No more than that is read, whatever its header says."""
    too_large = (
        f"the file has more than {most:,} bytes (server.max_upload_bytes); send it in parts, a job each"
    )
    with path.open("xb") as file:
        async for part in parts_of(request, most, too_large):
            await asyncio.to_thread(file.write, part)
