"""Which chunks of an output are to be spoken again, and as which jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ttsflow.errors import InputError
from ttsflow.interface.jobs import ChunkJob
from ttsflow.session.recording import Recording
from ttsflow.session.request import Manner
from ttsflow.store import Place


@dataclass(frozen=True, slots=True)
class Redo:
    """The jobs of the chunks that are spoken again, in text order, for the stream called `name`.

    `echoes` are the indexes of other places with the same text, which change with them.
    """

    name: str
    jobs: list[ChunkJob]
    echoes: list[int]


def choose(recording: Recording, manner: Manner, chunks: Sequence[int], seed: int | None, name: str) -> Redo:
    """The chunks with these indexes, each with `seed`, or else with the first seed that was not tried.

    `manner` is how the rest was spoken. Raises InputError for a chunk that is not there, has nothing to
    say, or would be spoken otherwise than the rest.
    """
    wanted, last, path = set(chunks), -1, recording.path
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
    return Redo(name, [_job(recording, place, seed) for place in places], echoes)


def _job(recording: Recording, place: Place, seed: int | None) -> ChunkJob:
    job = place.job
    if seed is not None:
        return replace(job, seed=seed)
    audio = None if place.key is None else recording.store.read(place.key)
    for _ in range(0 if audio is None else audio.take + 1):
        job = job.retake()
    return job
