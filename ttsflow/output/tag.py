"""The tag in a finished file: which program made it, and for which input."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ttsflow.version import __version__

_COMMENT = re.compile(r"input path=([0-9a-f]+|-) content=([0-9a-f]+|-)")


@dataclass(frozen=True, slots=True)
class Tag:
    """An input, by short hex digests of its path and of its content; None where it has none.

    Two digests, so that the same file is known again after an edit, and the same text after a move.
    A file carries a tag as two strings: the software that made it, and a comment.
    """

    path: str | None = None
    content: str | None = None

    @classmethod
    def parse(cls, software: str, comment: str) -> Tag | None:
        """The tag in a file's two strings; None where they are no tag of this program's."""
        digests = _COMMENT.fullmatch(comment)
        if digests is None or not software.startswith("ttsflow "):
            return None
        return cls(*(None if digest == "-" else digest for digest in digests.groups()))

    @property
    def software(self) -> str:
        """This program and its version."""
        return f"ttsflow {__version__}"

    @property
    def comment(self) -> str:
        """The two digests."""
        return f"input path={self.path or '-'} content={self.content or '-'}"

    def matches(self, other: Tag) -> bool:
        """Whether both are of one input: the same path or the same content."""
        pairs = ((self.path, other.path), (self.content, other.content))
        return any(mine is not None and mine == theirs for mine, theirs in pairs)
