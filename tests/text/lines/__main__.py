"""Measures how often the lines of the labelled texts are read wrongly: `python -m tests.text.lines`.

Each text is read as it stands. Then it is written anew from its blocks with the lines broken at other
widths, and read again: the same blocks should come back.
"""

from __future__ import annotations

import random
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from tests.text.lines import LabelledText, labelled_texts, read
from ttsflow.text import Block

WIDTHS = (
    (40, 40),
    (60, 60),
    (72, 72),
    (100, 100),
    (45, 45),
    (55, 55),
    (65, 65),
    (90, 90),
    (55, 70),
    (60, 90),
)
"""the least and the most columns; where they differ, each line is broken somewhere between, as by hand"""

_BEHIND = {"line": "\n", "section": "\n\n\n"}


def rewritten(blocks: Sequence[Block], least: int, most: int) -> str:
    """The blocks as a text of which no line is longer than `most`, but for headings."""
    parts = []
    for block in blocks:
        whole = len(block.text) <= least or block.kind in ("heading", "chapter")
        parts.append(block.text if whole else "\n".join(broken(block.text, least, most)))
        parts.append(_BEHIND.get(block.kind, "\n\n"))
    return "".join(parts)


def broken(text: str, least: int, most: int) -> Iterator[str]:
    """The lines of a paragraph. The same text gives the same lines each time."""
    chance = random.Random(text)
    while text:
        line = textwrap.wrap(text, chance.randint(least, most))[0]
        yield line
        text = text[len(line) :].lstrip()


def lost(expected: Sequence[Block], found: Sequence[Block]) -> int:
    """How many of the expected blocks were not found."""
    return sum((Counter(expected) - Counter(found)).values())


def main() -> None:
    texts = labelled_texts()
    wrong = [text for text in texts if text.mistakes()]
    for text in wrong:
        print(f"{text.name}\n   " + "\n   ".join(text.mistakes()))
    print(f"as they stand: {len(wrong)} of {len(texts)} texts wrong")
    right = [text for text in texts if text not in wrong]
    for least, most in WIDTHS:
        report(right, least, most)


def report(texts: Sequence[LabelledText], least: int, most: int) -> None:
    """Print how many of the texts, and of their blocks, are wrong at other widths."""
    where = str(least) if least == most else f"{least} to {most}"
    blocks = wrong_blocks = wrong_texts = 0
    for text in texts:
        expected = text.blocks()
        found = read(rewritten(expected, least, most), text.language)
        missing = lost(expected, found)
        if missing:
            print(f"   {where}: {text.name}: {[b.text for b in found if b not in expected]}")
        blocks += len(expected)
        wrong_blocks += missing
        wrong_texts += missing > 0
    print(
        f"broken at {where}: {wrong_texts} of {len(texts)} texts wrong, "
        f"{wrong_blocks} of {blocks} blocks ({wrong_blocks / blocks:.1%})"
    )


if __name__ == "__main__":
    main()
