"""Files that come to a worker by content, because it may run on another machine than its coordinator."""

from __future__ import annotations

import os
from dataclasses import replace

from ttsflow.interface.backend import JobRefused
from ttsflow.interface.jobs import ChunkJob
from ttsflow.workers.wire import Carry


class Luggage:
    """The recordings that came so far; as many as voices, and as often as they were changed.

    They are in memory, as files that have no name in any folder: voices are private, a worker may be killed
    at any time, and so nothing of them is left on its machine. An engine reads them by a path, as any file,
    and no path ever means another recording. Linux has such files, and nodes have Linux.
    """

    def __init__(self) -> None:
        self._came: dict[str, Carry] = {}  # by their paths on the coordinator's machine, as are these:
        self._here: dict[str, str] = {}

    def take(self, file: Carry) -> None:
        """Keep a file that came, for the jobs that come from now on."""
        self._came[file.path] = file

    def readdress(self, job: ChunkJob) -> ChunkJob:
        """The job, which names its recordings as they are called here.

        Raises JobRefused for one that the coordinator could not read, and OSError if there is no room for
        one; there may be, for the next job.
        """
        if not self._came and not self._here:
            return job
        return replace(job, references=tuple(map(self._unpack, job.references)))

    def _unpack(self, path: str) -> str:
        if (file := self._came.get(path)) is not None:
            if file.fault:
                raise JobRefused(f"the recording {path} cannot be read: {file.fault}")
            try:
                self._here[path] = _file_of(file.content)
            except OSError as error:
                message = f"there is no room for the recording {path}: {error.strerror}"
                raise OSError(error.errno, message) from error
            del self._came[path]
        return self._here.get(path, path)


def _file_of(content: bytes) -> str:
    """The path of a file in memory that ends with this process. Raises OSError."""
    number = os.memfd_create("recording")
    try:
        with os.fdopen(number, "wb", closefd=False) as file:
            file.write(content)
    except OSError:
        os.close(number)
        raise
    return f"/proc/{os.getpid()}/fd/{number}"
