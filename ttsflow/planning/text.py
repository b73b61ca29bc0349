"""The jobs of a text that is planned."""

from __future__ import annotations

from itertools import islice
from typing import Protocol

from ttsflow.config.model import TextSection
from ttsflow.interface.jobs import ChunkJob
from ttsflow.planning.world import World
from ttsflow.session.cast import Cast
from ttsflow.session.request import chunks_of
from ttsflow.session.wording import TextRules
from ttsflow.text import Document

STREAM = "main"


class Cut(Protocol):
    """A text that can be had as jobs."""

    def jobs(self, world: World, most: int | None = None) -> list[ChunkJob]:
        """The jobs as a run in this world would have them; at most so many."""


class PlannedText:
    """A text, which is cut once for each way in which policies want it cut. `rules` have the last word on how
    it is spoken."""

    def __init__(self, document: Document, rules: TextRules) -> None:
        self._document, self._rules = document, rules
        self._cut: list[tuple[TextSection, list[ChunkJob]]] = []

    def jobs(self, world: World, most: int | None = None) -> list[ChunkJob]:
        """The jobs as a run in this world would have them; at most so many, which are not kept."""
        text = world.text
        known = next((jobs for asked, jobs in self._cut if asked == text), None)
        if known is not None:
            return known[:most]
        cast = Cast(text, world.profile, rules=self._rules)
        voiced = ((cast.voice(chunk.role), chunk) for chunk in islice(chunks_of(self._document, cast), most))
        jobs = [
            ChunkJob(
                STREAM, index, chunk.text, voice.language, voice.voice, 0, chunk.pause_s, chunk.speakable,
                references=voice.references, speed=voice.speed,
            )
            for index, (voice, chunk) in enumerate(voiced)
        ]  # fmt: skip
        if most is None:
            self._cut.append((text, jobs))
        return jobs
