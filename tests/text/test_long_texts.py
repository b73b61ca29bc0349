"""Long texts that hold one thing over and over: with quadratic time a test of them would not end."""

from collections.abc import Callable

import pytest

from ttsflow.text import Block, CutRules, Pauses, ReadOptions, cut, read_text
from ttsflow.text.live import LiveCutter

pytestmark = pytest.mark.usefixtures("quickly")

SIZE = 300_000
RULES = CutRules("en", 250)

TEXTS = {
    "marks on one letter": "e" + "\u0301" * SIZE + ".",
    "marks on spaces": "a" + " \u0301" * (SIZE // 2) + ".",
    "syllables without an end": "\uac00" + "\u1161" * SIZE + ".",
    "pictures joined to one": "👩\u200d" * (SIZE // 2) + " a.",
    "blank lines": "One." + "\n" * SIZE + "Two.",
    "blank lines of spaces": "One." + " \n" * (SIZE // 2) + "Two.",
    "blank lines between words": "One.\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n" * (SIZE // 20),
    "blank lines behind a hyphen": "a nega-\ntive word\nand nega-" + "\n" * SIZE + "1",
    "one word": "a nega-\ntive word\n" + "a" * SIZE,
    "form feeds": "a" + "\f" * SIZE + "b",
    "escape sequences": "a" + "\x1b[" * (SIZE // 2) + "b",
}


def read(text: str) -> None:
    list(cut(read_text(text).blocks(), RULES))


def read_as_markdown(text: str) -> None:
    list(cut(read_text(text, ReadOptions(format="markdown")).blocks(), RULES))


def hear_live(text: str) -> None:
    cutter = LiveCutter(RULES, Pauses())
    for at in range(0, len(text), 4_000):
        list(cutter.feed(text[at : at + 4_000]))
    list(cutter.finish())


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("take", [read, read_as_markdown, hear_live])
def test_time_does_not_grow_with_the_square(take: Callable[[str], None], name: str) -> None:
    take(TEXTS[name])


def test_no_chunk_is_much_longer_than_its_cap() -> None:
    for text in TEXTS.values():
        chunks = cut([Block(text)], RULES)
        assert max(len(chunk.text) for chunk in chunks) <= 250 + 32
