"""The layout of a run of lines: the blocks that it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from ttsflow.text.blocks import Block, BlockKind
from ttsflow.text.marks import OPENING
from ttsflow.text.options import Lines
from ttsflow.text.plain.hyphens import join_lines
from ttsflow.text.plain.items import find_items, item_of
from ttsflow.text.plain.lineshapes import (
    ends_openly,
    ends_sentence,
    is_capitals,
    is_entry,
    is_scene_break,
    start_case,
    width,
)
from ttsflow.text.plain.measures import Measures
from ttsflow.text.plain.titles import is_chapter, is_number, is_title
from ttsflow.text.plain.wrapping import (
    LEAST_STRETCH,
    continues,
    indented_starts,
    is_wrapped,
    line_starts,
    paragraph_starts,
    stretch_starts,
)

_WIDEST_PAGE = 120  # columns; no editor breaks its lines later, so a longer line is a whole paragraph
_MOST_BARE = 0.5  # of the text in lines that could be headings, if headings are what they are
_MOST_HEADINGS = 3  # lines of a heading in capitals; more are a text in capitals
_FULL_WIDTH_INDENT = "\u3000"
_UNDERLINE = re.compile(r"\s*(?:-{3,}|={3,}|~{3,}|\*{3,})")

_Mark = Literal["plain", "item", "apart", "heading", "chapter"]


class _Piece(NamedTuple):
    """Lines that make one block. The kind "line" becomes "paragraph" where a group of lines ends."""

    lines: Sequence[str]
    kind: BlockKind = "line"


def lay_out(lines: Sequence[str], measures: Measures, *, language: str, ends: Lines) -> list[Block]:
    """The blocks of a run. `ends` says what the line ends mean. Nothing but the arguments decides."""
    if len(lines) == 1:
        return [Block(lines[0].strip(), _kind_alone(lines[0], measures))]
    if ends == "each":
        pieces = [_Piece([line], "chapter" if is_chapter(line) else "line") for line in lines]
    else:
        pieces = list(_pieces(lines, measures, ends))
    blocks = []
    for number, piece in enumerate(pieces):
        before = pieces[number - 1] if number else None
        after = pieces[number + 1] if number + 1 < len(pieces) else None
        text = join_lines(piece.lines, measures.words, language)
        blocks.append(Block(text, _kind(piece, before, after)))
    return blocks


def _kind_alone(line: str, measures: Measures) -> BlockKind:
    if is_chapter(line):
        return "chapter"
    if measures.bare > _MOST_BARE:
        return "paragraph"
    if line.strip() in measures.repeated:
        return "line"
    return "chapter" if is_number(line) else "heading" if is_title(line) else "paragraph"


def _kind(piece: _Piece, before: _Piece | None, after: _Piece | None) -> BlockKind:
    if piece.kind != "line":
        return piece.kind
    if len(piece.lines) == 1 and is_title(piece.lines[0]) and _heads(piece, before, after):
        return "heading"
    ends_group = after is None or after.kind in ("heading", "chapter") or _is_break(after)
    return "paragraph" if ends_group or _is_break(piece) else "line"


def _heads(piece: _Piece, before: _Piece | None, after: _Piece | None) -> bool:
    """Whether a line like a title is one, by its neighbours: a chapter's title, underlined, above prose."""
    if before is not None and before.kind == "chapter":
        return True
    if after is None:
        return False
    if _UNDERLINE.fullmatch(after.lines[0]):
        return True
    # A heading in capitals has its mark already.
    begins = not is_capitals(piece.lines[0]) and (before is None or ends_sentence(before.lines[-1]))
    return begins and len(after.lines) > 1 and item_of(after.lines[0]) is None


def _is_break(piece: _Piece) -> bool:
    return len(piece.lines) == 1 and is_scene_break(piece.lines[0])


def _pieces(lines: Sequence[str], measures: Measures, ends: Lines) -> Iterator[_Piece]:
    """The pieces of several lines: those with a mark of their own, and what is between them."""
    marks = _marks(lines, measures)
    fullest = measures.width or max(map(width, lines))
    place = 0
    while place < len(lines):
        mark, end = marks[place], place + 1
        if mark == "plain":
            while end < len(lines) and marks[end] == "plain":
                end += 1
            yield from _plain_pieces(lines[place:end], measures, ends)
        elif mark == "item":
            while (
                end < len(lines)
                and marks[end] == "plain"
                and (ends == "wrapped" or continues(lines[end - 1], lines[end], lines[place], fullest))
            ):
                end += 1
            yield _Piece(lines[place:end])
        else:
            yield _Piece(lines[place:end], "line" if mark == "apart" else mark)
        place = end


def _plain_pieces(lines: Sequence[str], measures: Measures, ends: Lines) -> Iterator[_Piece]:
    if len(lines) == 1:
        yield _Piece(lines)
        return
    forced = ends == "wrapped"
    wrapped = forced or is_wrapped(lines, measures)
    indented = [number for number in range(len(lines)) if _is_indented(lines, number)]
    if indented[:1] == [0] and not (wrapped and len(indented) == len(lines)):
        yield from _paragraphs(lines, indented)
    elif wrapped:
        yield from _paragraphs(lines, indented_starts(lines) if forced else paragraph_starts(lines, measures))
    else:
        for start, end in pairwise([*stretch_starts(lines), len(lines)]):
            yield from _stretch(lines[start:end], measures, last=end == len(lines))


def _stretch(lines: Sequence[str], measures: Measures, *, last: bool) -> Iterator[_Piece]:
    """A part of lines that are not all wrapped: it may be wrapped by itself."""
    if len(lines) >= LEAST_STRETCH and is_wrapped(lines, measures):
        yield from _paragraphs(lines, paragraph_starts(lines, measures), last=last)
        return
    unwrapped = any(width(line) > _WIDEST_PAGE for line in lines)
    for start, end in pairwise([*line_starts(lines), len(lines)]):
        inner = end < len(lines) or not last
        yield _Piece(lines[start:end], "paragraph" if unwrapped and inner else "line")


def _is_indented(lines: Sequence[str], place: int) -> bool:
    """Whether a line begins with a full-width space, or in its place with the bracket of a speech."""
    if lines[place].startswith(_FULL_WIDTH_INDENT):
        return True
    return place > 0 and lines[place][0] in OPENING and not ends_openly(lines[place - 1])


def _paragraphs(lines: Sequence[str], starts: Sequence[int], *, last: bool = True) -> Iterator[_Piece]:
    """The pieces that begin at `starts`. `last` says that no plain line comes behind these lines."""
    for start, end in pairwise([*starts, len(lines)]):
        inner = (end < len(lines) or not last) and ends_sentence(lines[end - 1])
        yield _Piece(lines[start:end], "paragraph" if inner else "line")


def _marks(lines: Sequence[str], measures: Measures) -> list[_Mark]:
    """What each line is by a mark of its own."""
    named = is_capitals(lines[0]) and lines[0].strip() in measures.repeated
    headings = 0 if named else _leading_headings(lines)
    items = find_items(lines)
    return [
        "heading"
        if place < headings
        else "item"
        if items[place]
        else "apart"
        if is_scene_break(line) or is_entry(line) or (named and place == 0)
        else _chapter_mark(lines, place)
        for place, line in enumerate(lines)
    ]


def _leading_headings(lines: Sequence[str]) -> int:
    """The number of lines in capitals at the start, where they are few."""
    count = 0
    while count < len(lines) and is_capitals(lines[count]) and is_title(lines[count]):
        if is_chapter(lines[count]):
            return 0
        count += 1
    goes_on = count < len(lines) and is_capitals(lines[count])
    return count if count <= _MOST_HEADINGS and not goes_on else 0


def _chapter_mark(lines: Sequence[str], place: int) -> _Mark:
    """Chapters one below the other are a table of contents, and each line of it is apart."""
    if not is_chapter(lines[place]):
        return "plain"
    if any(is_chapter(line) for line in (*lines[max(0, place - 1) : place], *lines[place + 1 : place + 2])):
        return "apart"
    goes_on = place + 1 < len(lines) and start_case(lines[place + 1]) == "lower"
    begins = place == 0 or ends_sentence(lines[place - 1]) or is_scene_break(lines[place - 1])
    return "chapter" if begins and not goes_on else "plain"
