"""`python -m tests.benchmarks.pauses FILE`: the silence between two sentences, in one chunk and in two.

A pair of sentences is two chunks, and in quotation marks it is one. No sentence has a comma or another mark
inside, so the longest silence of a pair is the one between its sentences.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import click
import numpy as np

from tests.benchmarks.listening import ENGINES, find_sentences, spread_out
from ttsflow import Engine

SILENT = 10 ** (-45 / 20)
"""-45 dBFS: no sample of a silence is above it"""

_WITHOUT_MARKS = re.compile(r"[A-Za-z\u2019 ]+[.!?]")


def find_pairs(text: Path, number: int) -> list[tuple[str, str]]:
    """So many pairs of sentences without marks inside: each with the next one that was chosen."""
    plain = [sentence for sentence in find_sentences(text) if _WITHOUT_MARKS.fullmatch(sentence)]
    return list(pairwise(spread_out(plain, number + 1)))


def longest_silence_ms(engine: Engine, text: str, chunks: int) -> float:
    """Milliseconds of the longest silence between sounds. Raises ValueError for a wrong number of chunks."""
    pieces = list(engine.stream(text))
    if sum(piece.samples.any() for piece in pieces) != chunks:
        raise ValueError(f"{text} is not in {chunks} chunks")
    sounds = np.flatnonzero(abs(np.concatenate([piece.samples for piece in pieces])) > SILENT)
    return float(1000 * np.diff(sounds).max() / pieces[0].sample_rate)


def spread(values: Sequence[float]) -> str:
    """The median, and between which values nine in ten are."""
    low, middle, high = np.percentile(values, (5, 50, 95))
    return f"{middle:.0f} ({low:.0f} to {high:.0f})"


@click.command()
@click.argument("text", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--pairs", "number", type=click.IntRange(min=1), default=40, show_default=True)
def main(text: Path, number: int) -> None:
    """Print how long the silence between two sentences of TEXT is."""
    pairs = find_pairs(text, number)
    click.echo(f"milliseconds, {len(pairs)} pairs: median (5th to 95th percentile)\n")
    click.echo("| | inside a chunk | between two chunks | difference |\n|---|---|---|---|")
    for backend in ENGINES:
        with Engine(settings={"backend.use": backend}) as engine:
            inside = [longest_silence_ms(engine, f'"{one} {other}"', 1) for one, other in pairs]
            between = [longest_silence_ms(engine, f"{one} {other}", 2) for one, other in pairs]
        differences = [two - one for one, two in zip(inside, between, strict=True)]
        click.echo(f"| `{backend}` | {spread(inside)} | {spread(between)} | {spread(differences)} |")


if __name__ == "__main__":
    main()
