"""The chunks in a report: each as it ends, or all places of the text at the end of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from ttsflow.errors import StoreError
from ttsflow.interface.jobs import ChunkJob, Outcome
from ttsflow.report.file import ReportFile
from ttsflow.report.passage import Passage
from ttsflow.report.spool import Spool

NOT_REACHED = "not reached"
"""status of a place whose chunk was not spoken because the run ended before"""


@dataclass(frozen=True, slots=True)
class Text:
    """All places of a text that is recorded by the stream of this name, as they are heard once it is over."""

    stream: str
    passages: Callable[[], Iterable[Passage]]


class ChunkList(Protocol):
    """What is told of the chunks of a run."""

    def ended(self, outcome: Outcome) -> None:
        """A chunk ended, in text order."""

    def close(self) -> str | None:
        """The run is over; gives a notice where not all can be told."""


class AsTheyEnd:
    """Each chunk is written when it ends: for a listener who hears them one after the other."""

    def __init__(self, file: ReportFile, t0: float) -> None:
        self._file = file
        self._t0 = t0
        self._at_s: dict[str, float] = {}

    def ended(self, outcome: Outcome) -> None:
        at_s = self._at_s.get(outcome.job.stream, 0.0)
        self._file.chunk(_record(outcome, self._t0) | {"at_s": at_s})
        heard_s = outcome.sent_s if outcome.status == "failed" else outcome.audio_s
        self._at_s[outcome.job.stream] = at_s + heard_s + outcome.job.pause_s

    def close(self) -> None:
        """Nothing is left to be told."""


class InTextOrder:
    """What ends is kept on the disk, and every place of the text is written at the end.

    `folder` is where it is kept; None: where temporary files are.
    """

    def __init__(self, file: ReportFile, folder: Path | None, t0: float, text: Text) -> None:
        self._file = file
        self._t0 = t0
        self._text = text
        self._spool = Spool(folder)

    def ended(self, outcome: Outcome) -> None:
        try:
            self._spool.put(outcome.job.index, _record(outcome, self._t0))
        except OSError as error:
            self._file.give_up(error)

    def close(self) -> str | None:
        try:
            return self._write()
        except OSError as error:
            self._file.give_up(error)
        finally:
            self._spool.close()
        return None

    def _write(self) -> str | None:
        last, where = -1, True  # whether it is known where a place starts
        try:
            for passage in self._text.passages():
                record = self._entry(passage)
                where = where and record["status"] != NOT_REACHED
                self._file.chunk(record if where else record | {"at_s": None})
                last = passage.index
        except StoreError as error:
            for number in self._spool.numbers():
                if number > last and (spoken := self._spool.get(number)) is not None:
                    self._file.chunk(spoken)
            return f"the report lacks chunks that were kept from before: {error}"
        return None

    def _entry(self, passage: Passage) -> dict[str, Any]:
        own = self._spool.get(passage.index)
        spoken = own if passage.same_as is None else self._spool.get(passage.same_as)
        status = passage.status
        if status is None and spoken is not None and spoken["status"] == "failed":
            status = "failed"
        return (own or _UNTOUCHED) | {
            "stream": self._text.stream,
            "index": passage.index,
            "text": passage.text,
            "status": status or NOT_REACHED,
            "kept": passage.status in ("ok", "flagged") and spoken is None,
            "same_as": passage.same_as,
            "at_s": round(passage.at_s, 6),
            "audio_s": passage.audio_s,
            "pause_s": passage.pause_s,
            "why": passage.why or (spoken["why"] if status == "failed" and spoken is not None else None),
        }


class OfManyTexts:
    """As `InTextOrder` for each of many texts: the places of one are written when it is over.

    Any thread may call it.
    """

    def __init__(self, file: ReportFile, folder: Path | None, t0: float) -> None:
        self._file, self._folder, self._t0 = file, folder, t0
        self._open: dict[str, InTextOrder] = {}
        self._lock, self._writing = Lock(), Lock()  # the first one is soon free: the run goes on

    def begin(self, text: Text) -> None:
        """A text begins. Raises OSError where the disk refuses."""
        chunks = InTextOrder(self._file, self._folder, self._t0, text)
        with self._lock:
            self._open[text.stream] = chunks

    def ended(self, outcome: Outcome) -> None:
        with self._lock:
            if (chunks := self._open.get(outcome.job.stream)) is not None:
                chunks.ended(outcome)

    def end(self, stream: str) -> str | None:
        """A text is over; gives a notice where not all can be told."""
        with self._lock:
            chunks = self._open.pop(stream, None)
        if chunks is None:
            return None
        with self._writing:
            return chunks.close()

    def close(self) -> str | None:
        for stream in list(self._open):
            self.end(stream)
        return None


def _record(outcome: Outcome, t0: float) -> dict[str, Any]:
    def since(when: float | None) -> float | None:
        return None if when is None else round(when - t0, 6)

    return {
        "stream": outcome.job.stream,
        "index": outcome.job.index,
        "text": outcome.job.shown,
        "status": outcome.status,
        "kept": False,
        "same_as": None,
        "at_s": None,
        "audio_s": outcome.audio_s,
        "pause_s": outcome.job.pause_s,
        "worker": outcome.worker,
        "device": outcome.device,
        "attempts": outcome.attempts,
        "queued_s": since(outcome.queued_s),
        "started_s": since(outcome.started_s),
        "first_audio_s": since(outcome.first_audio_s),
        "finished_s": since(outcome.finished_s),
        "why": outcome.why,
    }


_UNTOUCHED = dict.fromkeys(_record(Outcome(ChunkJob("", 0, ""), "pause"), 0.0))  # its keys, without values
