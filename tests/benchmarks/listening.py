"""`python -m tests.benchmarks.listening FILE`: how much of an English text is heard when engines speak it.

Sentences from the whole text are spoken by two workers, each as a chunk of its own, and two recognisers hear
them. A recogniser makes mistakes too, so no engine comes to zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
import soundfile

from tests.benchmarks.libraries import VOICES, settings_of
from tests.recognition import LIKE_THE_TEXT, Heard, hear_phonemes, hear_words
from ttsflow import AudioPiece, Engine
from ttsflow.text import CutRules, cut, read_file

ENGINES = ("hibari", "kokoro", "piper", "espeak")
AT_A_TIME = 2
WORST = 10
"""sentences of each kind that are shown"""

_WHOLE = re.compile(r"\W?[A-Z][A-Za-z\W]*[.!?]\W?")
_LONGEST = 100_000
"""characters: no sentence is cut"""


def find_sentences(text: Path) -> list[str]:
    """The different whole sentences of 20 to 200 characters in which there are only English letters."""
    chunks = cut(read_file(text).blocks(), CutRules("en", _LONGEST, min_chars=0))
    different = dict.fromkeys(chunk.text for chunk in chunks)
    return [words for words in different if 20 <= len(words) <= 200 and _WHOLE.fullmatch(words)]


def spread_out(sentences: Sequence[str], number: int) -> list[str]:
    """So many of the sentences, or all if there are fewer: every n-th."""
    return list(sentences[:: max(1, len(sentences) // number)][:number])


def speak(backend: str, sentences: Sequence[str]) -> list[AudioPiece]:
    """The audio of each sentence."""
    settings = {"backend.use": backend} if backend not in VOICES else settings_of(backend)
    settings["policy.options.max_concurrent"] = AT_A_TIME
    with Engine("bounded-parallel", settings=settings) as engine:

        def spoken(sentence: str) -> AudioPiece:
            pieces = list(engine.stream(sentence))
            return AudioPiece(np.concatenate([piece.samples for piece in pieces]), pieces[0].sample_rate)

        with ThreadPoolExecutor(AT_A_TIME) as threads:
            return list(threads.map(spoken, sentences))


def hear(sentences: Sequence[str], pieces: Sequence[AudioPiece]) -> Iterator[tuple[Heard, Heard]]:
    """The words and the phonemes that are heard of each sentence."""
    with TemporaryDirectory() as folder:
        recording = Path(folder) / "sentence.wav"
        for text, piece in zip(sentences, pieces, strict=True):
            soundfile.write(recording, piece.samples, piece.sample_rate)
            yield hear_words(recording, text), hear_phonemes(piece.samples, piece.sample_rate, text)


def row(what: str, heard: Sequence[Heard]) -> str:
    """A line of the table."""
    rates = [each.error_rate for each in heard]
    errors, expected = sum(each.errors for each in heard), sum(len(each.expected) for each in heard)
    above = sum(rate > LIKE_THE_TEXT for rate in rates)
    return (
        f"| {what} | {errors:,} of {expected:,} | {errors / expected:.1%} | {np.median(rates):.1%} "
        f"| {np.percentile(rates, 95):.1%} | {above} of {len(rates)} |"
    )


@click.command()
@click.argument("text", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--sentences", "number", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--engine", "engines", type=click.Choice(ENGINES), multiple=True, default=ENGINES)
def main(text: Path, number: int, engines: Sequence[str]) -> None:
    """Print how often what is heard differs from TEXT, and the sentences that differ most."""
    sentences = spread_out(find_sentences(text), number)
    rows, worst = [], []
    for engine in engines:
        words, phonemes = zip(*hear(sentences, speak(engine, sentences)), strict=True)
        for kind, heard in (("words", words), ("phonemes", phonemes)):
            rows.append(row(f"`{engine}`, {kind}", heard))
            by_rate = sorted(zip(sentences, heard, strict=True), key=lambda pair: -pair[1].error_rate)
            worst.append(f"\n{engine}, {kind}:")
            for sentence, each in by_rate[:WORST]:
                worst.append(f"  {each.error_rate:.0%} {sentence}\n      {' '.join(each.heard)}")
    columns = f"wrong | error rate | median of a sentence | 95th percentile | above {LIKE_THE_TEXT:.0%}"
    click.echo("\n".join([f"| | {columns} |", "|---|---|---|---|---|---|", *rows, *worst]))


if __name__ == "__main__":
    main()
