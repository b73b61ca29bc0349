"""Cutting: abbreviations that no chunk ends behind, the chunker's speed, and the wait for its first chunk.

Beside the program is `sentencex` alone, which only proposes the ends. The list of abbreviations in running
text is the tests': `tests/text/abbreviations.txt`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import sentencex

from tests.benchmarks.pairs import Bound, Figure, Spread, Workload, in_turns, medians
from tests.text.abbreviations import held_by
from ttsflow.text import Block, CutRules, cut, read_file
from ttsflow.text.sentences import sentence_ends

CAP = 250


def measure(workload: Workload) -> Iterator[Figure]:
    yield from abbreviations()
    rounds = workload.pick(7, 2)
    blocks = list(read_file(workload.text).blocks())
    size = workload.pick(1_000_000, 200_000)
    prose = blocks * (1 + size // sum(len(block.text) for block in blocks))
    rates = in_turns([partial(cut_mb_per_s, prose), partial(sentencex_mb_per_s, prose)], rounds)
    _, theirs = medians(rates)
    yield Figure(
        "cutting English prose, in KB",
        Spread.of([1000 * rate for rate, _ in rates]),
        f"{workload.text.name} again and again, {rounds} times; `sentencex` alone {1000 * theirs:,.0f}",
        bound=Bound("at least", 1000.0),
        unit="a second",
    )
    large = workload.pick(100_000_000, 10_000_000)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "long.txt"
        page = "\n\n".join(block.text for block in blocks) + "\n\n"
        path.write_text(page * (large // len(page)), encoding="utf-8")
        waits = [1000 * first_chunk_s(path) for _ in range(rounds)]
    yield Figure(
        f"first chunk of a file of {large // 1_000_000} MB",
        Spread.of(waits),
        f"from opening the file; {rounds} times",
        unit="ms",
    )


def abbreviations() -> Iterator[Figure]:
    """Abbreviations held: in all, and per language as the note."""
    ours = held_by(lambda text, language: list(sentence_ends(text, language)) == [len(text)])
    alone = held_by(lambda text, language: len(sentencex.segment(language, text)) == 1)
    for name, held in (("the program", ours), ("`sentencex` alone", alone)):
        yield Figure(
            f"abbreviations held by {name}",
            Spread.of([sum(each.held for each in held)]),
            ", ".join(f"{each.language} {each.held}/{each.of}" for each in held),
            unit=f"of {sum(each.of for each in held)}",
        )


def cut_mb_per_s(blocks: list[Block]) -> float:
    """Megabytes that are cut into chunks in a second."""
    began = time.perf_counter()
    for _ in cut(blocks, CutRules("en", CAP)):
        pass
    return megabytes(blocks) / (time.perf_counter() - began)


def sentencex_mb_per_s(blocks: list[Block]) -> float:
    """Megabytes that `sentencex` alone gets through in a second."""
    began = time.perf_counter()
    for block in blocks:
        sentencex.segment("en", block.text)
    return megabytes(blocks) / (time.perf_counter() - began)


def megabytes(blocks: list[Block]) -> float:
    return sum(len(block.text.encode()) for block in blocks) / 1e6


def first_chunk_s(path: Path) -> float:
    """Seconds from opening a file to its first chunk."""
    began = time.perf_counter()
    next(cut(read_file(path).blocks(), CutRules("en", CAP)))
    return time.perf_counter() - began
