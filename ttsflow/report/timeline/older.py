"""The attempts in a report, also in one that was written before attempts were told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ttsflow.report.excerpt import excerpt


def attempts_of(report: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The attempts; of an older report, one for each chunk that was spoken: its last.

    They are put into the first slot that is free then.
    """
    told: Iterable[Mapping[str, Any]] | None = report.get("attempts")
    return _last_attempts(report.get("chunks", ())) if told is None else told


def _last_attempts(chunks: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    spoken = [
        (chunk["started_s"], chunk["finished_s"], chunk["first_audio_s"], place, chunk)
        for place, chunk in enumerate(chunks)
        if chunk.get("worker") and chunk.get("started_s") is not None and chunk.get("finished_s") is not None
    ]
    free_s: dict[str, list[float]] = {}  # of each worker, when each of its slots is free
    for started_s, ended_s, first_audio_s, _, chunk in sorted(spoken, key=lambda row: (row[0], row[3])):
        slots = free_s.setdefault(chunk["worker"], [])
        slot = next((slot for slot, since_s in enumerate(slots) if since_s <= started_s), len(slots))
        slots[slot : slot + 1] = [ended_s]
        yield {
            "stream": chunk.get("stream"),
            "index": chunk.get("index"),
            "part": None,
            "take": 0,
            "text": excerpt(str(chunk.get("text"))),
            "worker": chunk["worker"],
            "generation": None,
            "slot": slot,
            "started_s": started_s,
            "first_audio_s": first_audio_s,
            "ended_s": ended_s,
            "end": "failed" if chunk.get("status") == "failed" else "finished",
            "why": chunk.get("why"),
        }
