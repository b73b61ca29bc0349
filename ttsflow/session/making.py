"""Makes the file of an output from its store: as loud as is asked for, with what it tells of its book."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from ttsflow.output import FileSink
from ttsflow.report import Observer
from ttsflow.session.book import Book
from ttsflow.session.recipe import Recipe
from ttsflow.store import Store, Written, build, find_gain

MEASURING = 0.5
"""the part of the work that it is to measure the loudness, where that is done"""


def make_output(
    store: Store, sink: FileSink, recipe: Recipe, observer: Observer, written: Written | None
) -> bool:
    """Make the file of a sink; whether there is anything to hear, and so a file. Raises as `build` does.

    `written` says what is in the sink already. The observer is told how far it is, and what was measured.
    """
    fingerprint = recipe.fingerprint(store)
    lufs, gain, before = recipe.encoding.loudness, None, 0.0

    def measured(part: float) -> None:
        observer.encoding(MEASURING * part, time.monotonic())

    def made(part: float) -> None:
        observer.encoding(before + (1.0 - before) * part, time.monotonic())

    if lufs is not None:
        say = partial(_say_of, sink.path, observer)
        gain, before = find_gain(store, sink.sample_rate, lufs, say, measured), MEASURING
    build(store, sink, Book.read(store).about(store, recipe.tag), written, gain, made)
    if sink.published:
        store.record_built(sink.path, fingerprint)
    return sink.published


def _say_of(output: Path, observer: Observer, text: str) -> None:
    observer.notice(f"{output}: {text}")
