"""What `ttsflow redo` does, once its arguments are understood."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from ttsflow.cli.runs import STREAM, Run, ask
from ttsflow.errors import InputError
from ttsflow.report.passage import Passage
from ttsflow.report.units import duration
from ttsflow.session.engine import Engine
from ttsflow.session.recipe import Recipe, kept_beside
from ttsflow.session.setup import make_setup
from ttsflow.store import Store

SHOWN_MATCHES = 20
EXCERPT_CHARS = 60

_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)", re.ASCII)


def chosen(output: Path, chunks: Sequence[int], at: str | None, find: str | None) -> list[int]:
    """The numbers of the chunks that are named, that are heard at a time, or whose text has some words.

    Raises InputError where nothing is heard then, or the words are in no chunk, or in several.
    """
    numbers = list(chunks)
    if at is None and find is None:
        return numbers
    with Store.open(kept_beside(output), readonly=True) as store:
        if at is not None:
            numbers.append(_heard_at(store, output, at).index)
        if find is not None:
            numbers.append(_with_words(store, output, find).index)
    return numbers


def _heard_at(store: Store, output: Path, at: str) -> Passage:
    passage = store.passage_at(_seconds(at))
    if passage is None:
        long = duration(store.extent().length_s)
        raise InputError(f"nothing is heard at {at} in {output}, which is {long} long")
    return passage


def _with_words(store: Store, output: Path, words: str) -> Passage:
    found = list(islice(store.passages_with(words), SHOWN_MATCHES + 1))
    if not words.strip() or not found:
        raise InputError(f"no chunk of {output} has the words {words!r}")
    if len(found) > 1:
        places = "\n".join(map(_place, found[:SHOWN_MATCHES]))
        more = "\n  and more" if len(found) > SHOWN_MATCHES else ""
        raise InputError(
            f"several chunks of {output} have the words {words!r}; choose one with --chunk:\n{places}{more}"
        )
    return found[0]


def _place(passage: Passage) -> str:
    text = " ".join(passage.text.split())
    excerpt = text if len(text) <= EXCERPT_CHARS else text[: EXCERPT_CHARS - 3] + "..."
    return f'  --chunk {passage.index}  at {duration(passage.at_s)}: "{excerpt}"'


def _seconds(time: str) -> float:
    """Seconds, for 1:23:45, 83:45 or 5025.5. Raises InputError."""
    match = _TIME.fullmatch(time.strip())
    if match is None:
        raise InputError(f"--at {time!r} is not a time; write it as 1:23:45, 83:45 or 5025.5 (seconds)")
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)


def redo(output: Path, chunks: Sequence[int], seed: int | None, began: float, *, quiet: bool) -> int:
    """Speak chunks of an output again, and build it; the exit code."""
    recipe = Recipe.beside(output)
    folders = [Path(folder) for folder in recipe.plugins_dirs]
    setup = make_setup(recipe.settings(output), folders, fallback_allowed=False, ask=ask())
    with (
        Run(setup, began, quiet=quiet) as run,
        Engine.of(setup, run.observers, preload=False) as engine,
        engine.reopened(output, chunks, seed, name=STREAM) as (recording, redo),
    ):
        for index in redo.echoes:
            run.console.say(f"chunk {index} has the same text, and changes with it")
        run.begin(len(redo.jobs), kept=0)
        with run.resumable(recording):
            written = engine.again(recording, redo, run.drained(engine))
        run.end_recording(recording, written)
        return 1 if recording.failed else 0
