"""The stand-in engine: what it costs, what it sounds like, and what goes wrong on request."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import psutil
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttsflow import AudioPiece, BackendUnavailable, ChunkJob, Costs, Device, JobRefused, Step, TextTooLong
from ttsflow.workers.checks import AudioCheck, fault_in
from ttsflow.workers.failures import kind_of
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


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ({"rtf": 0.9, "chunk_s": 1.0, "jitter": 0.5, "load_s": 2.0}, True),
        ({"slots": 3, "slowdown": (1.0, 1.2), "device": "cpu", "memory_bytes": 9, "pieces": 4}, True),
        ({"faults": ({"at": 3, "kind": "die"},), "voices": ("ann",), "max_chars": 90}, True),
        ({"chars_per_s": 14.0}, False),
        ({"audio_s": 1.0}, False),
        ({"sample_rate": 8000}, False),
        ({"tone": False}, False),
        ({"too_long": 20}, False),
    ],
)
def test_its_identity_is_what_changes_the_samples(options: dict[str, Any], same: bool) -> None:
    usual, other = Sim.identity(Sim.Options()), Sim.identity(Sim.Options(**options))
    assert (usual == other) is same


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


def test_speed_shortens_the_tone_and_its_cost(clock: Clock) -> None:
    backend = loaded(rtf=0.2, chars_per_s=10)
    began = clock.now
    speak(backend, [replace(chunk(text="x" * 50), speed=2.0)])
    assert clock.now - began == pytest.approx(0.5)


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


def test_a_fault_strikes_wherever_its_words_are_spoken(tmp_path: Path) -> None:
    faults = [{"text": "the clock", "kind": "fail", "times": 2}]
    backend = loaded(rtf=0, slots=4, faults=faults, state_dir=tmp_path)
    texts = ["It was quiet.", "Then the clock struck.", "And", "the clock stopped."]
    jobs = [chunk(index + 7, text) for index, text in enumerate(texts)]
    ends = speak(backend, jobs)
    assert [isinstance(ends[job.index], RuntimeError) for job in jobs] == [False, True, False, True]
    whole = chunk(3, "Nobody heard the clock.")
    assert isinstance(speak(backend, [whole])[3], list), "the two times are over"
    first, second = whole.split(["Nobody heard", "the clock."])
    endless = loaded(rtf=0, faults=[{"text": "the clock", "kind": "fail"}])
    assert isinstance(speak(endless, [first])[3], list)
    assert isinstance(speak(endless, [second])[3], RuntimeError)


@pytest.mark.parametrize("kind", ["fail", "empty"])
def test_a_fault_may_be_one_of_the_first_takes_only(kind: str) -> None:
    backend = loaded(rtf=0, faults=[{"at": 0, "kind": kind, "takes": 2}])
    job, ends = chunk(), []
    for _ in range(3):
        ends.append(speak(backend, [job])[0])
        job = job.retake()
    assert isinstance(ends[0], RuntimeError) or not ends[0][0].size
    assert isinstance(ends[1], RuntimeError) or not ends[1][0].size
    assert ends[2][0].size


def spoken(kind: str, text: str = "Hello, world.", **options: Any) -> tuple[list[AudioPiece], Step]:
    """The pieces of a chunk with a fault, and the step that ends it."""
    backend = loaded(rtf=0, faults=[{"at": 0, "kind": kind, **options.pop("fault", {})}], **options)
    backend.start(chunk(text=text))
    steps: list[Step] = []
    while not (steps and steps[-1].done):
        steps += backend.step()
    return [step.piece for step in steps if step.piece is not None], steps[-1]


@pytest.mark.parametrize(
    ("kind", "fault", "doubt"),
    [
        ("nan", "not finite", None),
        ("rate", "48000 Hz, and its profile says 24000 Hz", None),
        ("shape", "samples of shape (2, 20800)", None),
        ("silent", None, "silent throughout"),
        ("clipped", None, "clipped throughout"),
    ],
)
def test_a_sound_is_spoilt_as_a_worker_will_find(kind: str, fault: str | None, doubt: str | None) -> None:
    (piece,), _ = spoken(kind)
    found = fault_in(piece, 24_000)
    assert found is None if fault is None else fault in str(found)
    if fault is None:
        check = AudioCheck()
        check.take(piece.samples)
        assert str(doubt) in str(check.doubt())


@pytest.mark.parametrize("kind", ["nan", "rate", "shape", "silent", "clipped"])
def test_a_sound_is_spoilt_from_a_piece_on(kind: str) -> None:
    good, _ = spoken("cap", pieces=4)
    bad, _ = spoken(kind, pieces=4, fault={"after": 2})
    same = [
        (one.sample_rate, one.samples.tobytes()) == (two.sample_rate, two.samples.tobytes())
        for one, two in zip(good, bad, strict=True)
    ]
    assert same == [True, True, False, False]


def test_the_array_that_all_chunks_share_is_not_spoilt_for_the_others() -> None:
    backend = loaded(rtf=0, tone=False, faults=[{"at": 0, "kind": "nan"}])
    ends = speak(backend, [chunk(0)]) | speak(backend, [chunk(1)])
    assert np.isnan(ends[0][0]).any()
    assert not np.isnan(ends[1][0]).any()


@pytest.mark.parametrize(("kind", "times"), [("empty", 0), ("short", 0.1), ("long", 6), ("cap", 1)])
def test_audio_of_a_wrong_length(kind: str, times: float) -> None:
    pieces, end = spoken(kind, "x" * 150, pieces=2)
    assert sum(piece.samples.size for piece in pieces) == 10 * 24_000 * times
    assert end.flag == ("reached the model's cap" if kind == "cap" else None)


def test_a_slow_chunk_gives_its_pieces_and_takes_twenty_times_as_long(clock: Clock) -> None:
    backend = loaded(chunk_s=1, pieces=4, faults=[{"at": 0, "kind": "slow"}])
    began = clock.now
    assert len(speak(backend, [chunk(0)])[0]) == 4
    assert clock.now - began == pytest.approx(20)
    speak(backend, [chunk(1)])
    assert clock.now - began == pytest.approx(21)


def test_want_of_memory_is_told_as_cuda_does_and_concerns_one_chunk() -> None:
    backend = loaded(rtf=0, slots=2, faults=[{"at": 0, "kind": "memory"}])
    ends = speak(backend, [chunk(0), chunk(1)])
    assert kind_of(ends[0]) == "out of memory"
    assert isinstance(ends[1], list)


def test_more_chunks_than_memory_has_room_for() -> None:
    backend = loaded(rtf=0, slots=4, memory_slots=2)
    backend.start(chunk(0))
    backend.start(chunk(1))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="CUDA out of memory") as caught:
            backend.start(chunk(2))
        assert kind_of(caught.value) == "out of memory"
    backend.cancel(chunk(1))
    backend.start(chunk(2))
    assert sorted({step.job.index for step in backend.step()}) == [0, 2]


@pytest.mark.parametrize(("kind", "told"), [("assert", "broken worker"), ("lost", "device lost")])
def test_a_worker_whose_cuda_is_broken_speaks_no_more(kind: str, told: str, tmp_path: Path) -> None:
    faults = [{"at": 1, "kind": kind, "after": 1, "times": 1}]
    backend = loaded(rtf=0, slots=2, pieces=2, faults=faults, state_dir=tmp_path)
    backend.start(chunk(0))
    backend.start(chunk(1))
    assert [step.piece is not None for step in backend.step()] == [True, True]
    for index in range(2, 5):
        with pytest.raises(RuntimeError) as caught:
            list(backend.step())
        assert kind_of(caught.value) == told
        assert list(backend.step()) == [], "no job is left in it"
        backend.start(chunk(index))
    another = loaded(rtf=0, slots=2, faults=faults, state_dir=tmp_path)
    assert isinstance(speak(another, [chunk(1)])[1], list), "it was the process, not the chunk"


def in_a_child(options: dict[str, Any], *, wait: bool = False) -> subprocess.Popen[str]:
    """A process that loads, prints "loaded", speaks chunk 0, prints "spoken", and may wait to be killed."""
    script = """
        import json, sys, time
        from ttsflow import ChunkJob, Device
        from ttsflow_plugins.sim import Sim

        backend = Sim(Sim.Options(**json.loads(sys.argv[1])))
        backend.load(Device("cpu", "cpu"), 1)
        print("loaded", flush=True)
        backend.start(ChunkJob("book", 0, "Hello."))
        while not any(step.done for step in backend.step()):
            pass
        print("spoken", flush=True)
        time.sleep(float(sys.argv[2]))
    """
    command = [sys.executable, "-c", dedent(script), json.dumps(options), "60" if wait else "0"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("at", "printed"), [("load", ""), (0, "loaded\n")])
def test_a_worker_dies_once(tmp_path: Path, at: int | str, printed: str) -> None:
    options = {"rtf": 0, "faults": [{"at": at, "kind": "die", "times": 1}], "state_dir": str(tmp_path)}
    with in_a_child(options) as first:
        assert first.communicate()[0] == printed
    assert first.returncode == -signal.SIGKILL
    with in_a_child(options) as second:
        assert second.communicate()[0] == "loaded\nspoken\n"
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
        assert child.communicate()[0] == printed


@pytest.mark.parametrize("at", ["load", 0])
def test_a_worker_is_stopped_and_goes_on_when_it_is_told_to(tmp_path: Path, at: int | str) -> None:
    options = {"rtf": 0, "faults": [{"at": at, "kind": "stop", "times": 1}], "state_dir": str(tmp_path)}
    with in_a_child(options) as child:
        process = psutil.Process(child.pid)
        while process.status() != psutil.STATUS_STOPPED:
            assert child.poll() is None
            time.sleep(0.01)
        child.send_signal(signal.SIGCONT)
        assert child.communicate()[0] == "loaded\nspoken\n"


def test_a_worker_leaks() -> None:
    options: dict[str, Any] = {"rtf": 0}
    sizes = []
    for faults in ([], [{"at": 0, "kind": "leak"}], [{"text": "Hell", "kind": "leak", "after": 1}]):
        with in_a_child(options | {"faults": faults}, wait=True) as child:
            assert child.stdout is not None
            assert [child.stdout.readline() for _ in range(2)] == ["loaded\n", "spoken\n"]
            sizes.append(psutil.Process(child.pid).memory_info().rss)
            child.kill()
    assert [size - sizes[0] for size in sizes[1:]] == pytest.approx([256 * 2**20] * 2, rel=0.1)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("fail", "sim does not load"),
        ("refuse", "sim does not load"),
        ("memory", "CUDA out of memory"),
        ("assert", "device-side assert"),
        ("lost", "GPU is lost"),
    ],
)
def test_a_worker_does_not_load(kind: str, error: str) -> None:
    with pytest.raises(BackendUnavailable if kind == "refuse" else RuntimeError, match=error):
        loaded(faults=[{"at": "load", "kind": kind}])


@pytest.mark.parametrize(
    "options",
    [
        {"faults": [{"at": 0, "kind": "die", "times": 1}]},
        {"faults": [{"at": 0, "kind": "fail", "after": 2}], "pieces": 1},
        {"faults": [{"at": "loading", "kind": "die"}]},
        {"faults": [{"at": -1, "kind": "die"}]},
        {"faults": [{"kind": "die"}]},
        {"faults": [{"at": 0, "text": "x", "kind": "die"}]},
        {"faults": [{"text": "", "kind": "die"}]},
        {"faults": [{"at": "load", "kind": "nan"}]},
        {"faults": [{"at": "load", "kind": "die", "takes": 1}]},
        {"faults": [{"at": 0, "kind": "long", "after": 1}]},
        {"faults": [{"at": 0, "kind": "nan", "takes": 0}]},
        {"memory_slots": 0},
        {"slowdown": []},
        {"jitter": 1.5},
        {"slots": 0},
        {"chunks": 1},
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError):
        Sim.Options(**options)
