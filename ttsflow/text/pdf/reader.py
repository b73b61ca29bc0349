"""A PDF document as plain text: some pages at a time, so that the first need not wait for the last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from ttsflow.errors import InputError
from ttsflow.text.blocks import Block, has_words
from ttsflow.text.document import Document, Identity, count_chars, digest
from ttsflow.text.options import ReadOptions
from ttsflow.text.pdf.columns import lay_out
from ttsflow.text.pdf.lines import write_page
from ttsflow.text.pdf.pages import Entry, Outline, read_outline, read_pages
from ttsflow.text.plain import Portion, portioned_blocks

_PORTION = 1 << 16  # characters, some thirty pages: enough to tell running heads from text
_BATCH = 8  # pages that are read while other threads wait


@dataclass(slots=True)
class _Pages:
    """Some pages as text, up to the one with the number `end`, from 0.

    `doubtful` and `damaged` have the numbers of pages from 1, as readers count them.
    """

    text: str = ""
    chapters: dict[int, str] = field(default_factory=dict)
    end: int = 0
    doubtful: list[int] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)


def read_pdf(data: bytes, name: str, options: ReadOptions) -> Document:
    """The document with these bytes. Raises InputError where it cannot be read, or holds no text.

    Its chapters are the entries of its outline; where there is none, titles such as "CHAPTER IV" begin them.
    """
    outline = read_outline(data, name)
    first = list(_until_words(_pages(data, name, outline, 0)))
    blocks = partial(_blocks, data, name, outline, first, options)
    if not has_words(blocks()):
        raise InputError(
            f"{name} has no text on its pages: they are pictures, as a scanner makes them. "
            f"Have their text recognised (OCR), for example with `ocrmypdf {name} text.pdf`."
        )
    read = sum(count_chars(pages.text) - pages.text.count("\f") for pages in first)
    chars = read * outline.pages // first[-1].end  # about, where there are more pages
    identity = Identity(None, digest(data))
    return Document(name, identity, chars, blocks, tuple(_notices(name, first)), outline.details)


def _until_words(found: Iterator[_Pages]) -> Iterator[_Pages]:
    for pages in found:
        yield pages
        if any(map(str.isalnum, pages.text)):
            return


def _notices(name: str, first: Sequence[_Pages]) -> Iterator[str]:
    for numbers, what in (
        ([number for pages in first for number in pages.damaged], "are damaged and left out"),
        (
            [number for pages in first for number in pages.doubtful],
            "have columns or tables whose order cannot be told; they are read from the top down",
        ),
    ):
        if numbers:
            shown = ", ".join(map(str, numbers[:3])) + (" ..." if len(numbers) > 3 else "")
            yield f"some pages of {name} ({shown}) {what}"


def _blocks(
    data: bytes, name: str, outline: Outline, first: Sequence[_Pages], options: ReadOptions
) -> Iterator[Block]:
    pages = chain(first, _pages(data, name, outline, first[-1].end))
    chapters = bool(outline.entries)
    portions = (Portion(some.text, some.chapters if chapters else None) for some in pages)
    return portioned_blocks(portions, options)


def _pages(data: bytes, name: str, outline: Outline, first: int) -> Iterator[_Pages]:
    """The pages from one on, in portions."""
    entries: dict[int, list[Entry]] = defaultdict(list)
    for entry in outline.entries:
        entries[entry.page].append(entry)
    found, waiting = _Pages(end=first), list[Entry]()
    while found.end < outline.pages:
        for rows in read_pages(data, name, found.end, found.end + _BATCH):
            layout = lay_out(rows or ())
            here = [*waiting, *entries[found.end]]
            waiting = [] if layout.columns else here  # a page may be a picture of the chapter's title
            text, titles = write_page(layout.columns, here)
            before = f"{found.text}\f"
            found.chapters |= {len(before) + place: title for place, title in titles.items()}
            found.text = f"{before}{text}\n"
            found.end += 1
            found.doubtful += [found.end] * layout.doubtful
            found.damaged += [found.end] * (rows is None)
        if len(found.text) >= _PORTION or found.end >= outline.pages:
            yield found
            found = _Pages(end=found.end)
