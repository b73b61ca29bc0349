"""The mark in a finished file: which program made it, and for which input."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path

from ttsflow.output.wav import read_info
from ttsflow.version import __version__

_COMMENT = re.compile(r"input path=([0-9a-f]+|-) content=([0-9a-f]+|-)")


@dataclass(frozen=True, slots=True)
class Tag:
    """An input, by short hex digests of its path and of its content; None where it has none.

    Two digests, so that the same file is known again after an edit, and the same text after a move.
    """

    path: str | None = None
    content: str | None = None

    def matches(self, other: Tag) -> bool:
        """Whether both are of one input: the same path or the same content."""
        pairs = ((self.path, other.path), (self.content, other.content))
        return any(mine is not None and mine == theirs for mine, theirs in pairs)

    def info(self) -> dict[str, str]:
        """The strings of a LIST/INFO chunk that carries this mark."""
        comment = f"input path={self.path or '-'} content={self.content or '-'}"
        return {"ISFT": f"ttsflow {__version__}", "ICMT": comment}


def read_tag(path: Path) -> Tag | None:
    """The mark in the file at `path`; None if there is none, or nothing that can be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None  # opening a named pipe would wait for its writer
        with path.open("rb") as file:
            info = read_info(file)
    except OSError:
        return None
    comment = _COMMENT.fullmatch(info.get("ICMT", ""))
    if comment is None or not info.get("ISFT", "").startswith("ttsflow "):
        return None
    return Tag(*(None if digest == "-" else digest for digest in comment.groups()))
