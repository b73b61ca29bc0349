"""How a text is read: what a reader cannot see in the bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ttsflow.text.readers import Reader

Lines = Literal["auto", "wrapped", "each"]
"""what a line end of plain text means; "auto" finds it out from the text"""

Cues = Literal["flow", "timed"]
"""when subtitles are heard: one after the other, or each at its time"""

EncodingErrors = Literal["strict", "replace"]
"""what becomes of bytes that are not valid in the encoding: an error, or U+FFFD, which is not spoken"""


@dataclass(frozen=True, slots=True)
class MarkdownOptions:
    """Which parts of Markdown that are not prose are spoken."""

    code: bool = False
    urls: bool = False
    math: bool = False
    tasks: bool = False
    footnotes: bool = False
    front_matter: bool = False


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How an input is read. `format` is the name of a reader; None where the input's name decides.

    A byte order mark overrides `encoding`. `language` is the tag of the language that the text is in.
    `lines`, `addresses` and `code` are for plain text: whether addresses are spoken as a whole, or only their
    hosts; whether blocks of code are spoken. `marks` says whether marks of speakers and pauses are read,
    and `cues` when subtitles are heard. `others` are readers beside those of this program, such as those of
    plugins.
    """

    format: str | None = None
    encoding: str = "utf-8"
    encoding_errors: EncodingErrors = "strict"
    language: str = "en"
    lines: Lines = "auto"
    markdown: MarkdownOptions = field(default_factory=MarkdownOptions)
    addresses: bool = True
    code: bool = True
    marks: bool = True
    cues: Cues = "flow"
    others: tuple[Reader, ...] = field(default=(), compare=False, repr=False)
