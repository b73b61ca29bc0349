"""Measures how often the lines of the labelled texts are read wrongly: `python -m tests.text.lines`.

Each text is read as it stands. Then it is written anew from its blocks with the lines broken at other
widths, and read again: the same blocks should come back.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

from tests.text.lines import LabelledText, labelled_texts, read
from ttsflow.text import Block

WIDTHS = (40, 60, 72, 100)
_BEHIND = {"line": "\n", "section": "\n\n\n"}


def rewritten(blocks: Sequence[Block], width: int) -> str:
    """The blocks as a text of which no line is longer than `width`, but for headings."""
    parts = []
    for block in blocks:
        whole = len(block.text) <= width or block.kind in ("heading", "chapter")
        parts.append(block.text if whole else textwrap.fill(block.text, width))
        parts.append(_BEHIND.get(block.kind, "\n\n"))
    return "".join(parts)


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
    for width in WIDTHS:
        report(right, width)


def report(texts: Sequence[LabelledText], width: int) -> None:
    """Print how many of the texts, and of their blocks, are wrong at another width."""
    blocks = wrong_blocks = wrong_texts = 0
    for text in texts:
        expected = text.blocks()
        found = read(rewritten(expected, width), text.language)
        missing = lost(expected, found)
        if missing:
            print(f"   {width}: {text.name}: {[b for b in found if b not in expected]}")
        blocks += len(expected)
        wrong_blocks += missing
        wrong_texts += missing > 0
    print(
        f"broken at {width}: {wrong_texts} of {len(texts)} texts wrong, "
        f"{wrong_blocks} of {blocks} blocks ({wrong_blocks / blocks:.1%})"
    )


if __name__ == "__main__":
    main()
