"""A run that is played again from its report: with its costs, its mishaps and its texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.planning.made import INFO
from ttsflow import InputError, Profile
from ttsflow.config import load
from ttsflow.planning import World, play, replayed
from ttsflow.planning.recorded import Mishap, recorded
from ttsflow.registry import Registry
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.sequential import Sequential

PROFILE = Profile("made", 24_000, ("cuda",), slots=2, slowdown=(1.0, 1.5), rtf=0.5)


def attempt(index: int, start: float, end: float, how: str = "finished", **more: Any) -> dict[str, Any]:
    return {
        "stream": "main", "index": index, "part": None, "take": 0, "text": "", "worker": "w0",
        "generation": 1, "slot": 0, "started_s": start, "first_audio_s": end, "ended_s": end, "end": how,
        "why": "it was so", "hedge": False,
    } | more  # fmt: skip


def chunk(index: int, audio_s: float, **more: Any) -> dict[str, Any]:
    return {
        "stream": "main", "index": index, "text": "x" * 10, "status": "ok", "kept": False, "same_as": None,
        "audio_s": audio_s, "pause_s": 0.0, "queued_s": 0.0,
    } | more  # fmt: skip


def report(chunks: list[Any], attempts: list[Any], gpus: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "ttsflow": "0.1.0", "policy": {"name": "sequential"}, "backend": "no-such-engine",
        "backend_options": {},
        "devices": [{"id": f"cuda:{n}", "kind": "cuda", "name": ""} for n in range(gpus)],
        "workers": [{"worker": "w0", "device": "cuda:0", "slots": 1, "started_s": 0.0, "ready_s": 3.0}],
        "chunks": chunks, "attempts": attempts, "slowdown": [], "output": {"path": "o.wav"},
        "summary": {"makespan_s": 10.0},
    } | more  # fmt: skip


def world_of(data: Mapping[str, Any], folder: Path, *, listening: bool = False) -> World:
    path = folder / "report.json"
    path.write_text(json.dumps(data))
    return replayed(path, load(None, None, []), Registry.load(), listening=listening)


def makespan(world: World, policy: Any) -> float:
    assert world.recorded is not None
    played = play(policy, world, world.recorded.jobs, INFO)
    assert played.error is None
    assert played.summary.makespan_s is not None
    return played.summary.makespan_s


def test_chunks_take_what_they_took(tmp_path: Path) -> None:
    """3 s of loading, then 2, 5 and 1 s; two GPUs are done after 3 + 5."""
    chunks = [chunk(0, 4.0), chunk(1, 9.0), chunk(2, 2.0)]
    attempts = [attempt(0, 3.0, 5.0), attempt(1, 5.0, 10.0), attempt(2, 10.0, 11.0)]
    world = world_of(report(chunks, attempts, gpus=2), tmp_path)
    assert makespan(world, Sequential) == pytest.approx(11.0)
    assert makespan(world, BoundedParallel) == pytest.approx(8.0)
    assert world.notices[0].startswith("no worker has more slots than in the run (1): unknown backend")


def test_what_shared_a_worker_counts_for_less() -> None:
    """With s(2) = 1.5 two chunks from 0 to 3 s had 2 s of work each; one went on alone for a second."""
    data = report([chunk(0, 4.0), chunk(1, 4.0)], [attempt(0, 0.0, 3.0), attempt(1, 0.0, 4.0, slot=1)])
    assert recorded(data, PROFILE).works == {("main", 0): pytest.approx(2.0), ("main", 1): pytest.approx(3.0)}


def test_an_attempt_of_no_length_took_no_work() -> None:
    attempts = [attempt(0, 0.0, 0.0, "failed"), attempt(1, 0.0, 2.0, slot=1), attempt(0, 2.0, 4.0)]
    found = recorded(report([chunk(0, 4.0), chunk(1, 4.0)], attempts), PROFILE)
    assert found.works == {("main", 0): pytest.approx(2.0), ("main", 1): pytest.approx(2.0)}
    assert found.mishaps == {("main", 0): [Mishap("failed", 0.0, "it was so")]}


def test_what_failed_fails_again(tmp_path: Path) -> None:
    """Chunk 0 fails after 1 s and takes 2 s then; chunk 1 kills its worker after 2 s, which loads for 3 s."""
    attempts = [
        attempt(0, 3.0, 4.0, "failed"), attempt(0, 4.0, 6.0),
        attempt(1, 6.0, 8.0, "died"), attempt(1, 11.0, 15.0, generation=2),
    ]  # fmt: skip
    world = world_of(report([chunk(0, 4.0), chunk(1, 8.0)], attempts), tmp_path)
    assert world.recorded is not None
    assert world.recorded.mishaps == {
        ("main", 0): [Mishap("failed", pytest.approx(1.0), "it was so")],
        ("main", 1): [Mishap("died", pytest.approx(2.0), "it was so")],
    }
    for _ in range(2):  # each plan begins anew
        done_s = makespan(world, Sequential)
        assert 3.0 + 1.0 + 2.0 + 2.0 + 3.0 + 4.0 <= done_s < 20.0  # the scheduler waits between attempts


def test_one_chunk_is_blamed_for_a_death() -> None:
    attempts = [
        attempt(0, 0.0, 2.0, "died"), attempt(1, 0.0, 2.0, "died", slot=1),
        attempt(1, 5.0, 6.0, "died", generation=2), attempt(0, 9.0, 11.0, generation=3),
    ]  # fmt: skip
    mishaps = recorded(report([chunk(0, 4.0), chunk(1, 4.0, status="failed")], attempts), PROFILE).mishaps
    assert [*mishaps] == [("main", 1)]
    assert len(mishaps["main", 1]) == 2


def test_streams_begin_when_they_began(tmp_path: Path) -> None:
    """The second text came 20 s after the first: 20 s and 1 s of work, as loading is over long before."""
    chunks = [chunk(0, 2.0, queued_s=5.0), chunk(0, 2.0, queued_s=25.0, stream="later")]
    attempts = [attempt(0, 5.0, 6.0), attempt(0, 25.0, 26.0, stream="later")]
    world = world_of(report(chunks, attempts, texts=[]), tmp_path)
    assert makespan(world, Sequential) == pytest.approx(21.0)


def test_what_was_kept_is_not_played_again(tmp_path: Path) -> None:
    chunks = [chunk(0, 4.0, kept=True), chunk(1, 4.0), chunk(2, 4.0, same_as=1)]
    world = world_of(report(chunks, [attempt(1, 3.0, 5.0)]), tmp_path)
    assert world.recorded is not None
    assert [job.index for job in world.recorded.jobs] == [1]


def test_slots_of_a_known_backend_may_be_used(tmp_path: Path) -> None:
    """The run had one slot; sim has four, and two at a time were measured to take 1.25 times as long."""
    more = {
        "backend": "sim",
        "backend_options": {"slots": 4, "slowdown": [1.0, 1.2, 1.4, 1.6], "device": "cuda"},
        "slowdown": [{"k": 2, "profile": 1.2, "measured": 1.25, "chunks": 9}],
    }
    world = world_of(report([chunk(0, 4.0)], [attempt(0, 3.0, 5.0)], **more), tmp_path)
    assert (world.profile.slots, world.profile.slowdown) == (4, (1.0, 1.25, 1.4, 1.6))
    assert [device.id for device in world.devices] == ["cuda:0"]
    assert not world.listening


@pytest.mark.parametrize(
    ("told", "heard"), [({}, True), ({"listening": False}, False), ({"listening": True}, True)]
)
def test_a_run_without_a_file_is_heard_if_it_was(told: dict[str, bool], heard: bool, tmp_path: Path) -> None:
    """Reports of version 0.1.0 do not tell."""
    world = world_of(report([chunk(0, 4.0)], [attempt(0, 3.0, 5.0)], output=None, **told), tmp_path)
    assert world.listening is heard


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("words", "is no report: Expecting value"),
        ("[]", "is no report: it has no chunks"),
        ('{"ttsflow": "0.1.0", "chunks": [], "attempts": []}', "has no attempt, so there is nothing to play"),
        ('{"ttsflow": "0.1.0", "chunks": [], "attempts": [{}]}', "is no whole report of this version"),
    ],
)
def test_what_is_no_report_is_refused(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        replayed(path, load(None, None, []), Registry.load(), listening=False)
