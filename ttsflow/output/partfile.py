"""A file that is complete or absent: written under a temporary name, and renamed when it is complete."""

from __future__ import annotations

import io
import logging
import os
import stat
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

from ttsflow.errors import OutputBusy, OutputError
from ttsflow.output.lock import lock

logger = logging.getLogger(__name__)

_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class PartFile:
    """Writes `.NAME.part` beside `target`; `publish` renames it to `target`, `discard` removes it.

    The part is locked while it is written. A second run with the same target is refused; a part
    that a killed run left behind carries no lock and is written over. A target that is a symbolic
    link is followed, as the shell's `>` would do.

    `check` and `open` raise OutputError. `write`, `seek`, `beside`, `restart` and `publish` raise OSError:
    what was being written, and what to do about it, only their caller can say.
    """

    def __init__(self, target: Path) -> None:
        self._given = target
        self._target = target
        self._part = target
        self._file: io.FileIO | None = None

    def check(self) -> bool:
        """Whether a file is at the target already. Raises OutputError where none could be put."""
        try:
            mode = self._given.stat().st_mode
        except FileNotFoundError:
            if not self._given.parent.is_dir():
                raise self._refuse_folder(self._given.parent) from None
            return False
        except NotADirectoryError:
            raise self._refuse(f"{self._given.parent} is not a folder; choose another place") from None
        except (OSError, ValueError) as error:  # ValueError: a NUL or a lone surrogate in the path
            raise self._refuse(f"{_reason(error)}; choose another place") from error
        if stat.S_ISDIR(mode):
            raise self._refuse(f"it is a folder; name a file in it, such as {self._given / 'NAME'}")
        if not stat.S_ISREG(mode):
            raise self._refuse(
                "it is a device or a pipe, not a file; name a file, or write the audio to standard output "
                "with -o - and --format"
            )
        if not mode & _ANY_WRITE:
            raise self._refuse("it is write-protected; allow it (chmod u+w), or choose another place")
        return True

    def open(self) -> None:
        """Make the part, empty and locked."""
        self.check()
        self._target = self._given.resolve()
        self._part = self._target.with_name(f".{self._target.name}.part")
        folder = self._part.parent
        try:
            self._file = self._locked()
            self._file.truncate()
        except FileNotFoundError as error:
            if folder.is_dir():
                raise self._refuse(f"{folder} takes no new file; choose another place") from error
            raise self._refuse_folder(folder) from error
        except OSError as error:
            self.discard()
            advice = f"{folder} takes no new file ({_reason(error)}); choose another place"
            raise self._refuse(advice) from error

    def write(self, data: bytes, /) -> int:
        """Write all of `data`."""
        file = self._opened()
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Have the next `write` go to another place, as files do."""
        return self._opened().seek(offset, whence)

    def tell(self) -> int:
        """The place to which the next `write` goes, in bytes."""
        return self._opened().tell()

    def seekable(self) -> bool:
        """True: it is a file."""
        return True

    def beside(self) -> BinaryIO:
        """A file of this process alone in the same folder, and so on the same disk."""
        return cast(BinaryIO, tempfile.TemporaryFile(dir=self._part.parent))

    def restart(self) -> None:
        """Drop all that was written."""
        file = self._opened()
        file.seek(0)
        file.truncate()

    def publish(self) -> None:
        """Put the file in its place; when this returns, it survives a power failure."""
        file = self._opened()
        os.fsync(file.fileno())
        self._part.replace(self._target)
        file.close()
        self._file = None
        sync_folder(self._target.parent)

    def discard(self) -> None:
        """Remove the part. May be called at any time, and again; raises nothing."""
        if self._file is None:
            return
        try:
            self._part.unlink(missing_ok=True)
            self._file.close()
        except OSError as error:
            logger.warning("%s could not be removed: %s", self._part, error)
        self._file = None

    def _locked(self) -> io.FileIO:
        try:
            return lock(self._part)
        except BlockingIOError:
            raise OutputBusy(
                f"cannot write {self._given}: another run is writing it; wait, or choose another place"
            ) from None

    def _opened(self) -> io.FileIO:
        if self._file is None:
            raise ValueError(f"the part of {self._given} is not open")
        return self._file

    def _refuse_folder(self, folder: Path) -> OutputError:
        return self._refuse(f"there is no folder {folder}; create it (mkdir -p) or choose another place")

    def _refuse(self, advice: str) -> OutputError:
        return OutputError(f"cannot write {self._given}: {advice}")


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power failure, where its file system can promise that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        return  # a folder that may be written but not read; the file itself is in its place
    try:
        os.fsync(descriptor)
    except OSError as error:  # some file systems cannot sync a folder
        logger.debug("%s could not be synced: %s", folder, error)
    finally:
        os.close(descriptor)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
