"""Items: the lines that begin an item of a list, or a speech behind a dash."""

# ruff: noqa: RUF001  # dashes and digits that look like the common ones begin items, too

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Literal, NamedTuple

from ttsflow.text.plain.lineshapes import ends_sentence, indent

_BULLET = re.compile(r"[*•·‣◦▪▸●○■□✓✔✗+-]\s+(?=\S)")
_DASH = re.compile(r"(?:[—―]\s*|–\s+)(?=\S)")
_NUMBER = re.compile(
    r"\(?(?:\d{1,2}\.)*(\d{1,3})(?:[.)]|\.\)|(?<=\d\.\d)|(?<=\d\.\d\d))\s+(?=\S)|([0-9０-９]{1,3})[．、]\s*(?=\S)"
)
_LETTER = re.compile(
    r"(?:\(([A-Za-z]|[ivx]{2,5})\)|([a-z]|[ivx]{2,5})[.)]|([A-Z])\)|([IVX]{1,5})[.)])\s+(?=\S)"
)

_ROMAN = {"i": 1, "v": 5, "x": 10}

Family = Literal["bullet", "dash", "number", "letter"]


class Item(NamedTuple):
    """The mark that begins an item of a list, or a speech of a dialogue.

    `sign` is the bullet or dash itself, "" for a number or a letter. `orders` are the places in the list
    that a number or a letter may stand for ("i" is a ninth letter or a Roman one), () for others.
    `lower` says that the item begins in lower case.
    """

    family: Family
    sign: str
    orders: tuple[int, ...]
    lower: bool


def find_items(lines: Sequence[str]) -> list[bool]:
    """Which lines begin an item of a list, or a speech behind a dash.

    The first item of a list begins the run, or stands behind the end of a sentence or a colon, or is
    indented under another item, or another item of the same list comes next; a bullet or dash must be in
    the next line. The items behind it have the same sign or the next number.
    """
    marks = [item_of(line) for line in lines]
    begins = [False] * len(lines)
    lists: list[Item] = []  # the last item of each list that is open, the outer lists first
    for place, mark in enumerate(marks):
        if mark is None:
            continue
        level = next((level for level, last in enumerate(lists) if _follows(last, mark)), None)
        if level is not None:
            if mark.family == "dash" and mark.lower and not lists[level].lower:
                continue  # a dash inside a sentence: "Yes | - said she - but"
            lists[level:] = [mark]
        elif _opens_list(lines, marks, place, begins[place - 1] if place else False):
            lists.append(mark)
        else:
            continue
        begins[place] = True
    return begins


def _opens_list(lines: Sequence[str], marks: Sequence[Item | None], place: int, behind_item: bool) -> bool:
    if place == 0 or ends_sentence(lines[place - 1]):
        return True
    if behind_item and indent(lines[place]) > indent(lines[place - 1]):
        return True
    mark = marks[place]
    ordered = mark is not None and bool(mark.orders)
    following = next(
        (other for other in islice(marks, place + 1, None if ordered else place + 2) if other), None
    )
    return mark is not None and following is not None and _follows(mark, following)


def _follows(last: Item, mark: Item) -> bool:
    if (last.family, last.sign) != (mark.family, mark.sign):
        return False
    return not mark.orders or any(order - 1 in last.orders for order in mark.orders)


def item_of(line: str) -> Item | None:
    """The mark of a list or a dialogue that the line begins with; None where it has none."""
    bare = line.lstrip()
    if found := _BULLET.match(bare) or _DASH.match(bare):
        family: Family = "bullet" if found.re is _BULLET else "dash"
        return Item(family, bare[0], (), bare[found.end()].islower())
    if found := _NUMBER.match(bare):
        return Item("number", "", (int(found[1] or found[2]),), bare[found.end()].islower())
    if found := _LETTER.match(bare):
        mark = (found[1] or found[2] or found[3] or found[4]).lower()
        letter = (ord(mark) - ord("a") + 1,) if len(mark) == 1 else ()
        roman = (_roman_value(mark),) if set(mark) <= set(_ROMAN) else ()
        return Item("letter", "", letter + roman, bare[found.end()].islower())
    return None


def _roman_value(numeral: str) -> int:
    values = [_ROMAN[char] for char in numeral]
    return sum(-one if one < two else one for one, two in zip(values, [*values[1:], 0], strict=True))
