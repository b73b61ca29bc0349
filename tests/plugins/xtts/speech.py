"""Driving the backend as a worker does, and upstream's model beside it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ttsflow import ChunkJob, Device
from ttsflow_plugins.xtts import Xtts
from ttsflow_plugins.xtts.tiny import SPEAKERS, TINY, write_checkpoint
from ttsflow_plugins.xtts.upstream import import_torchaudio

CPU = Device(id="cpu", kind="cpu")
TOLERANCE = 1e-4  # of a waveform in [-1, 1]


@dataclass
class Spoken:
    """What came of one job."""

    pieces: list[NDArray[np.float32]] = field(default_factory=list)
    flag: str | None = None
    done: bool = False

    @property
    def samples(self) -> NDArray[np.float32]:
        return np.concatenate(self.pieces)


def job(text: str = "Hello there, this is a test.", seed: int = 2, index: int = 0, **rest: Any) -> ChunkJob:
    return ChunkJob("stream", index, text, seed=seed, **rest)


TEXTS = [
    ("en", "Alice was beginning to get very tired of sitting by her sister on the bank."),
    ("de", "Guten Abend, es sind 21 Grad."),
    ("en", "Oh."),
    ("fr", "Il était une fois une petite fille qui aimait les histoires, et les pommes."),
    ("zh-cn", "你好"),
    ("en", "So she was considering in her own mind, as well as she could."),
    ("es", "¿Dónde está la biblioteca?"),
    ("en", "Down, down, down. Would the fall never come to an end?"),
]
JOBS = [
    job(text, seed=100 + index, index=index, language=language, voice=SPEAKERS[index % 2])
    for index, (language, text) in enumerate(TEXTS)
]


def difference(some: NDArray[Any], other: NDArray[Any]) -> float:
    """Greatest difference of two waveforms, which must be of one length: one code is 1,114 samples."""
    assert len(some) == len(other)
    return float(np.abs(some - other).max())


@contextmanager
def narrow_checkpoint(folder: Path) -> Iterator[Path]:
    """A checkpoint whose vocoder has a sixteenth of upstream's channels: fifteen times as quick."""
    import_torchaudio()
    from TTS.tts.models import xtts

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xtts, "HifiDecoder", partial(xtts.HifiDecoder, upsample_initial_channel_decoder=32))
        yield write_checkpoint(folder, replace(TINY, stop=0.7))


def loaded(folder: Path, **options: Any) -> Xtts:
    backend = Xtts(Xtts.Options(model_dir=folder, **options))
    backend.load(CPU, backend.options.slots)
    return backend


def speak(
    backend: Xtts,
    jobs: Sequence[ChunkJob],
    slots: int = 4,
    when: Callable[[int], bool] = lambda step: True,
) -> list[Spoken]:
    """Speak jobs in up to `slots` slots; in step n another one may join if `when(n)`."""
    spoken = {job: Spoken() for job in jobs}
    waiting, running, step = list(jobs), 0, 0
    while waiting or running:
        while waiting and running < slots and (when(step) or not running):
            backend.start(waiting.pop(0))
            running += 1
        step += 1
        for told in backend.step():
            assert told.error is None
            one = spoken[told.job]
            assert not one.done
            if told.piece is not None:
                assert told.piece.sample_rate == 24000
                one.pieces.append(told.piece.samples)
            one.flag, one.done = told.flag, told.done
            running -= told.done
    return list(spoken.values())


def alone(backend: Xtts, job: ChunkJob) -> Spoken:
    [spoken] = speak(backend, [job], slots=1)
    return spoken


def by_chance(seed: int, p: float = 0.2) -> Callable[[int], bool]:
    """Joins at random steps."""
    rng = random.Random(seed)
    return lambda step: rng.random() < p


def upstream(model: Any, job: ChunkJob, *, do_sample: bool, speed: float = 1.0) -> NDArray[np.float32]:
    """The samples (n,) that upstream's `inference()` gives for a job, with the checkpoint's settings."""
    import torch

    config = model.config
    speaker = model.speaker_manager.speakers[job.voice]
    torch.manual_seed(job.seed)
    spoken = model.inference(
        job.text,
        job.language,
        speaker["gpt_cond_latent"],
        speaker["speaker_embedding"],
        temperature=config.temperature,
        top_k=config.top_k,
        top_p=config.top_p,
        repetition_penalty=config.repetition_penalty,
        do_sample=do_sample,
        speed=speed,
    )
    samples: NDArray[np.float32] = spoken["wav"]
    return samples
