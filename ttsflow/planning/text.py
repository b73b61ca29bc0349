"""The jobs of a text that is planned."""

from __future__ import annotations

from itertools import islice

from ttsflow.config.model import TextSection
from ttsflow.interface.jobs import ChunkJob
from ttsflow.planning.world import World
from ttsflow.session.request import chunks_of
from ttsflow.text import Document

STREAM = "main"


class PlannedText:
    """A text, which is cut once for each way in which policies want it cut."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._cut: list[tuple[TextSection, list[ChunkJob]]] = []

    def jobs(self, world: World, most: int | None = None) -> list[ChunkJob]:
        """The jobs as a run in this world would have them; at most so many, which are not kept."""
        text = world.text
        known = next((jobs for asked, jobs in self._cut if asked == text), None)
        if known is not None:
            return known[:most]
        chunks = islice(chunks_of(self._document, text, world.profile), most)
        jobs = [
            ChunkJob(
                STREAM, index, chunk.text, text.language, text.voice, 0, chunk.pause_s, chunk.speakable,
                speed=text.speed,
            )
            for index, chunk in enumerate(chunks)
        ]  # fmt: skip
        if most is None:
            self._cut.append((text, jobs))
        return jobs
