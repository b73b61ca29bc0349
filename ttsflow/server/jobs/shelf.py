"""The folder of all jobs: one server at a time has it, and what a crash left half done is cleared away."""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ttsflow.errors import ConfigError, OutputError
from ttsflow.output.folder import make_folder
from ttsflow.output.lock import lock
from ttsflow.output.partfile import sync_folder
from ttsflow.report.excerpt import printable
from ttsflow.server.jobs.job import Job, write
from ttsflow.server.jobs.record import Order

logger = logging.getLogger(__name__)

ID_BYTES = 16
"""of chance in an id: nobody guesses it"""

NEW = ".new-"
"""how the name of a folder begins whose job is not complete yet"""

UNREADABLE = "the job in %s cannot be read, and stays as it is: %s; mend it, or remove the folder"

_NAME = re.compile(rf"(?P<new>{re.escape(NEW)})?[\w-]{{22}}", re.ASCII)  # 16 bytes, as base64


class Shelf:
    """Jobs in a folder each, which is called by the job's id.

    Raises ConfigError where the folder cannot be made, or another server has it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            make_folder(folder)
            self._lock = lock(folder / ".lock")
        except BlockingIOError:
            raise ConfigError(
                f"server.jobs_dir {folder} is used by another server; give each its own"
            ) from None
        except (OSError, OutputError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(f"server.jobs_dir {folder} cannot be used: {why}") from error

    def jobs(self) -> Iterator[Job]:
        """All jobs that are kept, in the order in which they came."""
        found = []
        for folder in self._folder.iterdir():
            name = _NAME.fullmatch(folder.name)
            if name is None:
                continue  # it is not of a job
            if name["new"] or (folder / Job.UNWANTED).exists():
                shutil.rmtree(folder, ignore_errors=True)
            else:
                try:
                    found.append(Job.kept(folder))
                except (OSError, ConfigError) as error:
                    why = "; ".join(printable(line) for line in str(error).splitlines())
                    logger.warning(UNREADABLE, folder, why)
        return iter(sorted(found, key=lambda job: (job.order.number, job.order.created_at)))

    @contextmanager
    def place(self) -> Iterator[tuple[str, Path]]:
        """A new id, and a folder into which its text is put; it is removed unless the job is `put` there."""
        id = secrets.token_urlsafe(ID_BYTES)
        folder = self._folder / f"{NEW}{id}"
        folder.mkdir(mode=0o700)  # texts are private
        try:
            yield id, folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def put(self, order: Order, place: Path) -> Job:
        """The job of an order whose text is in that place; it survives a power failure. Raises OSError."""
        with (place / Job.TEXT).open("rb") as text:
            os.fsync(text.fileno())
        write(place / Job.ORDER, order)
        folder = place.rename(self._folder / order.id)
        sync_folder(self._folder)
        return Job(order, folder)

    def mark(self, job: Job) -> None:
        """Note that nobody wants a job any more, also after a crash."""
        with suppress(OSError):  # the disk is full: it is removed all the same, if no crash comes before
            (job.folder / Job.UNWANTED).touch()
            sync_folder(job.folder)

    def remove(self, job: Job) -> None:
        """Remove a job that was marked, and in which nobody writes any more."""
        shutil.rmtree(job.folder, ignore_errors=True)  # what is left is removed at the next start
