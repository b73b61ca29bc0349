"""The lease of an output: whoever has it, and nobody else, may write the file and its store."""

from __future__ import annotations

import errno
import io
import logging
import os
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from ttsflow.errors import OutputBusy, OutputError
from ttsflow.output.lock import lock
from ttsflow.output.partfile import PartFile

logger = logging.getLogger(__name__)


class Lease:
    """Takes an output for this process, from the first look at what is there until `release`.

    It is a lock on the file `.NAME.lock` beside the output, in which the owner is written. A second taker is
    refused, in another process or in this one. What a killed process left is taken over.

    Raises OutputBusy, which names the owner; OutputError where no file can be written at the output.
    """

    def __init__(self, output: Path) -> None:
        PartFile(output).check()
        target = output.resolve()
        self._path = target.with_name(f".{target.name}.lock")
        try:
            self._file: io.FileIO | None = lock(self._path)
        except BlockingIOError as error:
            raise OutputBusy(
                f"cannot write {output}: another run is writing it; wait, or choose another place"
                f"{self._owner()}"
            ) from error
        except OSError as error:
            why = f"{target.parent} takes no new file ({error.strerror}); choose another place"
            if error.errno == errno.ENAMETOOLONG:  # its store, lock and part have some letters more
                why = "its name is too long; choose a shorter one"
            raise OutputError(f"cannot write {output}: {why}") from error
        self._sign()

    def release(self) -> None:
        """Give the output back. May be called again; raises nothing."""
        if self._file is None:
            return
        try:
            self._path.unlink(missing_ok=True)
            self._file.close()
        except OSError as error:
            logger.warning("%s could not be removed: %s", self._path, error)
        self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _sign(self) -> None:
        assert self._file is not None
        here = f"process {os.getpid()} on {socket.gethostname()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}"
        try:
            self._file.truncate()
            self._file.write(here.encode())
        except OSError as error:  # a full disk: the lock holds all the same
            logger.debug("%s could not be signed: %s", self._path, error)

    def _owner(self) -> str:
        """Who has it, as far as the file says."""
        try:
            owner = self._path.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""
        return f". It is {owner}" if owner else ""
