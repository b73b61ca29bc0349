"""The chapters of a document: which there are, and a document of some of them, or of its beginning."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ttsflow.errors import InputError
from ttsflow.text.blocks import Block
from ttsflow.text.characters import audible
from ttsflow.text.document import Document

_RANGE = re.compile(r"\s*[0-9]{1,9}\s*(?:-\s*[0-9]{1,9}\s*)?")


@dataclass(frozen=True, slots=True)
class ChapterText:
    """A chapter: its number, from 1; its title; its words and characters, without white space.

    What stands before the first chapter is number 0, and has no title.
    """

    number: int
    title: str
    words: int
    chars: int


def chapters_of(document: Document) -> list[ChapterText]:
    """The chapters of a document in its order; a document without chapters is number 0 alone."""
    found: list[ChapterText] = []
    for number, title, block in _numbered(document):
        if not found or found[-1].number != number:
            found.append(ChapterText(number, title, 0, 0))
        words = audible(block.text).split()
        last = found[-1]
        found[-1] = replace(
            last,
            words=last.words + sum(any(map(str.isalnum, word)) for word in words),
            chars=last.chars + sum(map(len, words)),
        )
    return [chapter for chapter in found if chapter.words]


def ranges_in(ranges: str) -> list[range]:
    """The ranges of numbers that "3-5,8" stands for. Raises InputError."""
    found = []
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        if not _RANGE.fullmatch(part) or int(last or first) < int(first):
            raise InputError(f"{ranges!r} names no chapters; give their numbers, such as 3-5,8")
        found.append(range(int(first), int(last or first) + 1))
    return found


def only(document: Document, ranges: str) -> Document:
    """The document of some chapters alone, such as "3-5,8". Raises InputError for one that there is not."""
    there, wanted = {chapter.number for chapter in chapters_of(document)}, ranges_in(ranges)
    missing = next((number for part in wanted for number in part if number not in there), None)
    if missing is not None:
        has = f"chapters {min(there)} to {max(there)}" if len(there) > 1 else "no chapters"
        raise InputError(f"{document.name} has {has}, and not {missing}")
    return replace(document, blocks=partial(_chosen, document, wanted), part=f"chapters {ranges.strip()}")


def beginning(document: Document, chars: float) -> Document:
    """The document of the first blocks, until they have so many characters, without white space."""
    return replace(document, blocks=partial(_first, document, chars), part=f"the first {chars:g} characters")


def _first(document: Document, chars: float) -> Iterator[Block]:
    for block in document.blocks():
        if chars <= 0:
            return
        yield block
        chars -= len("".join(block.text.split()))


def _chosen(document: Document, wanted: Sequence[range]) -> Iterator[Block]:
    return (block for number, _, block in _numbered(document) if any(number in part for part in wanted))


def _numbered(document: Document) -> Iterator[tuple[int, str, Block]]:
    """Each block, after the number and the title of its chapter."""
    number, title = 0, ""
    for block in document.blocks():
        if block.begins is not None:
            number, title = number + 1, block.begins
        yield number, title, block
