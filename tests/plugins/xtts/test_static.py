"""Steps of a static shape, as on a GPU: recorded and replayed, they say what rows that attend alone say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugins.xtts.recorder import Recorder
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
)
from ttsflow import BackendUnavailable, Device, Step
from ttsflow_plugins.xtts import Xtts
from ttsflow_plugins.xtts.graphs import CudaCapture, Graphs, Work
from ttsflow_plugins.xtts.selfcheck import check_graphs
from ttsflow_plugins.xtts.speaker import graphs_for
from ttsflow_plugins.xtts.state import AHEAD

LONGEST = ("never to see the end of it " * 20)[:400]
"""as many tokens as the model takes: 401, of which one is the language's"""
RELAXED = [HealthCheck.function_scoped_fixture]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with narrow_checkpoint(tmp_path_factory.mktemp("xtts") / "narrow") as folder:
        yield folder


@contextmanager
def graphs_by(capture: Callable[[Work], Work] | None) -> Iterator[None]:
    """Backends that are loaded within record steps with `capture`, as they do on a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ttsflow_plugins.xtts.speaker.graphs_for", lambda kind, wanted: Graphs(capture))
        yield


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(scope="module")
def replaying(tiny: Path, recorder: Recorder) -> Iterator[Xtts]:
    """A backend whose steps are recorded and replayed."""
    with graphs_by(recorder.record):
        backend = loaded(tiny, slots=32)
    yield backend
    assert graphs_of(backend).in_use
    backend.close()


@pytest.fixture(scope="module", params=["each row by itself", "static", "replayed"])
def any_path(request: pytest.FixtureRequest, tiny: Path) -> Any:
    """How to load a backend on each of the paths."""

    def load(**options: Any) -> Xtts:
        if request.param == "each row by itself":
            return loaded(tiny, **options)
        with graphs_by(Recorder().record if request.param == "replayed" else None):
            return loaded(tiny, **options)

    return load


@pytest.fixture(scope="module")
def solo(backend: Xtts) -> list[Spoken]:
    """Each job alone, its row attending by itself."""
    return [alone(backend, each) for each in JOBS]


def graphs_of(backend: Xtts) -> Graphs:
    graphs: Graphs = decoder_of(backend)._static.graphs
    return graphs


def decoder_of(backend: Xtts) -> Any:
    return backend._speaker._jobs._decoder  # type: ignore[union-attr]


def is_free(backend: Xtts) -> bool:
    """Whether no row holds anything."""
    decoder = decoder_of(backend)
    pool = decoder._static.pool
    places = len(decoder._state.codes) - 1
    every = sorted(pool.free) == list(range(2, pool.values.shape[2]))
    return every and len(decoder._state._free) == places and not decoder._ledger._rows


@settings(max_examples=6, deadline=None, suppress_health_check=RELAXED)
@given(order=st.permutations(range(len(JOBS))), slots=st.integers(1, 8), seed=st.integers(0, 2**32))
def test_rows_join_and_leave(
    order: list[int], slots: int, seed: int, replaying: Xtts, solo: list[Spoken]
) -> None:
    for one, i in zip(speak(replaying, [JOBS[i] for i in order], slots, by_chance(seed)), order, strict=True):
        assert difference(one.samples, solo[i].samples) < TOLERANCE
    assert is_free(replaying)


@settings(max_examples=8, deadline=None, suppress_health_check=RELAXED)
@given(stopped=st.sets(st.integers(0, 3), min_size=1, max_size=3), steps=st.integers(0, 8))
def test_rows_are_stopped(stopped: set[int], steps: int, replaying: Xtts, solo: list[Spoken]) -> None:
    jobs = JOBS[:4]
    told: list[Step] = []
    for each in jobs:  # one after the other, so that some texts are still being read
        replaying.start(each)
        told += replaying.step()
    for _ in range(steps):
        told += replaying.step()
    for index in stopped:
        replaying.cancel(jobs[index])
    left = set(range(4)) - stopped
    while not left <= {step.job.index for step in told if step.done}:
        told += replaying.step()
    for index in left:
        pieces = [step.piece.samples for step in told if step.job.index == index and step.piece]
        assert difference(np.concatenate(pieces), solo[index].samples) < TOLERANCE
    assert is_free(replaying)


def test_a_job_is_cancelled_while_its_text_is_read(replaying: Xtts, solo: list[Spoken]) -> None:
    backend = replaying
    backend.start(JOBS[2])
    told = list(backend.step())
    backend.start(JOBS[0])
    told += backend.step()
    [row] = [row for row in decoder_of(backend)._rows if not row.codes]
    assert 0 < len(row.unread) < len(JOBS[0].text)
    backend.cancel(JOBS[0])
    while not any(step.done for step in told):
        told += backend.step()
    pieces = [step.piece.samples for step in told if step.piece]
    assert difference(np.concatenate(pieces), solo[2].samples) < TOLERANCE
    assert is_free(backend)


def test_thirty_two_of_the_longest_text(replaying: Xtts, backend: Xtts) -> None:
    jobs = [job(LONGEST, seed=index, index=index) for index in range(32)]
    assert len(replaying._speaker._reader.tokens(jobs[0])) == 401
    spoken = speak(replaying, jobs, slots=32)
    assert max(shape[0] for shape in graphs_of(replaying)._recorded) == 32
    for index in (0, 13, 31):
        assert difference(spoken[index].samples, alone(backend, jobs[index]).samples) < TOLERANCE
    assert is_free(replaying)


def test_the_voice_changes_from_chunk_to_chunk(replaying: Xtts, backend: Xtts) -> None:
    jobs = [replace(JOBS[0], index=index, voice=voice) for index, voice in enumerate(["Ana Tiny", "Bo Tiny"])]
    expected = [alone(backend, each).samples for each in jobs]
    for turn in range(4):
        replaying.relieve()
        assert difference(alone(replaying, jobs[turn % 2]).samples, expected[turn % 2]) < TOLERANCE


def test_steps_are_replayed_and_not_called(replaying: Xtts, recorder: Recorder, solo: list[Spoken]) -> None:
    speak(replaying, JOBS)
    steps = recorder.replayed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "ttsflow_plugins.xtts.steps.StaticSteps._advance", lambda *_: pytest.fail("it was called")
        )
        for one, other in zip(speak(replaying, JOBS), solo, strict=True):
            assert difference(one.samples, other.samples) < TOLERANCE
    assert recorder.replayed > steps


def test_what_waits_for_the_device_cannot_be_recorded() -> None:
    numbers = torch.ones(3)
    for work in (
        lambda: numbers.sum().item(),
        lambda: numbers[numbers > 0].sum(),
        lambda: numbers.exponential_(),
    ):
        with pytest.raises(RuntimeError, match="cannot be recorded"):
            Recorder().record(work)  # type: ignore[arg-type]  # what it gives is not used


@pytest.mark.parametrize("good", [0, 3, 5])
def test_where_a_step_cannot_be_recorded_all_go_on_without(
    good: int, tiny: Path, solo: list[Spoken], caplog: pytest.LogCaptureFixture
) -> None:
    """At loading, or later, when a new shape finds no memory."""
    recorder = Recorder()

    def capture(work: Work) -> Work:
        if recorder.recorded == good:
            work()  # as far as the warm-up
            raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 20 MiB")
        return recorder.record(work)

    with graphs_by(capture):
        backend = loaded(tiny)
    assert graphs_of(backend).in_use == (good >= 2)  # the check has two shapes
    for one, other in zip(speak(backend, JOBS, 8), solo, strict=True):
        assert difference(one.samples, other.samples) < TOLERANCE
    assert not graphs_of(backend).in_use
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "XTTS-v2 goes on without CUDA graphs, which is slower: "
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 20 MiB"
    ]


@pytest.mark.parametrize("wrong", ["codes", "latents"])
def test_recorded_steps_that_differ_are_given_up_at_loading(
    wrong: str, tiny: Path, solo: list[Spoken], caplog: pytest.LogCaptureFixture
) -> None:
    def capture(work: Work) -> Work:
        buffers = work.args[0]  # type: ignore[attr-defined]  # a partial

        def replay() -> None:
            work()
            getattr(buffers, wrong).mul_(2)

        return replay

    with graphs_by(capture):
        backend = loaded(tiny)
    assert not graphs_of(backend).in_use
    assert "a recorded step gave other codes or latents than a plain one" in caplog.text
    for one, other in zip(speak(backend, JOBS[:3]), solo, strict=False):
        assert difference(one.samples, other.samples) < TOLERANCE


def test_numbers_too_large_for_the_format_are_told_at_loading(tiny: Path) -> None:
    with graphs_by(lambda work: work):
        backend = loaded(tiny)
    decoder = decoder_of(backend)
    with torch.inference_mode():
        decoder._gpt.final_norm.weight.fill_(torch.inf)
    with pytest.raises(BackendUnavailable, match=r"too large for torch.float32: set the option dtype"):
        check_graphs(decoder, graphs_of(backend))


def test_rows_that_find_no_memory_wait_and_sound_the_same(any_path: Any, solo: list[Spoken]) -> None:
    """The cache holds little more than one chunk of the greatest length, for eight."""
    greatest = 32 + 402 + 83
    backend = any_path(slots=8, cache_tokens=greatest + 100)
    decoder = decoder_of(backend)
    ledger, waited = decoder._ledger, 0
    assert ledger.tokens <= greatest + 100
    for each in JOBS:
        backend.start(each)
    told: list[Step] = []
    while decoder._rows:
        rows = list(decoder._rows)
        decoded = [len(row.codes) for row in rows]
        told += backend.step()
        waited += sum(len(row.codes) == before for row, before in zip(rows, decoded, strict=True))
        assert len(rows[0].codes) > decoded[0] or len(rows[0].unread), "the oldest never waits"
        assert sum(account.held for account in ledger._rows.values()) <= ledger.tokens
    assert waited > 50
    for each, other in zip(JOBS, solo, strict=True):
        pieces = [step.piece.samples for step in told if step.job == each and step.piece]
        assert difference(np.concatenate(pieces), other.samples) < TOLERANCE


def test_the_longest_text_fits_into_the_smallest_cache(any_path: Any, backend: Xtts) -> None:
    """Room for one chunk of the greatest length: of two, one waits for the other to end."""
    jobs = [job(LONGEST, seed=index, index=index) for index in range(2)]
    small = any_path(slots=2, cache_tokens=1)
    for one, each in zip(speak(small, jobs, slots=2), jobs, strict=True):
        assert difference(one.samples, alone(backend, each).samples) < TOLERANCE


def test_nan_in_one_row_stays_there(replaying: Xtts, solo: list[Spoken]) -> None:
    """Memory that a broken row has given back is not read before it is written."""
    pool = decoder_of(replaying)._static.pool
    pool.values[:, :, 1:] = float("nan")  # all but where rows find nothing
    for one, other in zip(speak(replaying, JOBS), solo, strict=True):
        assert difference(one.samples, other.samples) < TOLERANCE


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_it_speaks_in_half_precision(dtype: str, any_path: Any) -> None:
    for one in speak(any_path(dtype=dtype), JOBS[:4]):
        assert np.isfinite(one.samples).all()
        assert np.sqrt(np.mean(one.samples**2)) > 1e-3


def test_noise_is_drawn_for_several_steps_at_once_as_on_a_gpu(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job's noise is its own, whatever step the others are at."""
    monkeypatch.setitem(AHEAD, "cpu", 16)
    with graphs_by(Recorder().record):
        backend = loaded(tiny)
    expected = [alone(backend, each) for each in JOBS]
    assert max(len(one.samples) for one in expected) > 20 * 1114  # of more than one draw
    for one, other in zip(speak(backend, JOBS, when=by_chance(6)), expected, strict=True):
        assert difference(one.samples, other.samples) < TOLERANCE


def test_a_gpu_without_bfloat16_is_told_of_before_the_weights_are_read(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = Xtts(Xtts.Options(model_dir=tiny, dtype="bfloat16"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    monkeypatch.setattr("ttsflow_plugins.xtts.speaker.load_model", None)
    with pytest.raises(BackendUnavailable) as raised:
        backend.load(Device("cuda:0", "cuda"), 1)
    assert str(raised.value) == "Tesla T4 has no bfloat16: set the option dtype to float16 or float32"


class FakeCuda:
    """torch.cuda, as far as recording needs it: tells what was done, on which stream."""

    def __init__(self) -> None:
        self.stream_now, self.did = "usual", list[str]()

    def put_into(self, patch: pytest.MonkeyPatch) -> None:
        other = SimpleNamespace(wait_stream=lambda stream: None)
        usual = SimpleNamespace(wait_stream=lambda stream: self.did.append("waited for it"))
        patch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")
        patch.setattr(torch.cuda, "Stream", lambda: other)
        patch.setattr(torch.cuda, "current_stream", lambda: usual)
        patch.setattr(torch.cuda, "set_stream", lambda stream: setattr(self, "stream_now", "usual"))
        patch.setattr(torch.cuda, "stream", lambda stream: self.on("warming up", restores=True))
        patch.setattr(torch.cuda, "graph", lambda graph, pool, stream: self.on(f"recording into the {pool}"))
        graph = SimpleNamespace(replay=lambda: self.did.append("replay"))
        patch.setattr(torch.cuda, "CUDAGraph", lambda: graph)

    @contextmanager
    def on(self, what: str, restores: bool = False) -> Iterator[None]:
        """As in torch, the stream stays where it is if an error comes while a graph is recorded."""
        self.did.append(what)
        self.stream_now = "other"
        try:
            yield
        except BaseException:
            self.stream_now = "usual" if restores else "other"
            raise
        self.stream_now = "usual"


def test_a_cuda_graph_is_recorded_after_a_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda()
    cuda.put_into(monkeypatch)
    replay = CudaCapture()(lambda: cuda.did.append(f"work on the {cuda.stream_now} stream"))
    work = "work on the other stream"
    assert cuda.did == ["warming up", work, "recording into the pool", work, "waited for it"]
    replay()
    assert cuda.did[-1] == "replay"


def test_after_a_failed_recording_the_stream_is_the_usual_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = FakeCuda()
    cuda.put_into(monkeypatch)
    divisors = iter((1, 0))  # in the warm-up, and while it is recorded
    with pytest.raises(ZeroDivisionError):
        CudaCapture()(lambda: 1 // next(divisors))  # type: ignore[arg-type,return-value]  # it is not used
    assert cuda.did == ["warming up", "recording into the pool", "waited for it"]
    assert cuda.stream_now == "usual"


def test_a_gpu_records_and_a_cpu_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeCuda().put_into(monkeypatch)
    assert graphs_for("cpu", True) is None
    recording, plain = graphs_for("cuda", True), graphs_for("cuda", False)
    assert (recording is not None and recording.in_use, plain is not None and plain.in_use) == (True, False)
