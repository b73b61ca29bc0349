"""A run as its report has it: what its chunks took, how often they failed, when its texts came."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ttsflow.errors import InputError
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.profile import Profile

Key = tuple[str, int]
"""a chunk: its stream and its index"""


@dataclass(frozen=True, slots=True)
class Mishap:
    """An attempt that failed after so much work, or in which the worker died."""

    end: Literal["failed", "died"]
    work_s: float
    why: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a policy cannot change of a run.

    `works` are the seconds of work that each chunk took, alone on its worker, `audios` the seconds of its
    audio; `mishaps` come first, in this order. `opens_s` is when each stream began, counted from the first
    of them. `policy` and `summary` are what was decided then, and what came of it.
    """

    jobs: Sequence[ChunkJob]
    works: Mapping[Key, float]
    audios: Mapping[Key, float]
    mishaps: Mapping[Key, Sequence[Mishap]] = field(default_factory=dict)
    opens_s: Mapping[str, float] = field(default_factory=dict)
    policy: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)

    def work_s(self, job: ChunkJob) -> float:
        """Seconds of work for a job; of a part of a chunk, by its length."""
        return self._of(job, self.works)

    def audio_s(self, job: ChunkJob) -> float:
        """Seconds of audio of a job."""
        return self._of(job, self.audios)

    def _of(self, job: ChunkJob, table: Mapping[Key, float]) -> float:
        whole = table[job.stream, job.index]
        if not job.part:
            return whole
        key = job.stream, job.index
        chars = next(len(each.text) for each in self.jobs if (each.stream, each.index) == key)
        return whole * len(job.text) / max(chars, 1)


def read_report(path: Path) -> dict[str, Any]:
    """The data of a report. Raises InputError where it is none, or has no attempts."""
    try:
        report = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the report {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is no report: {error}; give the data of one, FILE.json") from error
    if not isinstance(report, dict) or "ttsflow" not in report or not isinstance(report.get("chunks"), list):
        raise InputError(f"{path} is no report: it has no chunks; give the data of one, FILE.json")
    if not report.get("attempts"):
        raise InputError(f"{path} has no attempt, so there is nothing to play again")
    return report


def devices_of(report: Mapping[str, Any]) -> tuple[Device, ...]:
    """The devices that a run had."""
    names = ("id", "kind", "name", "uuid", "total_bytes", "free_bytes", "cores")
    return tuple(Device(**{name: each.get(name) for name in names}) for each in report["devices"])


def slots_of(report: Mapping[str, Any]) -> int:
    """The most slots that a worker of it had."""
    return max((int(worker["slots"]) for worker in report["workers"]), default=1)


def load_s_of(report: Mapping[str, Any]) -> float | None:
    """Seconds that its workers took to load."""
    took = [
        worker["ready_s"] - worker["started_s"]
        for worker in report["workers"]
        if worker.get("started_s") is not None
    ]
    return statistics.median(took) if took else None


def first_piece_of(report: Mapping[str, Any]) -> float | None:
    """The share of a chunk's work after which its first piece was there."""
    shares = [
        (each["first_audio_s"] - each["started_s"]) / (each["ended_s"] - each["started_s"])
        for each in report["attempts"]
        if each["end"] == "finished"
        and each["first_audio_s"] is not None
        and each["ended_s"] > each["started_s"]
    ]
    return min(1.0, max(1e-3, statistics.median(shares))) if shares else None


def recorded(report: Mapping[str, Any], profile: Profile) -> Recorded:
    """What happened, with the profile's s(k) for attempts that shared a worker.

    Chunks that were kept from a run before are left out, and so are those that were not reached.
    """
    chunks = [
        chunk
        for chunk in report["chunks"]
        if not chunk["kept"] and chunk["same_as"] is None and chunk["status"] != "not reached"
    ]
    attempts = [each for each in report["attempts"] if each["ended_s"] is not None]
    devices = {device.id: device for device in devices_of(report)}
    where = {worker["worker"]: devices.get(worker["device"]) for worker in report["workers"]}
    works = _works(attempts, profile, where)
    spent: dict[Key, float] = defaultdict(float)
    for attempt, work_s in zip(attempts, works, strict=True):
        if attempt["end"] == "finished":
            key = attempt["stream"], attempt["index"]
            spent[key] = spent[key] + work_s if attempt["part"] is not None else work_s
    jobs, audios = [], {}
    for chunk in chunks:
        key = str(chunk["stream"]), int(chunk["index"])
        speakable = chunk["status"] != "pause"
        job = ChunkJob(*key, str(chunk["text"]), pause_s=float(chunk["pause_s"] or 0.0), speakable=speakable)
        jobs.append(job)
        audios[key] = float(chunk["audio_s"] or 0.0) or len(job.text) / profile.rate(job.language)
        spent.setdefault(key, audios[key] * profile.rtf)
    mishaps: dict[Key, list[Mishap]] = defaultdict(list)
    for attempt, work_s in _mishaps(attempts, works):
        end: Literal["failed", "died"] = "failed" if attempt["end"] == "failed" else "died"
        mishaps[attempt["stream"], attempt["index"]].append(Mishap(end, work_s, str(attempt["why"])))
    policy, summary = str(report["policy"]["name"]), dict(report["summary"])
    return Recorded(jobs, spent, audios, mishaps, _openings(chunks), policy, summary)


def _works(
    attempts: Sequence[Mapping[str, Any]], profile: Profile, where: Mapping[str, Device | None]
) -> Sequence[float]:
    """Seconds of work of each attempt, as if it had run alone on a device of its own."""
    works = [0.0] * len(attempts)
    moments = sorted(
        (when, number, begins)
        for number, each in enumerate(attempts)
        if each["ended_s"] > each["started_s"]  # else it would end before it begins
        for when, begins in ((each["started_s"], True), (each["ended_s"], False))
    )
    running: dict[str, set[int]] = defaultdict(set)
    before = 0.0
    for when, number, begins in moments:
        busy = {worker: mine for worker, mine in running.items() if mine}
        for worker, mine in busy.items():
            device = where.get(worker)
            beside = sum(where.get(other) == device for other in busy)
            pace = profile.slow(len(mine)) * profile.beside(beside, device)
            for each in mine:
                works[each] += (when - before) / pace
        before = when
        mine = running[attempts[number]["worker"]]
        if begins:
            mine.add(number)
        else:
            mine.discard(number)
    return works


def _mishaps(
    attempts: Sequence[Mapping[str, Any]], works: Sequence[float]
) -> Iterator[tuple[Mapping[str, Any], float]]:
    """The attempts that failed, and of each worker that died the one that is blamed, as they began."""
    deaths: dict[Key, int] = defaultdict(int)
    lost: dict[tuple[str, int], list[int]] = defaultdict(list)
    for number, each in enumerate(attempts):
        if each["end"] in ("died", "killed"):
            deaths[each["stream"], each["index"]] += 1
            lost[each["worker"], each["generation"]].append(number)
    guilty = {
        max(numbers, key=lambda n: (deaths[attempts[n]["stream"], attempts[n]["index"]], -n))
        for numbers in lost.values()
    }
    told = [n for n, each in enumerate(attempts) if n in guilty or each["end"] == "failed"]
    for number in sorted(told, key=lambda n: float(attempts[n]["started_s"])):
        yield attempts[number], works[number]


def _openings(chunks: Iterable[Mapping[str, Any]]) -> Mapping[str, float]:
    first: dict[str, float] = {}
    for chunk in chunks:
        if chunk["queued_s"] is not None:
            stream = str(chunk["stream"])
            first[stream] = min(first.get(stream, chunk["queued_s"]), chunk["queued_s"])
    start = min(first.values(), default=0.0)
    return {stream: opened - start for stream, opened in first.items()}
