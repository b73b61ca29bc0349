"""The stand-in engine: what it costs, what it sounds like, and what goes wrong on request."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttsflow import BackendUnavailable, ChunkJob, Costs, Device, JobRefused, TextTooLong
from ttsflow_plugins import sim
from ttsflow_plugins.sim import Sim

CPU = Device("cpu", "cpu")


def chunk(index: int = 0, text: str = "Hello, world.", **more: Any) -> ChunkJob:
    return ChunkJob("book", index, text, **more)


def loaded(**options: Any) -> Sim:
    backend = Sim(Sim.Options(**options))
    backend.load(CPU, backend.options.slots)
    return backend


def speak(backend: Sim, jobs: Sequence[ChunkJob]) -> dict[int, Any]:
    """Start all the jobs, and step until they ended: by index the pieces, or the error, of each."""
    ends: dict[int, Any] = {}
    pieces: dict[int, list[np.ndarray]] = {job.index: [] for job in jobs}
    for job in jobs:
        backend.start(job)
    while len(ends) < len(jobs):
        for step in backend.step():
            if step.piece is not None:
                assert step.piece.sample_rate == backend.options.sample_rate
                pieces[step.job.index].append(step.piece.samples)
            elif step.error is not None:
                ends[step.job.index] = step.error
            else:
                assert step.done
                ends[step.job.index] = pieces[step.job.index]
    assert list(backend.step()) == []
    return ends


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.naps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.naps.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(sim, "time", clock)
    return clock


# ---------------------------------------------------------------- what it costs


@pytest.mark.parametrize(
    ("options", "text", "seconds"),
    [
        ({"chunk_s": 0.5}, "Hello.", 0.5),
        ({"chunk_s": 0.5}, "x" * 200, 0.5),
        ({"rtf": 0.2, "chars_per_s": 10}, "x" * 50, 1.0),
        ({"rtf": 0.2, "audio_s": 3}, "x" * 50, 0.6),
        ({"rtf": 0}, "x" * 50, 0.0),
    ],
)
def test_cost_of_a_chunk(clock: Clock, options: dict[str, float], text: str, seconds: float) -> None:
    backend = loaded(**options)
    began = clock.now
    speak(backend, [chunk(text=text)])
    assert clock.now - began == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("slowdown", "jobs", "seconds"),
    [((1.0,), 1, 1.0), ((1.0,), 3, 3.0), ((1.0, 1.1, 1.2), 3, 1.2), ((1.0, 1.2), 4, 2.4)],
)
def test_jobs_at_a_time_slow_each_other_down(
    clock: Clock, slowdown: tuple[float, ...], jobs: int, seconds: float
) -> None:
    backend = loaded(chunk_s=1, slots=jobs, slowdown=slowdown)
    began = clock.now
    speak(backend, [chunk(index) for index in range(jobs)])
    assert clock.now - began == pytest.approx(seconds)
    assert Costs(Sim.describe(backend.options)).slow(jobs) == pytest.approx(seconds)


def test_a_job_speeds_up_when_the_other_ends(clock: Clock) -> None:
    backend = loaded(rtf=1, chars_per_s=1, slots=2)
    backend.start(chunk(0, "x"))
    backend.start(chunk(1, "xxx"))
    began, ends = clock.now, {}
    while len(ends) < 2:
        ends |= {step.job.index: clock.now - began for step in backend.step() if step.done}
    assert ends == pytest.approx({0: 2.0, 1: 4.0})


def test_pieces_come_evenly_over_the_work(clock: Clock) -> None:
    backend = loaded(chunk_s=1, pieces=4)
    backend.start(chunk())
    began, arrivals, done = clock.now, [], False
    while not done:
        for step in backend.step():
            done = step.done
            if step.piece is not None:
                arrivals.append(clock.now - began)
    assert arrivals == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_a_step_is_short_and_a_cancelled_job_frees_its_slot(clock: Clock) -> None:
    backend = loaded(chunk_s=10, slots=2)
    backend.start(chunk(0))
    backend.start(chunk(1))
    assert list(backend.step()) == []
    assert max(clock.naps) <= 0.02
    backend.cancel(chunk(0))
    began, worked = clock.now, backend.step()
    while not worked:
        worked = backend.step()
    assert [step.job.index for step in worked] == [1]
    assert clock.now - began == pytest.approx(9.99)
    backend.cancel(chunk(1))
    assert list(backend.step()) == []


def test_jitter_spreads_the_cost_by_content(clock: Clock) -> None:
    def cost(text: str, seed: int) -> float:
        began = clock.now
        speak(loaded(chunk_s=1, jitter=0.5), [chunk(text=text, seed=seed)])
        return clock.now - began

    costs = [cost(f"Chunk {number}.", 0) for number in range(30)]
    assert costs == pytest.approx([cost(f"Chunk {number}.", 0) for number in range(30)])
    assert 0.5 <= min(costs) < 0.7
    assert 1.3 < max(costs) <= 1.5
    assert cost("Chunk 1.", 1) != pytest.approx(costs[1])


def test_it_takes_real_time() -> None:
    began = time.monotonic()
    backend = loaded(load_s=0.05, chunk_s=0.1)
    speak(backend, [chunk()])
    assert time.monotonic() - began >= 0.15


# ---------------------------------------------------------------- what it sounds like


@settings(deadline=None, max_examples=50)
@given(
    texts=st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=6),
    pieces=st.integers(1, 9),
    rate=st.sampled_from([8000, 24000]),
)
def test_audio_does_not_depend_on_pieces_or_neighbours(texts: list[str], pieces: int, rate: int) -> None:
    jobs = [chunk(index, text, seed=index) for index, text in enumerate(texts)]
    together = speak(loaded(rtf=0, pieces=pieces, slots=len(jobs), sample_rate=rate), jobs)
    alone = loaded(rtf=0, sample_rate=rate)
    for job in jobs:
        (whole,) = speak(alone, [job])[job.index]
        assert whole.dtype == np.float32
        assert whole.shape == (round(len(job.text) / 15 * rate),)
        assert np.abs(whole).max() <= 1.0
        assert len(together[job.index]) == pieces
        assert np.array_equal(np.concatenate(together[job.index]), whole)


def test_a_tone_tells_chunks_apart() -> None:
    backend = loaded(rtf=0)
    jobs = [
        chunk(0), chunk(1, "Hello, World."), chunk(2, seed=1), chunk(3, voice="a"), chunk(4, language="fr"),
    ]  # fmt: skip
    tones = [np.concatenate(pieces) for pieces in speak(backend, jobs).values()]
    assert len({tone.tobytes() for tone in tones}) == len(jobs)
    (again,) = speak(backend, [chunk(7)])[7]
    assert np.array_equal(again, tones[0])
    assert np.sqrt(np.mean(tones[0] ** 2)) > 0.1


def test_without_a_tone_of_its_own_every_chunk_gets_the_same_array() -> None:
    backend = loaded(rtf=0, tone=False, audio_s=262_144 / 24_000)
    (one,), (two,) = speak(backend, [chunk(0), chunk(1, "Other.")]).values()
    assert one.shape == (262_144,)
    assert np.shares_memory(one, two)
    assert one.any()


# ---------------------------------------------------------------- what it says of itself


def test_profile() -> None:
    options = Sim.Options(
        rtf=0.3, slots=4, slowdown=(1.0, 1.2), device="cuda", memory_bytes=10, slot_memory_bytes=2,
        max_chars=99, languages=("en", "fr"), voices=("ann", "bob"), sample_rate=8000,
    )  # fmt: skip
    profile = Sim.describe(options)
    assert profile.device_kinds == ("cuda",)
    assert (profile.slots, profile.slowdown, profile.rtf) == (4, (1.0, 1.2), 0.3)
    assert (profile.memory_bytes, profile.slot_memory_bytes) == (10, 2)
    assert (profile.languages, profile.max_chars, profile.sample_rate) == (("en", "fr"), {"*": 99}, 8000)
    assert [voice.name for voice in Sim.voices(options)] == ["ann", "bob"]
    assert Sim.describe(Sim.Options()).device_kinds == ("cuda", "mps", "cpu")


@pytest.mark.parametrize(
    "options", [{"chunk_s": 0.5}, {"audio_s": 4, "rtf": 0.5}, {"audio_s": 4, "chunk_s": 1}]
)
def test_first_guesses_hold_for_a_typical_chunk(clock: Clock, options: dict[str, float]) -> None:
    job = chunk(text="x" * 100)
    backend = loaded(**options)
    began = clock.now
    (samples,) = speak(backend, [job])[0]
    costs = Costs(Sim.describe(backend.options))
    assert costs.audio(job) == pytest.approx(samples.size / 24000)
    assert costs.cost(job) == pytest.approx(clock.now - began)


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(("kind", "error"), [("fail", RuntimeError), ("refuse", JobRefused)])
def test_a_chunk_fails_and_the_others_do_not(kind: str, error: type[Exception]) -> None:
    backend = loaded(rtf=0, slots=3, faults=[{"at": 1, "kind": kind}])
    for _ in range(2):
        ends = speak(backend, [chunk(index) for index in range(3)])
        assert type(ends[1]) is error
        assert "chunk 1" in str(ends[1])
        assert ends[0]
        assert ends[2]


@pytest.mark.parametrize("after", [0, 1, 3])
def test_pieces_come_out_before_a_fault(after: int) -> None:
    backend = loaded(rtf=0, pieces=3, faults=[{"at": 0, "kind": "fail", "after": after}])
    backend.start(chunk())
    steps = [step for _ in range(after + 1) for step in backend.step()]
    assert [step.piece is not None for step in steps] == [True] * after + [False]
    assert isinstance(steps[-1].error, RuntimeError)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It was a quiet street.", ("It was a", "quiet", "street.")),
        ("a well-known way", ("a", "well-known", "way")),
        ("x" * 23, ("x" * 10, "x" * 10, "xxx")),
    ],
)
def test_a_text_that_is_too_long_is_cut_into_parts_that_fit(text: str, parts: tuple[str, ...]) -> None:
    backend = loaded(rtf=0, too_long=10)
    with pytest.raises(TextTooLong) as caught:
        backend.start(chunk(text=text))
    assert caught.value.texts == parts
    assert list(backend.step()) == []  # its slot is free
    for part in chunk(text=text).split(parts):
        assert isinstance(speak(backend, [part])[0], list)


def test_a_fault_happens_so_many_times_among_all_workers(tmp_path: Path) -> None:
    faults = [{"at": 0, "kind": "fail", "times": 2}, {"at": 1, "kind": "refuse", "times": 1}]
    workers = [loaded(rtf=0, faults=faults, state_dir=tmp_path / "state") for _ in range(4)]
    first = [isinstance(speak(worker, [chunk(0)])[0], RuntimeError) for worker in workers]
    second = [isinstance(speak(worker, [chunk(1)])[1], JobRefused) for worker in workers]
    assert first == [True, True, False, False]
    assert second == [True, False, False, False]


def in_a_child(options: dict[str, Any]) -> subprocess.Popen[str]:
    """A process that loads, prints "loaded", speaks chunk 0 and prints "spoken"."""
    script = """
        import json, sys
        from ttsflow import ChunkJob, Device
        from ttsflow_plugins.sim import Sim

        backend = Sim(Sim.Options(**json.loads(sys.argv[1])))
        backend.load(Device("cpu", "cpu"), 1)
        print("loaded", flush=True)
        backend.start(ChunkJob("book", 0, "Hello."))
        while not any(step.done for step in backend.step()):
            pass
        print("spoken", flush=True)
    """
    command = [sys.executable, "-c", dedent(script), json.dumps(options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("at", "printed"), [("load", ""), (0, "loaded\n")])
def test_a_worker_dies_once(tmp_path: Path, at: int | str, printed: str) -> None:
    options = {"rtf": 0, "faults": [{"at": at, "kind": "die", "times": 1}], "state_dir": str(tmp_path)}
    with in_a_child(options) as first:
        assert first.communicate(timeout=30)[0] == printed
    assert first.returncode == -signal.SIGKILL
    with in_a_child(options) as second:
        assert second.communicate(timeout=30)[0] == "loaded\nspoken\n"
    assert second.returncode == 0


@pytest.mark.parametrize(("at", "printed"), [("load", ""), (0, "loaded\n")])
def test_a_worker_hangs(tmp_path: Path, at: int | str, printed: str) -> None:
    marker = tmp_path / f"hang-{at}-after-0-0"
    options = {"rtf": 0, "faults": [{"at": at, "kind": "hang", "times": 1}], "state_dir": str(tmp_path)}
    with in_a_child(options) as child:
        while not marker.exists():
            assert child.poll() is None
            time.sleep(0.01)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.2)
        child.kill()
        assert child.communicate(timeout=30)[0] == printed


@pytest.mark.parametrize(("kind", "error"), [("fail", RuntimeError), ("refuse", BackendUnavailable)])
def test_a_worker_does_not_load(kind: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="does not load"):
        loaded(faults=[{"at": "load", "kind": kind}])


@pytest.mark.parametrize(
    "options",
    [
        {"faults": [{"at": 0, "kind": "die", "times": 1}]},
        {"faults": [{"at": 0, "kind": "fail", "after": 2}], "pieces": 1},
        {"faults": [{"at": "loading", "kind": "die"}]},
        {"faults": [{"at": -1, "kind": "die"}]},
        {"slowdown": []},
        {"jitter": 1.5},
        {"slots": 0},
        {"chunks": 1},
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError):
        Sim.Options(**options)
