"""A series of files, such as one for each chapter: their names, and a playlist."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_LONGEST = 120
"""bytes of a title in the name of a file, which may have 255; a lock beside it has some more"""

_FORBIDDEN = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]+')
"""what the name of a file may not have, on some system that the files may be taken to"""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a series, its title, and its length in seconds."""

    path: Path
    title: str
    length_s: float


def file_name(title: str) -> str:
    """A title as a part of the name of a file, on any system."""
    name = _FORBIDDEN.sub(" ", unicodedata.normalize("NFC", title))
    name = " ".join(name.split()).encode("utf-8", "ignore")[:_LONGEST].decode("utf-8", "ignore")
    return name.strip(" .")


def playlist(parts: Iterable[Part]) -> str:
    """The files in their order, as players read it (.m3u8)."""
    entries = (f"#EXTINF:{round(part.length_s)},{part.title}\n{part.path.name}\n" for part in parts)
    return "".join(("#EXTM3U\n", *entries))
