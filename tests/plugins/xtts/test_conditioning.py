"""The latents of a voice: upstream's, computed once, kept on disk, and what cannot be one."""

from __future__ import annotations

import logging
import subprocess
import sys
import tracemalloc
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ttsflow import JobRefused
from ttsflow_plugins.xtts.conditioning import Conditioning, Latents
from ttsflow_plugins.xtts.tiny import SPEAKERS
from ttsflow_plugins.xtts.upstream import load_model

SETTINGS = {"max_ref_len": 2, "gpt_cond_len": 3, "gpt_cond_chunk_len": 1, "sound_norm_refs": False}


@pytest.fixture(scope="module")
def model(tiny: Path) -> Any:
    """An upstream model, whose configuration a test may change for itself."""
    return load_model(tiny, "cpu", 1, SETTINGS)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's latents are kept; not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/ttsflow/xtts"


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seconds of audio, one number for each voice that upstream computes GPT latents for."""
    from TTS.tts.models.xtts import Xtts as Upstream

    calls: list[int] = []
    compute = Upstream.get_gpt_cond_latents

    def counted(self: Upstream, audio: Any, rate: int, **rest: Any) -> Any:
        calls.append(round(audio.shape[1] / rate))
        return compute(self, audio, rate, **rest)

    monkeypatch.setattr(Upstream, "get_gpt_cond_latents", counted)
    return calls


def speak(path: Path, seconds: float, rate: int = 22050, hz: float = 140.0, channels: int = 1) -> str:
    """Write something like a voice, each channel softer than the one before; gives the path."""
    t = np.arange(int(seconds * rate)) / rate
    voice = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 8)) * 0.1
    soundfile.write(path, np.stack([voice / (n + 1) for n in range(channels)], axis=1), rate)
    return str(path)


def same(some: Latents, others: Latents) -> bool:
    return all(a.numpy().tobytes() == b.numpy().tobytes() for a, b in zip(some, others, strict=True))


# ---------------------------------------------------------------- what they are


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_latents_are_upstreams(
    count: int, normalised: bool, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One recording is longer than `max_ref_len`, all together are longer than `gpt_cond_len`."""
    import torch
    from torchaudio.functional import resample

    def load_audio(path: str, rate: int) -> Any:
        samples, own = soundfile.read(
            path, dtype="float32", always_2d=True
        )  # torchaudio's reader needs FFmpeg
        return resample(torch.from_numpy(samples.mean(axis=1))[None], own, rate).clip(-1, 1)

    monkeypatch.setattr("TTS.tts.models.xtts.load_audio", load_audio)
    monkeypatch.setattr(model.config, "sound_norm_refs", normalised)
    paths = [
        speak(tmp_path / "telephone.wav", 1.5, 8000, hz=110.0),
        speak(tmp_path / "long.wav", 5.0, 44100, channels=2),
        speak(tmp_path / "high.wav", 0.8, 22050, hz=230.0),
    ][:count]
    theirs = model.get_conditioning_latents(
        paths, max_ref_length=2, gpt_cond_len=3, gpt_cond_chunk_len=1, sound_norm_refs=normalised
    )
    mine = Conditioning(model).of(None, paths)
    for tensor, their in zip(mine, theirs, strict=True):
        torch.testing.assert_close(tensor, their)
    assert [tuple(tensor.shape) for tensor in mine] == [(1, 32, 64), (1, 512, 1)]


def test_stereo_and_telephone_audio_make_a_voice(model: Any, tmp_path: Path) -> None:
    import torch

    voices = Conditioning(model)
    mono, stereo = speak(tmp_path / "1.wav", 2.0), speak(tmp_path / "2.wav", 2.0, channels=2)
    telephone = speak(tmp_path / "8k.wav", 2.0, 8000)
    for other in (stereo, telephone):
        ours, its = voices.of(None, [mono]).speaker, voices.of(None, [other]).speaker
        assert torch.nn.functional.cosine_similarity(ours, its).item() > 0.9


def test_a_shortened_gpt_leaves_them_as_they_are(
    model: Any, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    voice = speak(tmp_path / "voice.wav", 1.0)
    whole = Conditioning(model).of(None, [voice])
    short = load_model(tiny, "cpu", 1, SETTINGS)
    for part in (short.gpt.gpt, short.gpt.mel_head, short.gpt.text_head, short.gpt.final_norm):
        part.to(torch.bfloat16)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    latents = Conditioning(short).of(None, [voice])
    assert {tensor.dtype for tensor in latents} == {torch.float32}
    assert same(latents, whole)


# ---------------------------------------------------------------- once


def test_latents_are_computed_once_for_each_voice(model: Any, tmp_path: Path, computed: list[int]) -> None:
    voices = Conditioning(model)
    one, two = speak(tmp_path / "1.wav", 1.0), speak(tmp_path / "2.wav", 2.0, hz=200.0)
    for _ in range(3):
        voices.of(None, [one])
        voices.of(None, [one, two])
        voices.of(SPEAKERS[1])
    assert computed == [1, 3]
    voices.of(None, [two, one])
    assert computed[2:] == [3], "in another order it is another voice"
    speak(Path(one), 2.0, hz=90.0)  # the same path, and another recording
    voices.of(None, [one])
    assert computed[3:] == [2]


def test_another_worker_finds_them_wherever_the_recordings_lie(
    model: Any, tmp_path: Path, computed: list[int], cache: Path
) -> None:
    paths = [speak(tmp_path / "1.wav", 1.0), speak(tmp_path / "2.wav", 2.0)]
    first = Conditioning(model).of(None, paths)
    moved = [str(Path(path).rename(tmp_path / f"moved {n}.wav")) for n, path in enumerate(paths)]
    assert same(Conditioning(model).of(None, moved), first)
    assert computed == [3]
    assert len(list(cache.iterdir())) == 1


def test_what_they_are_made_of_is_what_finds_them(
    model: Any, tmp_path: Path, computed: list[int], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    voice = [speak(tmp_path / "1.wav", 2.0)]
    Conditioning(model).of(None, voice)
    for name, value in (
        ("max_ref_len", 1),
        ("gpt_cond_len", 1),
        ("gpt_cond_chunk_len", 2),
        ("sound_norm_refs", True),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(model.config, name, value)
            Conditioning(model).of(None, voice)
    gpt, decoder = model.gpt, model.hifigan_decoder
    parts = (gpt.conditioning_encoder, gpt.conditioning_perceiver, decoder.speaker_encoder)
    for weights in (*(list(part.parameters())[-1] for part in parts), model.mel_stats):
        with torch.no_grad():
            before = weights.clone()
            weights += 0.5
            Conditioning(model).of(None, voice)
            weights.copy_(before)
    assert len(computed) == len(list(cache.iterdir())) == 9
    Conditioning(model).of(None, voice)
    assert len(computed) == 9


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    match how:
        case "cut":
            path.write_bytes(content[: len(content) // 2])
        case "empty":
            path.write_bytes(b"")
        case "flipped bit":
            content[-100] ^= 1
            path.write_bytes(content)
        case "not tensors":
            path.write_text("latents?")
        case "other tensors":
            import torch
            from safetensors.torch import save_file

            save_file({"gpt": torch.zeros(3)}, path)
        case "of another voice":
            other = next(other for other in path.parent.iterdir() if other != path)
            path.write_bytes(other.read_bytes())


@pytest.mark.parametrize(
    "how", ["cut", "empty", "flipped bit", "not tensors", "other tensors", "of another voice"]
)
def test_a_damaged_or_foreign_file_is_replaced(
    how: str, model: Any, tmp_path: Path, computed: list[int], cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    voice = [speak(tmp_path / "1.wav", 1.0)]
    first = Conditioning(model).of(None, voice)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    Conditioning(model).of(None, [speak(tmp_path / "2.wav", 1.0, hz=200.0)])
    damage(file, how)
    assert same(Conditioning(model).of(None, voice), first)
    assert len(computed) == 3
    assert f"{file} is of no use" in caplog.text
    assert file.read_bytes() == whole
    assert len(list(cache.iterdir())) == 2, "nothing half-written is left"


def test_a_folder_that_cannot_be_written_is_said_once(
    model: Any, tmp_path: Path, computed: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    voices = Conditioning(model)
    for hz in (100.0, 150.0, 200.0):
        voices.of(None, [speak(tmp_path / f"{hz}.wav", 1.0, hz=hz)])
    assert computed == [1, 1, 1]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"{tmp_path / 'cache/ttsflow/xtts'} cannot be written: " in record.getMessage()


def test_without_a_cache_home_it_is_in_the_home(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for relative in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", relative)
        Conditioning(model).of(None, [speak(tmp_path / "1.wav", 1.0)])
    assert len(list((tmp_path / "home/.cache/ttsflow/xtts").iterdir())) == 1
    assert not (tmp_path / "relative").exists()


TOGETHER = """
import sys
from pathlib import Path
import torch
from ttsflow_plugins.xtts.latents import LatentsCache
cache, own = LatentsCache(Path(sys.argv[1])), float(sys.argv[2])
for turn in range(300):
    cache.put("key", {"gpt": torch.full((1, 32, 64), own)})
    values = cache.get("key")["gpt"].unique().tolist()
    assert values in ([1.0], [2.0]), values
"""


def test_workers_that_write_at_once_do_no_harm(cache: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", TOGETHER, str(cache)]
    workers = [subprocess.Popen([*command, own]) for own in ("1", "2")]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert [path.name for path in cache.iterdir()] == ["key.safetensors"]


# ---------------------------------------------------------------- recordings that are no use


@pytest.mark.parametrize(
    ("name", "write", "says"),
    [
        ("absent.wav", lambda path: None, "cannot read the reference audio"),
        ("text.wav", lambda path: path.write_text("not audio"), "cannot read the reference audio"),
        ("headerless.raw", lambda path: path.write_bytes(bytes(99)), "cannot read the reference audio"),
        ("folder.wav", lambda path: path.mkdir(), "give a WAV, FLAC, OGG or MP3 file"),
        ("blink.wav", lambda path: speak(path, 0.1), "too short: 0.10 s; 0.5 s is the least"),
        ("silent.wav", lambda path: soundfile.write(path, np.zeros(32000), 16000), "is silent in the 2 s"),
        (
            "late.wav",  # a sound in what is read and not used
            lambda path: soundfile.write(path, np.repeat([0.0, 0.5], [16000 * 2, 16000]), 16000),
            "cut the silence off",
        ),
        (
            "broken.wav",
            lambda path: soundfile.write(path, np.full(32000, np.nan), 16000, subtype="FLOAT"),
            "NaN or infinity; save it again",
        ),
    ],
)
def test_a_recording_that_is_no_use(
    name: str, write: Callable[[Path], object], says: str, model: Any, tmp_path: Path
) -> None:
    write(tmp_path / name)
    good = speak(tmp_path / "good.wav", 1.0)
    for references in ([str(tmp_path / name)], [good, str(tmp_path / name)]):
        with pytest.raises(JobRefused) as refused:
            Conditioning(model).of(None, references)
        assert says in str(refused.value)
        assert str(tmp_path / name) in str(refused.value)


@pytest.fixture
def hour(tmp_path: Path) -> Iterator[Path]:
    """An hour, the first three seconds of it a voice: 635 MB, that hardly take up any of the disk."""
    rate = 44100
    samples, _ = soundfile.read(speak(tmp_path / "start.wav", 3.0, rate, channels=2), dtype="int16")
    path = tmp_path / "hour.wav"
    with path.open("wb") as file:
        with wave.open(file, "wb") as header:
            header.setparams((2, 2, rate, 3600 * rate, "NONE", ""))
            header.writeframesraw(samples.tobytes())
            header._datawritten = 3600 * rate * 4  # type: ignore[attr-defined]  # so that it keeps its length
        file.truncate(44 + 3600 * rate * 4)
    yield path
    path.unlink()


def test_of_an_hour_only_the_start_is_read(model: Any, hour: Path, tmp_path: Path) -> None:
    assert soundfile.info(hour).duration == 3600
    voices = Conditioning(model)
    start = voices.of(None, [str(tmp_path / "start.wav")])
    tracemalloc.start()
    try:
        latents = voices.of(None, [str(hour)])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert same(latents, start)
    assert peak < 10e6, "three seconds of two channels are 1 MB"
