"""Which chunks of a text are spoken in a measurement: a few that stand for all of its lengths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from ttsflow.errors import InputError
from ttsflow.interface.jobs import ChunkJob

LOOKED_AT = 500
"""chunks of a text from which the ones to speak are taken: of a book the first pages are enough"""


def candidates(jobs: Iterable[ChunkJob]) -> list[ChunkJob]:
    """The chunks of a text that have something to speak, each text once, in text order.

    Raises InputError where there is none.
    """
    found = {job.text: job for job in islice(jobs, LOOKED_AT) if job.speakable}
    if not found:
        raise InputError("the text has nothing to speak; give another, or none for a passage that is there")
    return list(found.values())


def typical(jobs: Sequence[ChunkJob]) -> ChunkJob:
    """The chunk of the middle length."""
    return sorted(jobs, key=lambda job: len(job.text))[len(jobs) // 2]


def mixed(jobs: Sequence[ChunkJob], count: int) -> list[ChunkJob]:
    """At most `count` of the chunks, in their order, whose lengths are spread as those of all."""
    by_length = sorted(range(len(jobs)), key=lambda number: len(jobs[number].text))
    count = min(count, len(jobs))
    taken = {by_length[int((place + 0.5) * len(jobs) / count)] for place in range(count)}
    return [job for number, job in enumerate(jobs) if number in taken]
