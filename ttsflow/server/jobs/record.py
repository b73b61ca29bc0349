"""What is written down of a job: what was asked for, how far it is, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from ttsflow.errors import ConfigError
from ttsflow.interface.jobs import Outcome
from ttsflow.interface.validation import validate
from ttsflow.report.units import chunks
from ttsflow.server.jobs.schema import JobFormat

MOST_FINDINGS = 100
"""doubts, and failures, that are told one by one; a book has them all in its store"""

Status = Literal["queued", "speaking", "done", "failed", "cancelled"]


class Record(BaseModel):
    """Something that is written down, and read again by a later server."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record in a file. Raises OSError, and ConfigError for a file that was cut or changed."""
        try:
            data = json.loads(path.read_bytes())
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path.name} is not JSON, it was cut or changed: {error}") from error
        return validate(cls, data, lambda at: f"{path.name} was changed", whole="all of it", in_yaml=False)


class Order(Record):
    """What a client asked for.

    The text is read by `reader`, and messages call it `title`. `notices` are what a person should know of the
    way in which it is read and spoken. A job that came later has a greater `number`.
    """

    id: str
    number: int = 0
    owner: str
    created_at: float
    title: str
    reader: str
    format: JobFormat
    name: str | None = None
    voice: str | None = None
    language: str | None = None
    speed: float | None = None
    notices: tuple[str, ...] = ()


class Chunks(Record):
    """How many different chunks a text has, and of how many the audio is kept."""

    done: int
    of: int


class Finding(Record):
    """A chunk that is in doubt, or failed, and why."""

    chunk: int
    text: str
    why: str

    @classmethod
    def of(cls, outcome: Outcome) -> Finding:
        """What is found of a chunk that has ended so."""
        return cls(chunk=outcome.job.index, text=outcome.job.shown, why=outcome.why or "")


class Progress(Record):
    """How far a job is."""

    chunks: Chunks | None = None
    """unknown until it was begun"""
    audio_s: float = 0.0
    """seconds of audio that are kept; of a job that has ended, the length of its file"""
    doubts: tuple[Finding, ...] = ()
    """chunks whose audio may be wrong: the first 100"""
    failures: tuple[Finding, ...] = ()
    """chunks that could not be spoken: the first 100"""

    @classmethod
    def begun(cls, done: int, of: int, audio_s: float, doubts: Sequence[tuple[int, str, str]]) -> Progress:
        """What is there of a text already."""
        found = tuple(Finding(chunk=chunk, text=text, why=why) for chunk, text, why in doubts)
        return cls(chunks=Chunks(done=done, of=of), audio_s=audio_s, doubts=found)

    def after(self, outcome: Outcome) -> Progress:
        """How far it is when one more chunk has ended."""
        if outcome.status == "failed":
            return self.model_copy(update={"failures": _with(self.failures, outcome)})
        if outcome.status == "pause" or self.chunks is None:
            return self
        chunks = self.chunks.model_copy(update={"done": self.chunks.done + 1})
        doubts = _with(self.doubts, outcome) if outcome.status == "flagged" else self.doubts
        audio_s = self.audio_s + outcome.audio_s
        return self.model_copy(update={"chunks": chunks, "audio_s": audio_s, "doubts": doubts})

    @property
    def lack(self) -> str | None:
        """What the audio of a job that has ended lacks, in words; None where nothing has failed."""
        if not self.failures:
            return None
        if self.chunks is None or not self.chunks.done:
            return "no chunk could be spoken; there is no audio"
        lost = max(self.chunks.of - self.chunks.done, len(self.failures))
        return f"{chunks(lost)} could not be spoken; the audio lacks {'it' if lost == 1 else 'them'}"


class Ending(Record):
    """How a job ended, for good."""

    status: Literal["done", "failed"]
    progress: Progress


def _with(findings: tuple[Finding, ...], outcome: Outcome) -> tuple[Finding, ...]:
    return (*findings, Finding.of(outcome))[:MOST_FINDINGS]
