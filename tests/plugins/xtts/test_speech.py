"""Speaking with the tiny checkpoint, by the real code of XTTS-v2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.plugins.xtts.speech import alone, job, loaded
from ttsflow import ChunkJob, JobRefused
from ttsflow_plugins.xtts import Xtts
from ttsflow_plugins.xtts.tiny import SPEAKERS, TINY, write_checkpoint

CAP_CODES = 30
CAP_SAMPLES = int(CAP_CODES * 4 * 24000 / 22050) * 256  # of the vocoder's two interpolations


def audio(backend: Xtts, job: ChunkJob) -> bytes:
    return alone(backend, job).samples.tobytes()


def refusal(backend: Xtts, job: ChunkJob) -> str:
    with pytest.raises(JobRefused) as caught:
        backend.start(job)
    return str(caught.value)


def check(samples: NDArray[np.float32], least_s: float, most_s: float) -> None:
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1.0
    assert np.sqrt(np.mean(samples**2)) > 1e-3
    assert least_s < len(samples) / 24000 <= most_s


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(
        tmp_path_factory.mktemp("xtts") / "endless", replace(TINY, stop=-100.0, most_codes=CAP_CODES)
    )


def test_speaks_with_the_first_speaker(backend: Xtts) -> None:
    spoken = alone(backend, job())
    check(spoken.samples, 0.3, 3.0)
    assert spoken.flag is None
    assert audio(backend, job(voice=SPEAKERS[0])) == audio(backend, job())


def test_speakers_differ(backend: Xtts) -> None:
    assert audio(backend, job(voice=SPEAKERS[1])) != audio(backend, job(voice=SPEAKERS[0]))


def test_speaks_with_a_recording(backend: Xtts, recording: Path) -> None:
    check(alone(backend, job(references=(str(recording),))).samples, 0.04, 3.0)


def test_equal_jobs_give_equal_audio_in_any_order(backend: Xtts, tiny: Path, recording: Path) -> None:
    jobs = [
        job(f"text number {i}", seed=i << 59, references=v) for i in (1, 2) for v in ((), (str(recording),))
    ]
    first = [audio(backend, each) for each in jobs]
    assert [audio(backend, each) for each in reversed(jobs)] == first[::-1]
    assert audio(loaded(tiny), jobs[2]) == first[2]


def test_seeds_differ(backend: Xtts) -> None:
    assert len({audio(backend, job(seed=seed)) for seed in range(6)}) > 3


def test_sampling_options_reach_the_model(tiny: Path, backend: Xtts) -> None:
    likeliest = loaded(tiny, top_k=1)  # the likeliest code is all there is to sample
    assert audio(likeliest, job(seed=1)) == audio(likeliest, job(seed=2)) != audio(backend, job(seed=2))


def test_speech_that_runs_into_the_cap_is_flagged(endless: Path) -> None:
    spoken = alone(loaded(endless), job())
    assert len(spoken.samples) == CAP_SAMPLES
    assert spoken.flag == "reached the model's audio cap of 1.4 s; speech may be cut off"


def test_speed_shortens_the_speech_and_its_cap(endless: Path) -> None:
    spoken = alone(loaded(endless, speed=2.0), job())
    assert len(spoken.samples) == pytest.approx(CAP_SAMPLES / 2, abs=512)
    assert spoken.flag is not None
    assert "0.7 s" in spoken.flag


def test_beams_speak_too(tiny: Path) -> None:
    backend = loaded(tiny, num_beams=2, length_penalty=0.5)
    assert audio(backend, job()) == audio(backend, job())


# ---------------------------------------------------------------- jobs that are refused


def test_an_unknown_voice_lists_the_known_ones(backend: Xtts) -> None:
    said = refusal(backend, job(voice="Ana Tinny"))
    assert "did you mean 'Ana Tiny'" in said
    assert "Bo Tiny" in said
    assert "--reference" in said


def test_a_recording_that_is_no_use_is_refused(backend: Xtts, recording: Path, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not audio")
    said = refusal(backend, job(references=(str(recording), str(tmp_path / "text.wav"))))
    assert "cannot read the reference audio" in said
    assert "text.wav" in said


def test_no_speaker_and_no_voice(variant: Callable[..., Path], recording: Path) -> None:
    backend = loaded(variant("speakers_xtts.pth"))
    assert "no built-in speaker" in refusal(backend, job())
    assert audio(backend, job(references=(str(recording),)))


@pytest.mark.parametrize(("language", "text"), [("zh-cn", "你好"), ("hi", "नमस्ते"), ("de", "Es gab 50.")])
def test_other_languages_speak(language: str, text: str, backend: Xtts) -> None:
    assert audio(backend, job(text, language=language))


def test_goes_on_after_a_refusal(backend: Xtts) -> None:
    before = audio(backend, job())
    refusal(backend, job(voice="nobody"))
    assert audio(backend, job()) == before
