"""Numbers with a full stop behind which a sentence goes on: ordinals, and the numbers of lists."""

from __future__ import annotations

import re
from collections.abc import Iterator

# "im 2. Stock", "3. Cadde"
_ORDINAL_LANGUAGES = re.compile(r"bs|cs|da|de|et|eu|fi|fo|hr|hu|is|lb|lv|mk|nb|nn|no|pl|sk|sl|sq|sr|tr")

_ROMAN = r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_ORDINAL = re.compile(rf"(?<![\w.,:/°-])(?:\d{{1,3}}|{_ROMAN})\.\Z")
_ITEM = re.compile(rf"[(\[]?(?:\d{{1,3}}|{_ROMAN}|[A-Za-z])[.)]+\Z")
_INLINE_ITEM = re.compile(r"(?<!\S)\(?(\d{1,2}|[a-z]|[ivx]{2,5}|[IVX]{1,5})([.)]{1,2})\Z")
_FIRST = ("1", "a", "i", "I")
_ROMAN_ITEMS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv")
_BEFORE_ITEM = "•⁃*–—- “‘«„\"'"  # noqa: RUF001

LIST_REACH = 400
"""characters of a sentence in which the numbers of its list are looked for; a bound, for linear time"""


def is_ordinal(before: str, code: str) -> bool:
    """Whether `before` ends with an ordinal number: "im 2.", "Ludwig II."."""
    return bool(_ORDINAL_LANGUAGES.fullmatch(code) and _ORDINAL.search(before))


def is_item_number(sentence: str) -> bool:
    """Whether `sentence` is, or ends with, the number of a list item.

    It is one at the start of the sentence, behind a colon, and where the number before it is in the same
    sentence: "1. The first item 2." goes on with the second item. The last `LIST_REACH` characters of a
    longer sentence are enough.
    """
    if _ITEM.fullmatch(sentence.lstrip(_BEFORE_ITEM)):
        return True
    item = _INLINE_ITEM.search(sentence, max(0, len(sentence) - 8))
    if not item:
        return False
    label, mark = item[1], item[2]
    before = sentence[: item.start()].rstrip()
    if label in _FIRST and before.endswith(":"):
        return True
    previous = "|".join(_labels_before(label))
    return bool(previous and re.search(rf"(?<!\S)\(?(?:{previous}){re.escape(mark)} ", before))


def _labels_before(label: str) -> Iterator[str]:
    """What the item before an item may be called; "v" follows "u" or "iv"."""
    if label.isdecimal():
        yield str(int(label) - 1)
    elif label.islower() and len(label) == 1 and label != "a":
        yield chr(ord(label) - 1)
    if label.lower() in _ROMAN_ITEMS[1:]:
        previous = _ROMAN_ITEMS[_ROMAN_ITEMS.index(label.lower()) - 1]
        yield previous if label.islower() else previous.upper()
