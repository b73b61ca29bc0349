"""A job, in memory and in a folder of its own: the text, the order, the audio with its store, the ending."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from ttsflow.errors import ConfigError
from ttsflow.output.partfile import sync_folder
from ttsflow.server.jobs.record import Ending, Order, Progress, Record, Status
from ttsflow.text import Document, ReadOptions, read_stream


@dataclass(slots=True, eq=False)
class Job:
    """A job in its folder. What changes is used on the event loop's thread; `changed` is set, and replaced,
    when something did."""

    TEXT: ClassVar[str] = "text"
    ORDER: ClassVar[str] = "order.json"
    ENDING: ClassVar[str] = "ending.json"
    UNWANTED: ClassVar[str] = "unwanted"

    order: Order
    folder: Path
    status: Status = "queued"
    progress: Progress = field(default_factory=Progress)
    error: str | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def kept(cls, folder: Path) -> Job:
        """The job in a folder. Raises OSError and ConfigError for one that cannot be read."""
        order = Order.read(folder / cls.ORDER)
        if order.id != folder.name:
            raise ConfigError(f"{cls.ORDER} is that of another job: its id is {order.id!r}")
        job = cls(order, folder)
        if (folder / cls.ENDING).exists():
            ending = Ending.read(folder / cls.ENDING)
            job.status, job.progress = ending.status, ending.progress
            job.error = ending.progress.lack
        else:
            (folder / cls.TEXT).stat()  # without it nothing will ever become of the job
        return job

    @property
    def id(self) -> str:
        return self.order.id

    @property
    def stream(self) -> str:
        """What the engine calls it."""
        return f"job {self.id}"

    @property
    def audio(self) -> Path:
        """Where its audio is, once it is there."""
        return self.folder / f"audio.{self.order.format}"

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will become of it, as long as this server lives."""
        return self.status in ("done", "failed", "cancelled")

    def tell(self, status: Status | None = None) -> None:
        """Something has changed, maybe the status: whoever waits for that is woken."""
        self.status = status or self.status
        self.changed.set()
        self.changed = asyncio.Event()

    def move(self, progress: Progress) -> None:
        """It is so far now."""
        self.progress = progress
        self.tell()

    def describe(self) -> dict[str, Any]:
        """What its owner is told of it."""
        order = self.order
        return {
            "id": order.id,
            "object": "job",
            "status": self.status,
            "name": order.name,
            "created_at": int(order.created_at),
            "response_format": order.format,
            **self.progress.model_dump(),
            "notices": list(order.notices),
            "error": self.error,
        }

    # ------------------------------------------------------------ files, on any thread

    def read(self, options: ReadOptions) -> Document:
        """Its text. Raises InputError."""
        return read_kept(self.folder / self.TEXT, self.order.reader, self.order.title, options)

    def keep_ending(self) -> None:
        """Write down that it has ended. Raises OSError."""
        assert self.status in ("done", "failed")
        write(self.folder / self.ENDING, Ending(status=self.status, progress=self.progress))


def read_kept(path: Path, reader: str, title: str, options: ReadOptions) -> Document:
    """The text in a file, as a reader of this name reads it; messages call it `title`. Raises InputError."""
    with path.open("rb") as file:
        return read_stream(file, replace(options, format=reader), title)


def write(path: Path, record: Record) -> None:
    """Write a record to a file, which is complete or absent, also after a power failure. Raises OSError."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(record.model_dump_json(indent=1).encode())
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)
