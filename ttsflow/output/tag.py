"""The provenance tag in a finished file: which program made it, and for which input."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ttsflow.version import __version__

_COMMENT = re.compile(r"input path=([0-9a-f]+|-) content=([0-9a-f]+|-)")


@dataclass(frozen=True, slots=True)
class Tag:
    """An input, identified by short hex digests of its path and of its content; None if it has none.

    With two digests, the same file is recognised after an edit, and the same text after a move. In a file
    a tag is two strings: the software that made the file, and a comment.
    """

    path: str | None = None
    content: str | None = None

    @classmethod
    def parse(cls, software: str, comment: str) -> Tag | None:
        """The tag in a file's two strings; None if they are not a tag of this program."""
        digests = _COMMENT.fullmatch(comment)
        if digests is None or not software.startswith("ttsflow "):
            return None
        return cls(*(None if digest == "-" else digest for digest in digests.groups()))

    @classmethod
    def parse_line(cls, line: str) -> Tag | None:
        """The tag in `line`; None if it is not a tag of this program."""
        software, _, comment = line.partition(", ")
        return cls.parse(software, comment)

    @property
    def line(self) -> str:
        """Both strings in one, for formats that have room for one."""
        return f"{self.software}, {self.comment}"

    @property
    def software(self) -> str:
        """This program and its version."""
        return f"ttsflow {__version__}"

    @property
    def comment(self) -> str:
        """The two digests."""
        return f"input path={self.path or '-'} content={self.content or '-'}"

    def matches(self, other: Tag) -> bool:
        """Whether both are for the same input: the same path or the same content."""
        pairs = ((self.path, other.path), (self.content, other.content))
        return any(mine is not None and mine == theirs for mine, theirs in pairs)
