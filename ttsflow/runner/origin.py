"""The process in which a runner was made."""

from __future__ import annotations

import os

from ttsflow.errors import RunError


class Origin:
    """Remembers the process in which it is made. A forked child of this process does not have its threads."""

    def __init__(self) -> None:
        self._pid = os.getpid()

    @property
    def is_here(self) -> bool:
        """Whether this is that process."""
        return os.getpid() == self._pid

    def check(self) -> None:
        """Raise RunError in a forked child, where a caller would wait for ever."""
        if not self.is_here:
            raise RunError(
                f"this was opened in process {self._pid}, of which process {os.getpid()} is a forked child, "
                f"and threads do not follow into that. Open another one here, after the fork, or start the "
                f"child with multiprocessing's 'spawn' method"
            )
