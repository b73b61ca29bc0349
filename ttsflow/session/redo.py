"""Which chunks of an output are to be spoken again, and as which jobs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from ttsflow.errors import InputError, OutputError, StoreDamaged, UsageError
from ttsflow.interface.jobs import ChunkJob
from ttsflow.report.passage import Passage
from ttsflow.report.units import duration
from ttsflow.session.corrections import saying
from ttsflow.session.recording import Recording
from ttsflow.session.request import Manner
from ttsflow.store import Place
from ttsflow.text import NARRATOR
from ttsflow.text.characters import audible
from ttsflow.text.stops import speakable

SHOWN = 10
"""chunks that a message names, of however many"""

_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Choice:
    """Chunks to be spoken again: by their numbers, by a time at which one is heard, or by words of one.

    `at` is in seconds, or written as "1:23:45" or "83:45". Raises UsageError unless it is exactly one of
    the three, and for what is no time.
    """

    chunks: Sequence[int] = ()
    at: float | str | None = None
    find: str | None = None

    def __post_init__(self) -> None:
        said = {"chunks": self.chunks or None, "at": self.at, "find": self.find}
        given = [name for name, value in said.items() if value is not None]
        if len(given) != 1:
            raise UsageError(
                f"name what is to be spoken again by one of `chunks`, `at` and `find`, "
                f"not by {' and '.join(f'`{name}`' for name in given) or 'none'}"
            )
        if self.at is not None:
            _seconds(self.at)


@dataclass(frozen=True, slots=True)
class Redo:
    """The places that are spoken again and their new jobs, in text order, for the stream called `name`, in
    the manner of the rest.

    `notices` tell a person what was found, and which other places change with it. `seed` is the one that
    was asked for; `corrected` tells whether other words were, which are the jobs' own.
    """

    name: str
    manner: Manner
    places: list[Place]
    notices: list[str]
    seed: int | None = None
    corrected: bool = False

    def sounds(self, recording: Recording) -> dict[int, bytes | None]:
        """What stands for the sound of each chunk that is kept now; None for one that is damaged."""
        return {place.job.index: _sound(recording, place) for place in self.places}

    def unchanged(self, recording: Recording, before: Mapping[int, bytes | None]) -> str | None:
        """What a person should know where chunks were spoken again and sound as they did `before`."""
        failed = {outcome.job.index for outcome in recording.failed}
        same = [
            index
            for index, sound in self.sounds(recording).items()
            if sound is not None and sound == before[index] and index not in failed
        ]
        if not same:
            return None
        chunks, verb = ("chunk", "sounds") if len(same) == 1 else ("chunks", "sound")
        how = "" if self.seed is None else f" with seed {self.seed}"
        return (
            f"{chunks} {_shown(same)} {verb} as before: this engine always speaks the same text the same "
            f"way{how}. Other words, another spelling of them or another voice will change it"
        )


def choose(
    recording: Recording,
    manner: Manner,
    choice: Choice,
    seed: int | None,
    name: str,
    words: str | None = None,
) -> Redo:
    """The chosen chunks, each with `seed`, or else with the first seed that was not tried; or one with
    other `words`.

    `manner` is how the rest was spoken. Raises InputError for a chunk that is not there or not the only
    one that it may be, has nothing to say, or would be spoken otherwise than the rest, and for words that
    cannot be spoken; OutputError for a time in a file that was not built from what is kept.
    """
    found = _found(recording, choice)
    notices = [] if found is None else [f"found {found}"]
    wanted = set(choice.chunks) if found is None else {found.index}
    last, path = -1, recording.path
    places = list[Place]()
    for place in recording.store.places(name):
        last = place.job.index
        if last in wanted:
            places.append(place)
    for index in sorted(wanted - {place.job.index for place in places}):
        raise InputError(f"there is no chunk {index} in {path}; its last is {last}")
    for place in places:
        index = place.job.index
        if place.key is None:
            raise InputError(f"chunk {index} of {path} has nothing to say")
        if place.key != manner.key(place.job):
            raise InputError(
                f"chunk {index} would not be spoken as the rest of {path}: the voice, the model or a plugin "
                f"has changed since. Run the same command as before, to have all of it spoken so"
            )
    keys = {place.key for place in places}
    echoes = [
        place.job.index
        for place in recording.store.places()
        if place.key in keys and place.job.index not in wanted
    ]
    if echoes:
        notices.append(f"chunks with the same text change, too: {_shown(echoes)}")
    if words is not None:
        return _with_words(name, recording, places, manner, words, notices)
    jobs = [replace(place, job=_job(recording, place, seed)) for place in places]
    return Redo(name, manner, jobs, notices, seed)


def _with_words(
    name: str,
    recording: Recording,
    places: Sequence[Place],
    manner: Manner,
    words: str,
    notices: list[str],
) -> Redo:
    words, most = " ".join(audible(words).split()), manner.cast.rules(NARRATOR).max_chars
    if len(places) != 1:
        raise InputError(f"other words are for one chunk, not for {len(places)}: choose one of them")
    if not speakable(words):
        raise InputError("the words to be spoken have no letter and no digit")
    if len(words) > most:
        raise InputError(f"the words have {len(words)} characters, and the engine speaks {most} at a time")
    (place,) = places
    new = saying(place, words, manner)
    if new.key == place.key:
        raise InputError(f"chunk {place.job.index} says that already")
    return Redo(name, manner, [new], notices, corrected=True)


def _sound(recording: Recording, place: Place) -> bytes | None:
    try:
        audio = None if place.key is None else recording.store.read(place.key)
    except StoreDamaged:  # what is spoken now takes its place
        return None
    return None if audio is None else hashlib.blake2b(audio.samples).digest()


def _shown(indexes: Sequence[int]) -> str:
    more = f" and {len(indexes) - SHOWN:,} more" if len(indexes) > SHOWN else ""
    return ", ".join(map(str, indexes[:SHOWN])) + more


def _found(recording: Recording, choice: Choice) -> Passage | None:
    """What is heard at the time or has the words; None where the choice is by number."""
    if choice.at is not None:
        return _heard_at(recording, choice.at)
    return None if choice.find is None else _containing(recording, choice.find)


def _heard_at(recording: Recording, at: float | str) -> Passage:
    path, store = recording.path, recording.store
    if not recording.is_built:  # the times that are known are those of another file
        state = "was not built from what is kept for it now" if path.exists() else "is not there"
        raise OutputError(
            f"what is heard at {at} cannot be told: {path} {state}. Run the command that speaks it first, "
            f"or choose by `chunks` or `find`"
        )
    passage = store.passage_at(_seconds(at))
    if passage is None:
        long = duration(store.extent().length_s)
        raise InputError(f"nothing is heard at {at} in {path}, which is {long} long")
    return passage


def _containing(recording: Recording, words: str) -> Passage:
    """The place with the words; places that are heard from one kept chunk count as the first of them."""
    path = recording.path
    chunks = (passage for passage in recording.store.passages_with(words) if passage.same_as is None)
    found = list(islice(chunks, SHOWN + 1))
    if not words.strip() or not found:
        raise InputError(f"no chunk of {path} has the words {words!r}")
    if len(found) > 1:
        shown = "\n".join(f"  {passage}" for passage in found[:SHOWN])
        more = "\n  and more" if len(found) > SHOWN else ""
        raise InputError(
            f"several chunks of {path} have the words {words!r}; choose one by `chunks`, or say "
            f"more of its words:\n{shown}{more}"
        )
    return found[0]


def _seconds(at: float | str) -> float:
    """Seconds, for 1:23:45, 83:45 or 5025.5. Raises UsageError."""
    if not isinstance(at, str):
        return at
    match = _TIME.fullmatch(at.strip())
    if match is None:
        raise UsageError(f"{at!r} is not a time; write it as 1:23:45, 83:45 or 5025.5 (seconds)")
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)


def _job(recording: Recording, place: Place, seed: int | None) -> ChunkJob:
    job = place.job
    if seed is not None:
        return replace(job, seed=seed)
    audio = None if place.key is None else recording.store.read(place.key)
    for _ in range(0 if audio is None else audio.take + 1):
        job = job.retake()
    return job
