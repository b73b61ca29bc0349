"""A target of bytes that go as they come, such as a pipe: it has no places to go back to."""

from __future__ import annotations

import io
from typing import BinaryIO


class Placeless:
    """The part of a target that says so; what is written goes where the class that has it wants."""

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise io.UnsupportedOperation("a live stream cannot go back")

    def tell(self) -> int:
        raise io.UnsupportedOperation("a live stream has no places")

    def beside(self) -> BinaryIO:
        raise io.UnsupportedOperation("in a live stream nothing waits")
