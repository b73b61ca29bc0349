"""The eSpeak NG backend, with the real library."""

from __future__ import annotations

import hashlib
import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent

import espeakng_loader
import numpy as np
import pydantic
import pytest

from ttsflow import BackendUnavailable, ChunkJob, Device, JobRefused, UnknownNameError, install_command
from ttsflow_plugins.espeak import Espeak
from ttsflow_plugins.espeak.texts import written

CPU = Device("cpu", "cpu")
HELLO = {
    "ar": "مرحبا بالعالم", "cs": "Ahoj světe", "de": "Hallo Welt", "en": "Hello world", "es": "Hola mundo",
    "fr": "Bonjour le monde", "hi": "नमस्ते दुनिया", "hu": "Helló világ", "it": "Ciao mondo", "ja": "こんにちは",
    "ko": "안녕하세요", "nl": "Hallo wereld", "pl": "Witaj świecie", "pt": "Olá mundo", "ru": "Привет мир",
    "tr": "Merhaba dünya", "zh-cn": "你好世界",
}  # fmt: skip
XTTS_LANGUAGES = list(HELLO)
SENTENCES = [
    "It was a bright cold day, and nobody had shut the window.",
    "She sells sea shells.",
    "Who is there?",
    "On the 21st of May 1998 we paid 3.50 for it!",
    "She sells sea shells.",
    "First this; then, after a while, that.",
]


def job(text: str, language: str = "en", voice: str | None = None, seed: int = 1) -> ChunkJob:
    return ChunkJob("book", 0, text, language=language, voice=voice, seed=seed)


def speak(backend: Espeak, what: ChunkJob) -> np.ndarray:
    """All samples of a job, through the calls that a worker makes; raises what the job's step tells."""
    backend.start(what)
    pieces = []
    while True:
        for step in backend.step():
            if step.error is not None:
                raise step.error
            if step.done:
                return np.concatenate(pieces)
            assert step.piece is not None
            assert step.piece.sample_rate == 22050
            pieces.append(step.piece.samples)


def in_a_child(script: str, *arguments: str) -> object:
    """What a script prints as JSON, run in a fresh process."""
    command = [sys.executable, "-c", dedent(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture
def backend() -> Iterator[Espeak]:
    engine = Espeak()
    engine.load(CPU, 1)
    yield engine
    engine.close()


def test_speaks(backend: Espeak) -> None:
    text = "The quick brown fox jumps over the lazy dog."
    samples = speak(backend, job(text))
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert np.abs(samples).max() <= 1.0
    assert np.sqrt(np.mean(samples**2)) > 0.02
    assert 1.5 < samples.size / 22050 < 5.0


def test_the_first_guess_of_the_length_is_near(backend: Espeak) -> None:
    profile = Espeak.describe(backend.options)
    spoken_s = sum(speak(backend, job(text)).size for text in SENTENCES) / profile.sample_rate
    guess_s = sum(map(len, SENTENCES)) / profile.rate("en-gb")
    assert 0.6 < spoken_s / guess_s < 1.6


@pytest.mark.parametrize("language", XTTS_LANGUAGES)
def test_every_language_of_xtts_speaks(backend: Espeak, language: str) -> None:
    samples = speak(backend, job(HELLO[language], language))
    assert np.sqrt(np.mean(samples**2)) > 0.01
    assert 0.3 < samples.size / 22050 < 5.0


def test_every_voice_and_every_variant_speaks() -> None:
    heard = in_a_child(
        """
        import json
        from ttsflow import ChunkJob, Device
        from ttsflow_plugins.espeak import Espeak

        backend = Espeak()
        backend.load(Device("cpu", "cpu"), 1)
        heard = {}
        for voice in Espeak.voices(backend.options):
            (piece,) = backend.synthesize(ChunkJob("s", 0, "Hello 12.", voice=voice.name))
            heard[voice.name] = piece.samples.size / piece.sample_rate
        print(json.dumps(heard))
        """
    )
    assert isinstance(heard, dict)
    assert len(heard) == 138 + 104
    assert min(heard.values()) > 0.2


def test_voices_and_languages_are_listed_without_the_library() -> None:
    found = in_a_child(
        """
        import json, sys
        from ttsflow_plugins.espeak import Espeak

        options = Espeak.Options()
        profile, voices = Espeak.describe(options), Espeak.voices(options)
        with open("/proc/self/maps") as maps:
            mapped = maps.read()
        loaded = [name for name in ("libespeak-ng", "numpy") if name in mapped]
        print(json.dumps([loaded, profile.languages, [voice.name for voice in voices]]))
        """
    )
    assert isinstance(found, list)
    loaded, languages, voices = found
    assert loaded == []
    assert set(XTTS_LANGUAGES) <= set(languages)
    assert {"en-us", "en-gb", "fr-fr", "pt-br", "cmn", "f3", "whisper"} <= set(voices)
    assert len(set(voices)) == len(voices)


def test_the_same_chunk_sounds_the_same_whatever_came_before(backend: Espeak) -> None:
    jobs = [
        job(text, voice=voice)
        for text in SENTENCES
        for voice in (None, "en-us", "f3", "whisper", "caleb", "Reed")
    ]
    in_order = {number: speak(backend, what) for number, what in enumerate(jobs)}
    order = list(in_order)
    random.Random(3).shuffle(order)
    for number in order:
        assert np.array_equal(speak(backend, jobs[number]), in_order[number]), jobs[number]


def test_another_process_makes_the_same_bytes(backend: Espeak) -> None:
    theirs = in_a_child(
        """
        import hashlib, json, sys
        from ttsflow import ChunkJob, Device
        from ttsflow_plugins.espeak import Espeak

        backend = Espeak()
        backend.load(Device("cpu", "cpu"), 1)
        digests = []
        for text in reversed(json.loads(sys.argv[1])):
            (piece,) = backend.synthesize(ChunkJob("book", 0, text, voice="f3", seed=1))
            digests.append(hashlib.sha256(piece.samples.tobytes()).hexdigest())
        print(json.dumps(digests[::-1]))
        """,
        json.dumps(SENTENCES),
    )
    ours = [hashlib.sha256(speak(backend, job(text, voice="f3")).tobytes()).hexdigest() for text in SENTENCES]
    assert theirs == ours


def test_a_language_chooses_its_usual_voice(backend: Espeak) -> None:
    text = "Data and water, tomato and schedule."
    american = speak(backend, job(text, voice="en-us"))
    assert np.array_equal(speak(backend, job(text, "en")), american)
    assert not np.array_equal(speak(backend, job(text, "en-gb")), american)
    assert not np.array_equal(speak(backend, job(text, "pt")), speak(backend, job(text, "pt-br")))


def test_a_variant_goes_with_the_language_or_with_a_voice(backend: Espeak) -> None:
    text = "Data and water."
    with_language = speak(backend, job(text, "en-gb", "f3"))
    assert np.array_equal(speak(backend, job(text, "en", "en-gb+f3")), with_language)
    assert not np.array_equal(speak(backend, job(text, "en-gb")), with_language)


def test_the_seed_changes_the_noise_of_a_breathy_voice_only(backend: Espeak) -> None:
    def other_with_another_seed(voice: str) -> bool:
        one, two = (speak(backend, job("Hush.", voice=voice, seed=seed)) for seed in (1, 2**63 - 2))
        return not np.array_equal(one, two)

    assert other_with_another_seed("whisper")
    assert not other_with_another_seed("en-us")


@pytest.mark.parametrize(
    ("options", "than_usual"),
    [({"rate": 350}, "shorter"), ({"rate": 90}, "longer"), ({"word_gap": 50}, "longer")],
)
def test_options_that_change_the_length(backend: Espeak, options: dict[str, int], than_usual: str) -> None:
    usual = speak(backend, job(SENTENCES[0])).size
    other = Espeak(Espeak.Options(**options))
    other.load(CPU, 1)
    length = speak(other, job(SENTENCES[0])).size
    other.close()
    assert length < 0.75 * usual if than_usual == "shorter" else length > 1.25 * usual


def test_speed_is_a_request_s_and_goes_as_far_as_the_library(backend: Espeak) -> None:
    usual = speak(backend, job(SENTENCES[0]))
    for speed in (0.5, 2.0):
        assert speak(backend, replace(job(SENTENCES[0]), speed=speed)).size == pytest.approx(
            usual.size / speed, rel=0.25
        )
    assert np.array_equal(speak(backend, job(SENTENCES[0])), usual), "the next job is as usual"
    quick = Espeak(Espeak.Options(rate=350))
    quick.load(CPU, 1)
    assert np.array_equal(
        speak(quick, job(SENTENCES[0])), speak(backend, replace(job(SENTENCES[0]), speed=2.0))
    )
    quick.close()
    for rate in (80, 81, 175, 449, 450):
        slowest, fastest = Espeak.describe(Espeak.Options(rate=rate)).speeds
        assert slowest * rate >= 80
        assert fastest * rate <= 450


@pytest.mark.parametrize("options", [{"volume": 30}, {"pitch": 90}, {"pitch_range": 0}])
def test_options_that_change_the_sound(backend: Espeak, options: dict[str, int]) -> None:
    other = Espeak(Espeak.Options(**options))
    other.load(CPU, 1)
    changed, usual = speak(other, job(SENTENCES[0])), speak(backend, job(SENTENCES[0]))
    other.close()
    if "volume" in options:
        assert np.abs(changed).max() < 0.6 * np.abs(usual).max()
    else:
        assert not np.array_equal(changed, usual)


@pytest.mark.parametrize("options", [{"rate": 79}, {"pitch": 100}, {"volume": 0}, {"speed": 100}])
def test_options_out_of_range_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(pydantic.ValidationError):
        Espeak.Options(**options)


def test_a_dash_is_a_pause_and_the_mark_before_it_is_not_read_aloud(backend: Espeak) -> None:
    apart = speak(backend, job("Do it! — That is all."))
    for text in ("Do it!--That is all.", "Do it!—That is all.", "Do it! -- That is all."):
        assert np.array_equal(speak(backend, job(text)), apart)


@pytest.mark.parametrize(
    ("text", "as_written"),
    [
        ("Chapter III", "Chapter 3"),
        ("CHAPTER XIV. The Storm", "CHAPTER 14. The Storm"),
        ("It is in Book IX, Part XL and Act V.", "It is in Book 9, Part 40 and Act 5."),
        ("Chapter I", "Chapter 1"),
        ("Chapter I: The Door", "Chapter 1: The Door"),
        ("The Book I read, a part I like, Part C.", "The Book I read, a part I like, Part C."),
        ("Chapter IIX, CIVIL, Henry VIII", "Chapter IIX, CIVIL, Henry VIII"),
        ("a--b", "a — b"),
    ],
)
def test_the_numbers_of_chapters_are_written_in_digits(text: str, as_written: str) -> None:
    assert written(text, "en-gb") == as_written


def test_a_chapter_has_no_roman_number(backend: Espeak) -> None:
    assert np.array_equal(speak(backend, job("Chapter III")), speak(backend, job("Chapter three")))
    assert not np.array_equal(
        speak(backend, job("Kapitel III", "de")), speak(backend, job("Kapitel 3", "de"))
    )


def test_the_text_is_plain_whatever_it_looks_like(backend: Espeak) -> None:
    bare = speak(backend, job("bold text"))
    assert speak(backend, job("<b>bold</b> text")).size > 1.5 * bare.size
    assert speak(backend, job("[[b'oUld]] text")).size > bare.size
    assert np.array_equal(speak(backend, job("bold\x01+40P text")), speak(backend, job("bold +40P text")))
    assert np.array_equal(speak(backend, job("bold\0text")), bare)


@pytest.mark.parametrize("text", ["Hi \U0001f600!", "𓀀 ᚠ", "a\ud800b", "e\u0301\u200d\u202e x", "x" * 5000])
def test_odd_text_is_spoken(backend: Espeak, text: str) -> None:
    assert speak(backend, job(text)).any()


@pytest.mark.parametrize(("text", "language"), [("…", "en"), ("\U0001f600", "ja")])
def test_text_without_a_sound_is_refused(backend: Espeak, text: str, language: str) -> None:
    with pytest.raises(JobRefused, match="no sound for"):
        speak(backend, job(text, language))
    assert speak(backend, job("Go on.")).any()


@pytest.mark.parametrize(("language", "voice"), [("tlh", None), ("en", "bob"), ("en", "en-us+bob")])
def test_an_unknown_voice_is_refused(backend: Espeak, language: str, voice: str | None) -> None:
    with pytest.raises(JobRefused, match="no voice"):
        speak(backend, job("Hello.", language, voice))


@pytest.mark.parametrize("voice", ["en-gb", "f3", "en-gb+f3", "cmn+Mr serious"])
def test_known_voices_are_known_before_the_run(backend: Espeak, voice: str) -> None:
    Espeak.check_voice(voice, backend.options)
    assert speak(backend, job("Hello.", voice=voice)).any()


@pytest.mark.parametrize(
    ("voice", "message"),
    [
        ("en-uk", r"unknown voice .*'en-uk'; did you mean 'en-us"),
        ("en-gb+f33", r"unknown variant .*'f33'; did you mean 'f3"),
        ("f3+f4", r"unknown voice .*'f3'"),
        ("en-gb+", r"unknown variant .*''"),
    ],
)
def test_unknown_voices_are_refused_before_the_run(voice: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        Espeak.check_voice(voice, Espeak.Options())


def wheel_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wheel as if it were installed in `folder`, which only this test sees."""
    real = Path(espeakng_loader.__file__).parent
    here = folder / "espeakng_loader"
    here.mkdir(parents=True)
    for part in ("__init__.py", "libespeak-ng.so", "espeak-ng-data"):
        (here / part).symlink_to(real / part)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "espeakng_loader")
    return here


def test_a_long_path_to_the_data(backend: Espeak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    wheel_in(tmp_path / ("x" * 200), monkeypatch)
    far = Espeak()
    far.load(CPU, 1)
    assert np.array_equal(speak(far, job("Far away.")), speak(backend, job("Far away.")))
    assert list(tmp_path.glob("ttsflow-*/espeak-ng-data/phondata"))
    far.close()
    assert not list(tmp_path.glob("ttsflow-*"))


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Espeak.missing() is None
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    command = install_command("espeak")
    assert Espeak.missing() == command
    with pytest.raises(BackendUnavailable, match=re.escape(f"is not installed: {command}")):
        Espeak.describe(Espeak.Options())


@pytest.mark.parametrize("part", ["libespeak-ng.so", "espeak-ng-data", "espeak-ng-data/phontab"])
def test_installed_and_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    here = wheel_in(tmp_path, monkeypatch)
    data = here / "espeak-ng-data"
    files = data.resolve()
    if part == "libespeak-ng.so":
        (here / part).unlink()
        (here / part).write_bytes(b"not a library")
    else:
        data.unlink()
    if part == "espeak-ng-data/phontab":
        data.mkdir()
        for entry in files.iterdir():
            if entry.name != "phontab":
                (data / entry.name).symlink_to(entry)
    with pytest.raises(BackendUnavailable, match="--force-reinstall espeakng-loader"):
        Espeak().load(CPU, 1)


def test_its_identity_is_its_version_and_every_option() -> None:
    others = ({}, {"rate": 180}, {"pitch": 51}, {"pitch_range": 51}, {"volume": 99}, {"word_gap": 1})
    identities = [Espeak.identity(Espeak.Options(**options)) for options in others]
    assert len(set(identities)) == len(others) == len(Espeak.Options.model_fields) + 1
    assert all(version("espeakng-loader") in identity for identity in identities)
    assert Espeak.identity(Espeak.Options(rate=175)) == identities[0]
