"""Locked files: a file that one process at a time has open for writing."""

from __future__ import annotations

import fcntl
import io
import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def lock(path: Path) -> io.FileIO:
    """Open the file at `path`, or create it, and lock it until it is closed.

    What a killed process left there carries no lock. Raises BlockingIOError while it is locked, also by
    this process, and other OSErrors.
    """
    while True:
        file = io.FileIO(os.open(path, _FLAGS, 0o666), "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise
        except OSError as error:  # a file system without locks: two runs go unnoticed there
            logger.debug("%s could not be locked: %s", path, error)
        if _leads_to(path, file):
            return file
        file.close()  # its owner moved or removed it just before it could be locked


def _leads_to(path: Path, file: io.FileIO) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    held = os.fstat(file.fileno())
    return (found.st_dev, found.st_ino) == (held.st_dev, held.st_ino)
