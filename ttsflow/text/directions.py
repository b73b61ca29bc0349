"""Directions in a text: marks that say who speaks, and where it is silent.

[[voice: Anna]] holds until the next one, [[voice]] or the next chapter; [[pause: 1.5]] is one pause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import zip_longest

from ttsflow.errors import InputError
from ttsflow.text.blocks import NARRATOR, Block, Role

LONGEST_PAUSE_S = 3_600.0

_NAME = 100  # characters of a mark behind its colon, at most
_MARK = re.compile(
    rf"\[\[[ \t]*(?P<what>voice|pause)[ \t]*(?:\]\]|:(?:(?P<value>[^\[\]\n]{{0,{_NAME}}})\]\]|(?P<open>)))",
    re.IGNORECASE,
)
_PAUSE = re.compile(r"(?P<number>\d{1,9}(?:\.\d{1,9})?)\s*(?P<unit>s|ms)?", re.ASCII | re.IGNORECASE)


def _beginnings(word: str) -> str:
    """A pattern of the word and of all its beginnings, also the empty one."""
    return "" if not word else f"(?:{word[0]}{_beginnings(word[1:])})?"


_BEGUN = re.compile(
    rf"\[(?:\[[ \t]{{0,8}}(?:{_beginnings('voice')}|{_beginnings('pause')}"
    rf"|(?:voice|pause)[ \t]{{0,8}}(?:\]|:[^\[\]\n]{{0,{_NAME}}}\]?)?))?\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Voice:
    """From here on a speaker has the word; None is the voice of the rest of the text."""

    speaker: str | None


@dataclass(frozen=True, slots=True)
class Pause:
    """Here it is silent for so many seconds."""

    seconds: float


Direction = Voice | Pause


class WrongMark(ValueError):
    """Says why a mark cannot be followed; `mark` is its beginning, or the whole of it where it has an end."""

    def __init__(self, mark: str, why: str) -> None:
        self.mark = mark
        super().__init__(why)


class Whereabouts:
    """Where a block stands, for a person: in which chapter, as `ttsflow chapters` counts them."""

    def __init__(self) -> None:
        self._number, self._title = 0, ""

    def pass_by(self, block: Block) -> None:
        """The next block of the text comes."""
        if block.begins is not None:
            self._number, self._title = self._number + 1, block.begins

    def of(self, text: str) -> str:
        """The place of these words in the block that came last: "chapter 2 ('Dusk'), at 'He left.'"."""
        chapter = f"chapter {self._number} ({_beginning(self._title)!r}), " if self._number else ""
        return chapter + (f"at {_beginning(text)!r}" if text else "at a pause")


def split(text: str) -> Iterator[str | Direction]:
    """The words between the marks, and the marks as directions, in the order of the text.

    Raises WrongMark at a mark that is wrong, which quotes it and says why.
    """
    start = 0
    for mark in _MARK.finditer(text):
        yield text[start : mark.start()]
        yield _direction(mark)
        start = mark.end()
    yield text[start:]


def begun_direction(text: str) -> str:
    """The end of the text, where that may become a mark as more text comes; else ""."""
    begun = _BEGUN.search(text[-_NAME - 30 :])
    return begun[0] if begun else ""


def directed(blocks: Iterable[Block], name: str, lines: Mapping[str, int] | None = None) -> Iterator[Block]:
    """The blocks without the marks in them, each with its speaker and with the pauses that the marks ask for.

    A block is parted at its marks; a chapter that begins with marks begins with the words behind them. Raises
    InputError, which names the text and the place of a wrong mark: its line where `lines` has that, else the
    chapter and the words around it.
    """
    role, where, waiting = NARRATOR, Whereabouts(), None
    for block in blocks:
        if "[[" in block.text:
            try:
                parts = _parts(block.text)
            except WrongMark as error:
                where.pass_by(block if block.chapter is not None else replace(block, kind="paragraph"))
                line = (lines or {}).get(error.mark)
                place = where.of(block.text) if line is None else f"line {line}"
                raise InputError(f"{name}, {place}: {error}") from None
            title = " ".join(words for words, _ in parts if words) if block.kind == "chapter" else ""
            block = replace(block, chapter=block.chapter or title or None)
        else:
            parts = [(block.text, None)]
        where.pass_by(block)
        if block.begins is not None:
            role, waiting = NARRATOR, None
        if waiting is not None:
            block = replace(block, chapter=waiting)
        waiting = block.chapter if "[[" in block.text and not any(words for words, _ in parts) else None
        last = max(
            (at for at, (words, mark) in enumerate(parts) if words or isinstance(mark, Pause)), default=0
        )
        for at, (words, direction) in enumerate(parts):
            if isinstance(direction, Pause) and not words:
                yield Block("", role=_as(role, block), pause_s=direction.seconds)
            elif isinstance(direction, Pause):
                yield replace(block, text=words, role=_as(role, block), pause_s=direction.seconds)
            elif words:
                kind = "part" if at < last else block.kind
                yield replace(block, text=words, role=_as(role, block), kind=kind)
            if words:
                block = replace(
                    block, chapter=None, kind="heading" if block.kind == "chapter" else block.kind
                )
            if isinstance(direction, Voice):
                role = Role(direction.speaker)


def check_marks(text: str, name: str) -> None:
    """Raise InputError, which names the line, for a mark in a text that cannot be followed."""
    for mark, line in _with_lines(text):
        try:
            _direction(mark)
        except WrongMark as error:
            raise InputError(f"{name}, line {line}: {error}") from None


def speakers_in(text: str) -> dict[str, str]:
    """The speakers whom a text names, and the place of the first mark of each: "line 3"."""
    found = dict[str, str]()
    for mark, line in _with_lines(text):
        with suppress(WrongMark):  # it may be what nobody hears
            direction = _direction(mark)
            if isinstance(direction, Voice) and direction.speaker is not None:
                found.setdefault(direction.speaker, f"line {line}")
    return found


def speakers_heard(blocks: Iterable[Block]) -> dict[str, str]:
    """The speakers of blocks that are `directed`, and the place where each first has the word."""
    found, where = dict[str, str](), Whereabouts()
    for block in blocks:
        where.pass_by(block)
        if block.role.speaker is not None and block.role.speaker not in found:
            found[block.role.speaker] = where.of(block.text)
    return found


def wrong_lines(text: str) -> dict[str, int]:
    """The lines of the marks in a text that cannot be followed, of several alike that of the first."""
    found = dict[str, int]()
    for mark, line in _with_lines(text):
        try:
            _direction(mark)
        except WrongMark as error:
            found.setdefault(error.mark, line)
    return found


def _with_lines(text: str) -> Iterator[tuple[re.Match[str], int]]:
    """The marks in a text, each with the number of its line."""
    line, at = 1, 0
    for mark in _MARK.finditer(text):
        line, at = line + text.count("\n", at, mark.start()), mark.start()
        yield mark, line


def as_it_stands(text: str) -> str:
    """The text with what would be a mark kept from being one, by a character that nobody hears."""
    return text.replace("[[", "[\N{WORD JOINER}[")


def is_direction(line: str) -> bool:
    """Whether a line has nothing but marks."""
    return "[[" in line and not _MARK.sub("", line).strip()


def _direction(mark: re.Match[str]) -> Direction:
    what, value = mark["what"].lower(), " ".join((mark["value"] or "").split())
    if mark["open"] is not None:
        begun = _beginning(mark.string[mark.start() : mark.end() + _NAME])
        raise WrongMark(mark[0], f"the mark {begun!r} has no end: close it with ]]")
    if what == "voice":
        return Voice(value or None)
    pause = _PAUSE.fullmatch(value)
    if pause is not None:
        seconds = float(pause["number"]) / (1_000 if (pause["unit"] or "").lower() == "ms" else 1)
        if seconds <= LONGEST_PAUSE_S:
            return Pause(seconds)
    raise WrongMark(
        mark[0],
        f"{mark[0]} must say how long: from 0 to {LONGEST_PAUSE_S:g} seconds, such as [[pause: 1.5]] or "
        f"[[pause: 500ms]]",
    )


def _parts(text: str) -> list[tuple[str, Direction | None]]:
    """The words between the marks, each with the direction behind it; None behind the last."""
    found = list(split(text))
    words = [item.strip() for item in found if isinstance(item, str)]
    directions = [item for item in found if not isinstance(item, str)]
    return list(zip_longest(words, directions))


def _as(role: Role, block: Block) -> Role:
    return replace(role, language=block.role.language)


def _beginning(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 40 else f"{words[:40]}..."
