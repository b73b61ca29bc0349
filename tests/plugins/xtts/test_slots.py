"""Several chunks at a time in one model: each as upstream would speak it, and as it would be alone."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugins.xtts.speech import (
    JOBS,
    TOLERANCE,
    Spoken,
    alone,
    by_chance,
    difference,
    job,
    loaded,
    narrow_checkpoint,
    speak,
    upstream,
)
from ttsflow import ChunkJob, Step
from ttsflow_plugins.xtts import Xtts
from ttsflow_plugins.xtts.decoder import PORTION
from ttsflow_plugins.xtts.tiny import SPEAKERS
from ttsflow_plugins.xtts.upstream import load_model
from ttsflow_plugins.xtts.workplace import Workplace


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with narrow_checkpoint(tmp_path_factory.mktemp("xtts") / "narrow") as folder:
        yield folder


@pytest.fixture(scope="module")
def theirs(tiny: Path) -> Any:
    """Upstream's model, untouched."""
    return load_model(tiny, "cpu", 1, {})


@pytest.fixture(scope="module")
def greedy(tiny: Path) -> Iterator[Xtts]:
    backend = loaded(tiny, do_sample=False)
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def solo(backend: Xtts) -> list[Spoken]:
    """Each job alone."""
    return [alone(backend, each) for each in JOBS]


def test_likeliest_codes_are_upstreams(greedy: Xtts, theirs: Any) -> None:
    spoken = speak(greedy, JOBS, slots=3, when=by_chance(1))
    expected = [upstream(theirs, each, do_sample=False) for each in JOBS]
    assert len({len(samples) for samples in expected}) > 4  # they stop by themselves, at different steps
    assert not any(one.flag for one in spoken)
    for one, samples in zip(spoken, expected, strict=True):
        assert difference(one.samples, samples) < TOLERANCE


def test_sampled_codes_are_upstreams_of_the_same_seed(backend: Xtts, theirs: Any) -> None:
    for one, each in zip(speak(backend, JOBS, when=by_chance(2)), JOBS, strict=True):
        assert difference(one.samples, upstream(theirs, each, do_sample=True)) < TOLERANCE


@pytest.mark.parametrize("speed", [0.8, 1.7])
def test_speed_is_upstreams(speed: float, tiny: Path, theirs: Any) -> None:
    backend = loaded(tiny, speed=speed)
    jobs = [JOBS[0], JOBS[1], JOBS[3]]
    for one, each in zip(speak(backend, jobs), jobs, strict=True):
        assert difference(one.samples, upstream(theirs, each, do_sample=True, speed=speed)) < TOLERANCE


@pytest.mark.parametrize("beams", [1, 2])
def test_the_speed_of_a_job_comes_on_top(beams: int, tiny: Path) -> None:
    """Jobs of several speeds side by side, each as if the option alone had set it."""
    backend = loaded(tiny, speed=0.8, num_beams=beams)
    jobs = [replace(JOBS[number], speed=speed) for number, speed in ((0, 1.0), (1, 2.0), (3, 0.5))]
    for one, each in zip(speak(backend, jobs, slots=3 if beams == 1 else 1), jobs, strict=True):
        alone = loaded(tiny, speed=0.8 * each.speed, num_beams=beams)
        [other] = speak(alone, [replace(each, speed=1.0)], slots=1)
        assert difference(one.samples, other.samples) < TOLERANCE


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(JOBS))), slots=st.integers(2, 6), seed=st.integers(0, 2**32))
def test_neighbours_change_nothing(
    order: list[int], slots: int, seed: int, backend: Xtts, solo: list[Spoken]
) -> None:
    spoken = speak(backend, [JOBS[i] for i in order], slots, by_chance(seed))
    for one, i in zip(spoken, order, strict=True):
        assert np.array_equal(one.samples, solo[i].samples), "to the last bit: as the profile says"
        assert [len(piece) for piece in one.pieces] == [len(piece) for piece in solo[i].pieces]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stopped=st.sets(st.integers(0, 3), min_size=1, max_size=3), steps=st.integers(0, 8))
def test_jobs_that_are_stopped_leave_the_others_alone(
    stopped: set[int], steps: int, backend: Xtts, solo: list[Spoken]
) -> None:
    jobs = JOBS[:4]
    for each in jobs:
        backend.start(each)
    told = [step for _ in range(steps) for step in backend.step()]
    running = set(jobs) - {step.job for step in told if step.done}
    for index in stopped & {each.index for each in running}:
        backend.cancel(jobs[index])
        running.discard(jobs[index])
    while running:
        told += (steps_now := list(backend.step()))
        assert {step.job for step in steps_now} <= running  # a stopped job says nothing more
        running -= {step.job for step in steps_now if step.done}
    assert not list(backend.step())
    for index in set(range(4)) - stopped:
        pieces = [step.piece.samples for step in told if step.job.index == index and step.piece]
        assert difference(np.concatenate(pieces), solo[index].samples) < TOLERANCE


def test_thirty_two_at_a_time(backend: Xtts, solo: list[Spoken]) -> None:
    jobs = [replace(each, index=each.index + 8 * turn) for turn in range(4) for each in JOBS]
    for one, each in zip(speak(backend, jobs, slots=32, when=by_chance(3, p=0.7)), jobs, strict=True):
        assert difference(one.samples, solo[each.index % 8].samples) < TOLERANCE


def decoder_of(backend: Xtts) -> Any:
    return backend._speaker._jobs._decoder


@contextmanager
def tokens_of_calls(backend: Xtts) -> Iterator[list[list[int]]]:
    """Of each call of the model, how many tokens each row reads."""
    calls: list[list[int]] = []
    hook = decoder_of(backend).transformer.register_forward_hook(
        lambda _module, given, _made: calls.append(list(given[1].counts))
    )
    yield calls
    hook.remove()


def test_a_long_text_holds_nobody_up(backend: Xtts, solo: list[Spoken]) -> None:
    """While others decode, a text is read in portions, of several texts the first one first."""
    text = len(JOBS[0].text)
    assert text > 4 * PORTION
    backend.start(JOBS[2])
    told = list(backend.step())
    with tokens_of_calls(backend) as calls:
        for each in (JOBS[0], JOBS[3]):
            backend.start(each)
        for _ in range(4):
            told += backend.step()
    assert calls == [[1, PORTION]] * 4
    backend.cancel(JOBS[0])  # in the middle of its text
    with tokens_of_calls(backend) as calls:
        while not {JOBS[2], JOBS[3]} <= {step.job for step in told if step.done}:
            told += backend.step()
    assert calls[0] == [1, PORTION]
    assert max(map(sum, calls)) <= PORTION + 2
    for each in (JOBS[2], JOBS[3]):
        pieces = [step.piece.samples for step in told if step.job == each and step.piece]
        assert difference(np.concatenate(pieces), solo[each.index].samples) < TOLERANCE


def test_a_voice_is_read_once(backend: Xtts) -> None:
    voice = [32]
    backend.relieve()
    with tokens_of_calls(backend) as calls:
        speak(backend, JOBS)
    assert calls.count(voice) == len(SPEAKERS)
    with tokens_of_calls(backend) as calls:
        speak(backend, JOBS[:2])
        backend.relieve()
        speak(backend, JOBS[:1])
    assert calls.count(voice) == 1


def test_a_seed_is_of_the_job_alone(backend: Xtts) -> None:
    """Equal texts side by side: equal seeds sound equal, others do not."""
    one, same, other = speak(backend, [job(seed=5), job(seed=5, index=1), job(seed=6, index=2)])
    assert difference(one.samples, same.samples) < TOLERANCE
    assert len(one.samples) != len(other.samples) or difference(one.samples, other.samples) > TOLERANCE


def test_options_of_the_checkpoint_are_used_where_none_are_given(variant: Any, tiny: Path) -> None:
    import json

    config = json.loads((tiny / "config.json").read_text())
    config["top_k"] = 1
    folder = variant("config.json")
    (folder / "config.json").write_text(json.dumps(config))
    backend = loaded(folder)
    assert difference(alone(backend, job(seed=1)).samples, alone(backend, job(seed=2)).samples) == 0.0


def model_calls(backend: Xtts, jobs: list[ChunkJob], slots: int) -> int:
    with tokens_of_calls(backend) as calls:
        speak(backend, jobs, slots)
    return len(calls)


def test_eight_chunks_in_four_slots_take_two_chunks_model_calls(greedy: Xtts) -> None:
    equal = [job(index=index, voice=SPEAKERS[0]) for index in range(8)]
    one = model_calls(greedy, equal[:1], 1)
    assert one > 5
    assert model_calls(greedy, equal, 4) <= 2.2 * one


def caches(backend: Xtts) -> list[weakref.ref[Any]]:
    return [weakref.ref(row.cache.values) for row in decoder_of(backend)._rows]


def test_a_slot_frees_its_memory_at_once(backend: Xtts, solo: list[Spoken]) -> None:
    gc.freeze()  # what was there before, which is much, is not gone through again and again
    jobs = sorted(JOBS, key=lambda job: -len(solo[job.index].samples))[:3]
    for each in jobs:
        backend.start(each)
    backend.step()
    before = caches(backend)
    assert len(before) == 3
    backend.cancel(jobs[0])
    gc.collect()
    assert [reference() is None for reference in before] == [True, False, False]
    ended: list[ChunkJob] = []
    while len(ended) < 2:
        ended += [step.job for step in backend.step() if step.done]
        gc.collect()
        alive = [each for each in jobs[1:] if each not in ended]
        assert sum(reference() is not None for reference in before) == len(alive)
    gc.unfreeze()


def test_an_error_in_the_model_ends_the_jobs_and_not_the_worker(
    backend: Xtts, solo: list[Spoken], monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in JOBS[:2]:
        backend.start(each)
    backend.step()
    with monkeypatch.context() as patch:
        patch.setattr("ttsflow_plugins.xtts.state.choose", None)
        with pytest.raises(TypeError):
            backend.step()
    assert not list(backend.step())
    assert difference(alone(backend, JOBS[0]).samples, solo[0].samples) < TOLERANCE


def test_an_error_in_the_sound_of_one_job_is_that_jobs_alone(
    backend: Xtts, solo: list[Spoken], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [JOBS[0], JOBS[3]]
    for each in jobs:
        backend.start(each)
    broken = backend._speaker._jobs._running[jobs[1]].utterance
    monkeypatch.setattr(broken, "push", None)
    told: list[Step] = []
    while not any(step.done for step in told):
        told += list(backend.step())
    assert [step.job for step in told if step.error] == [jobs[1]]
    pieces = [step.piece.samples for step in told if step.job == jobs[0] and step.piece]
    assert difference(np.concatenate(pieces), solo[0].samples) < TOLERANCE
    assert not list(backend.step())


def test_a_job_that_cannot_begin_leaves_nothing_behind(
    backend: Xtts, solo: list[Spoken], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("ttsflow_plugins.xtts.vocoder.Interpolation", None)
        with pytest.raises(TypeError):
            backend.start(JOBS[0])
    assert caches(backend) == []
    assert difference(alone(backend, JOBS[0]).samples, solo[0].samples) < TOLERANCE


def test_memory_that_is_given_back_is_not_missed(
    backend: Xtts, solo: list[Spoken], recording: Path, cache_home: Path
) -> None:
    cloned = job(seed=4, index=9, references=(str(recording),))
    before = alone(backend, cloned)
    kept = sorted(cache_home.rglob("*.safetensors"))
    assert kept
    backend.start(JOBS[0])
    told: list[Step] = []
    while not any(step.done for step in told):
        told += list(backend.step())
        backend.relieve()
    pieces = [step.piece.samples for step in told if step.piece]
    assert difference(np.concatenate(pieces), solo[0].samples) < TOLERANCE
    assert np.array_equal(alone(backend, cloned).samples, before.samples)
    assert sorted(cache_home.rglob("*.safetensors")) == kept, "they were read, not computed again"


class Late(Workplace):
    """Sound is there when it has been asked for so many times, once in a step: as on a GPU."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.given_out: list[weakref.ref[_Late]] = []
        self.waits = 0

    def fetch(self, samples: Any) -> _Late:
        late = _Late(self, samples)
        self.given_out.append(weakref.ref(late))
        return late


class _Late:
    def __init__(self, place: Late, samples: Any) -> None:
        self._place, self._samples = place, samples
        self._left = place.steps
        self.error: Exception | None = None

    def arrived(self) -> bool:
        self._left -= 1
        return self._left < 0

    def samples(self) -> Any:
        self._place.waits += self._left >= 0
        if self.error is not None:
            raise self.error
        return self._samples


@contextmanager
def late_sound(backend: Xtts, steps: int) -> Iterator[Late]:
    with pytest.MonkeyPatch.context() as patch:
        late = Late(steps)
        patch.setattr(backend._speaker._jobs, "_workplace", late)
        yield late


def sound(told: list[Step], job: ChunkJob) -> np.ndarray[Any, Any]:
    return np.concatenate([step.piece.samples for step in told if step.job == job and step.piece])


def extremes(solo: list[Spoken]) -> tuple[ChunkJob, ChunkJob]:
    """The job that ends first, and the one that ends last."""
    first, *_, last = sorted(JOBS, key=lambda job: len(solo[job.index].samples))
    return first, last


def until_decoded(backend: Xtts, job: ChunkJob) -> list[Step]:
    """Step until all codes of a running job are decoded."""
    slot = backend._speaker._jobs._running[job]
    told: list[Step] = []
    while not slot.ended:
        told += backend.step()
    return told


def until_quiet(backend: Xtts) -> list[Step]:
    told: list[Step] = []
    while backend._speaker._jobs._running:
        told += backend.step()
    return told


@pytest.mark.parametrize("steps", [1, 4, 1000])
def test_sound_that_comes_later_is_the_same_and_nobody_waits_for_it(
    steps: int, backend: Xtts, solo: list[Spoken]
) -> None:
    backend.relieve()  # both times, voices are read
    calls = model_calls(backend, JOBS[:4], 4)
    backend.relieve()
    with late_sound(backend, steps) as late, tokens_of_calls(backend) as late_calls:
        spoken = speak(backend, JOBS[:4], 4)
    for one, each in zip(spoken, JOBS, strict=False):
        assert one.done
        assert np.array_equal(one.samples, solo[each.index].samples)
        assert [len(piece) for piece in one.pieces] == [len(piece) for piece in solo[each.index].pieces]
    assert len(late_calls) == calls
    if steps < 1000:
        assert late.waits < len(late.given_out) / 2
    else:
        assert late.waits == len(late.given_out), "when nothing was left to decode"


def test_a_job_is_not_done_before_its_last_piece_has_come(backend: Xtts, solo: list[Spoken]) -> None:
    short, long = extremes(solo)
    with late_sound(backend, 3):
        for each in (short, long):
            backend.start(each)
        told = until_decoded(backend, short)
        assert not any(step.done for step in told)
        steps = [list(backend.step()) for _ in range(3)]
        assert [[step.done for step in now if step.job == short] for now in steps] == [[], [], [True]]
        told += [step for now in steps for step in now] + until_quiet(backend)
    for each in (short, long):
        assert np.array_equal(sound(told, each), solo[each.index].samples)


def test_sound_that_nobody_wants_any_more_is_dropped(backend: Xtts, solo: list[Spoken]) -> None:
    short, long = extremes(solo)
    with late_sound(backend, 2) as late:
        for each in (short, long):
            backend.start(each)
        told = until_decoded(backend, short)
        coming = weakref.ref(backend._speaker._jobs._running[short].coming[-1])
        backend.cancel(short)
        assert coming() is None
        told += until_quiet(backend)
        assert not any(reference() for reference in late.given_out)
    assert not any(step.done for step in told if step.job == short)
    assert np.array_equal(sound(told, long), solo[long.index].samples)


def test_an_error_that_shows_when_the_sound_comes_is_that_jobs_alone(
    backend: Xtts, solo: list[Spoken]
) -> None:
    short, long = extremes(solo)
    with late_sound(backend, 2):
        for each in (short, long):
            backend.start(each)
        told = until_decoded(backend, short)
        error = backend._speaker._jobs._running[short].coming[-1].error = RuntimeError("no such sound")
        told += until_quiet(backend)
    assert [step.error for step in told if step.job == short][-1] is error
    assert not any(step.error for step in told if step.job == long)
    assert np.array_equal(sound(told, long), solo[long.index].samples)


def test_memory_may_be_given_back_and_all_be_closed_while_sound_is_coming(
    tiny: Path, solo: list[Spoken]
) -> None:
    short, long = extremes(solo)
    backend = loaded(tiny)
    with late_sound(backend, 3) as late:
        for each in (short, long):
            backend.start(each)
        told = until_decoded(backend, short)
        backend.relieve()
        told += until_quiet(backend)
        for each in (short, long):
            assert np.array_equal(sound(told, each), solo[each.index].samples)
            backend.start(each)
        until_decoded(backend, short)
        assert any(reference() for reference in late.given_out)
    backend.close()
    gc.collect()
    assert not any(reference() for reference in late.given_out)


def test_bfloat16_speaks_and_is_not_called_reproducible(tiny: Path, solo: list[Spoken]) -> None:
    backend = loaded(tiny, dtype="bfloat16")
    for one in speak(backend, JOBS):
        assert np.isfinite(one.samples).all()
        assert np.sqrt(np.mean(one.samples**2)) > 1e-3
    assert not Xtts.describe(backend.options).reproducible("cpu")
    assert Xtts.describe(Xtts.Options(model_dir=tiny)).reproducible("cpu")
    assert not Xtts.describe(Xtts.Options(model_dir=tiny)).reproducible("cuda")
