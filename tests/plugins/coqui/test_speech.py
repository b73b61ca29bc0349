"""What the backend coqui makes of a text is what upstream's own code makes of it."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.plugins.coqui.conftest import SPEAKERS
from ttsflow import BackendUnavailable, ChunkJob, Device, Engine, Step
from ttsflow_plugins.coqui import Coqui

pytestmark = pytest.mark.filterwarnings("ignore")  # upstream's libraries warn of one another


def job(text: str, **values: object) -> ChunkJob:
    return replace(ChunkJob("book", 0, text, seed=7), **values)  # type: ignore[arg-type]


def loaded(**options: object) -> Coqui:
    backend = Coqui(Coqui.Options.model_validate(options))
    backend.load(Device("cpu", "cpu"), 1)
    return backend


def steps(backend: Coqui, what: ChunkJob) -> list[Step]:
    backend.start(what)
    return list(backend.step())


def speak(backend: Coqui, what: ChunkJob) -> np.ndarray:
    piece = steps(backend, what)[0].piece
    assert piece is not None
    return np.asarray(piece.samples)


@pytest.fixture(scope="module")
def backend(vits: Path) -> Iterator[Coqui]:
    engine = loaded(model_dir=vits)
    yield engine
    engine.close()


def upstream(text: str, speaker: str | None, **paths: str) -> np.ndarray:
    """What coqui-tts says, without the silence that it puts behind a sentence."""
    import torch
    from TTS.utils.synthesizer import PAD_SILENCE_SAMPLES, Synthesizer

    synthesizer = Synthesizer(**paths)
    torch.manual_seed(7)
    wav = synthesizer.tts(text, speaker_name=speaker, split_sentences=False)
    assert not any(wav[-PAD_SILENCE_SAMPLES:])
    return np.array(wav[:-PAD_SILENCE_SAMPLES], np.float32)


def test_a_model_of_several_speakers(backend: Coqui, vits: Path) -> None:
    text = "Hello there, old friend."
    paths = {"tts_checkpoint": str(vits / "model.pth"), "tts_config_path": str(vits / "config.json")}
    for voice in SPEAKERS:
        assert np.array_equal(speak(backend, job(text, voice=voice)), upstream(text, voice, **paths))
    assert np.array_equal(speak(backend, job(text)), speak(backend, job(text, voice=SPEAKERS[0])))


def test_a_model_with_a_vocoder(glow: Path, hifigan: Path) -> None:
    text = "Hello there, old friend."
    ours = speak(loaded(model_dir=glow, vocoder_dir=hifigan), job(text))
    paths = {"tts_checkpoint": glow / "model.pth", "tts_config_path": glow / "config.json"}
    paths |= {"vocoder_checkpoint": hifigan / "model.pth", "vocoder_config": hifigan / "config.json"}
    assert np.array_equal(ours, upstream(text, None, **{name: str(path) for name, path in paths.items()}))


def test_the_same_job_sounds_the_same_whatever_came_before(backend: Coqui) -> None:
    one = speak(backend, job("Stop here."))
    speak(backend, job("Go on, and on."))
    assert np.array_equal(one, speak(backend, job("Stop here.")))
    assert not np.array_equal(one, speak(backend, job("Stop here.", seed=8)))


def test_letters_that_the_model_does_not_know_make_the_audio_doubtful(backend: Coqui) -> None:
    assert steps(backend, job("Hello ы and ъ."))[-1].flag == "the model does not know 'ы', 'ъ'"
    assert steps(backend, job("Hello."))[-1].flag is None


def test_cancelling_frees_the_slot(backend: Coqui) -> None:
    backend.start(job("Never heard."))
    backend.cancel(job("Never heard."))
    assert list(backend.step()) == []


@pytest.mark.parametrize("kind", ["none", "half", "another"])
def test_a_checkpoint_that_is_none(kind: str, vits: Path, hifigan: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((vits / "config.json").read_bytes())
    whole = (vits / "model.pth").read_bytes()
    content = {"none": b"no model", "half": whole[:10_000], "another": (hifigan / "model.pth").read_bytes()}
    (tmp_path / "model.pth").write_bytes(content[kind])
    with pytest.raises(BackendUnavailable, match=r"model\.pth cannot be loaded .*get its files again"):
        loaded(model_dir=tmp_path)


def test_a_chapter_through_a_worker(vits: Path, backend: Coqui, tmp_path: Path) -> None:
    texts = ["This is the first part of it.", "And this is the second part."]
    settings = {"backend.use": "coqui", "backend.options": {"model_dir": str(vits)}, "limits.retries": 0}
    with Engine(settings=settings | {"policy.use": "sequential"}) as engine:
        pieces = [piece for text in texts for piece in engine.stream(text, voice="bob")]
        engine.speak("\n\n".join(texts), tmp_path / "two.wav", voice="bob")
    with wave.open(str(tmp_path / "two.wav")) as file:
        assert file.getframerate() == pieces[0].sample_rate
        assert file.getnframes() > sum(piece.samples.size for piece in pieces) - 10
