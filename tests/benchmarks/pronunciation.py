"""`python -m tests.benchmarks.pronunciation FILE`: how fast a lexicon and patterns go through a text.

The lexicon has the frequent words of the text and made-up ones, 10,000 entries in all. Beside it
stands how fast the text is cut into chunks. The time is that of the processor, so others may work beside it.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import click

from ttsflow.text import Chunk, CutRules, cut, read_file
from ttsflow.text.pronunciation import NAMED, Entry, Lexicon, Pattern, Pronunciation

RULES = CutRules("en", 250)
ENTRIES = 10_000
COMMON, FOUND = 200, 300
"""the frequent words of the text are not in the lexicon, so many of the next ones are"""
PATTERNS = (r"\(fig\. \d+\)", r"(\d+) km\b")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mb", type=click.FloatRange(min=0.1), default=9.0, show_default=True)
def main(file: Path, mb: float) -> None:
    """Print the MB/s of the lexicon alone, of lexicon and patterns, and of cutting."""
    blocks = list(read_file(file).blocks())
    size = sum(len(block.text) for block in blocks)
    blocks *= 1 + int(1e6 * mb) // size
    began = time.process_time()
    chunks = list(cut(blocks, RULES))
    cutting_s = time.process_time() - began
    chars = sum(len(chunk.text) for chunk in chunks)
    words = Counter(word for chunk in chunks[:20_000] for word in chunk.text.split() if word.isalpha())
    entries = [Entry(word, f"{word} spoken") for word, _ in words.most_common(COMMON + FOUND)[COMMON:]]
    entries += [Entry(f"Word{number} of it", "words") for number in range(ENTRIES - len(entries))]
    patterns = [Pattern(pattern) for pattern in (*PATTERNS, *NAMED.values())]
    print(f"{chars / 1e6:.1f} MB, {len(chunks):,} chunks, {len(entries):,} entries, {len(patterns)} patterns")
    print(f"cutting             {chars / 1e6 / cutting_s:5.1f} MB/s")
    for name, made in (
        ("lexicon", Pronunciation(Lexicon(entries))),
        ("lexicon, patterns", Pronunciation(Lexicon(entries), patterns)),
    ):
        print(f"{name:<20}{chars / 1e6 / spoken_s(made, chunks):5.1f} MB/s")


def spoken_s(pronunciation: Pronunciation, chunks: list[Chunk]) -> float:
    """Seconds of the processor in which all chunks get their spoken form."""
    began = time.process_time()
    for chunk in chunks:
        for _ in pronunciation.spoken(chunk, RULES):
            pass
    return time.process_time() - began


if __name__ == "__main__":
    main()
