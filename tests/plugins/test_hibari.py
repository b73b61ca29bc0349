"""The backend hibari, with its real model: what is heard is what was written."""

# ruff: noqa: RUF001  # letters of several scripts look like Latin ones

from __future__ import annotations

import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.recognition import LIKE_ANOTHER, LIKE_THE_TEXT, phoneme_error_rate
from ttsflow import (
    BackendUnavailable,
    ChunkJob,
    Device,
    Engine,
    JobRefused,
    Step,
    UnknownNameError,
    UsageError,
    VoiceRequest,
)
from ttsflow_plugins.hibari import SAMPLE_RATE, Hibari
from ttsflow_plugins.hibari.texts import written

OPTIONS = Hibari.Options()
SENTENCES = [
    "It was a bright cold day, and nobody had shut the window.",
    "She sells sea shells by the sea shore.",
    "Alice was beginning to get very tired of sitting by her sister on the bank.",
    "We paid nine dollars for the old clock.",
]


def job(text: str, **values: object) -> ChunkJob:
    return replace(ChunkJob("book", 0, text, language="en", seed=7), **values)  # type: ignore[arg-type]


def steps(backend: Hibari, what: ChunkJob) -> list[Step]:
    backend.start(what)
    return list(backend.step())


def speak(backend: Hibari, what: ChunkJob) -> np.ndarray:
    piece = steps(backend, what)[0].piece
    assert piece is not None
    assert piece.sample_rate == SAMPLE_RATE
    return np.asarray(piece.samples)


@pytest.fixture(scope="module")
def backend() -> Iterator[Hibari]:
    engine = Hibari()
    engine.load(Device("cpu", "cpu"), 1)
    yield engine
    engine.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("He said “Война и мир”, and Война again.", "'Война', 'и', 'мир'"),
        ("One नमस्ते two.", "'नमस्ते'"),
        ("A а б в г д е.", "'а', 'б', 'в' and 3 more"),
        (f"Long {'ы' * 60}.", repr("ы" * 40)),
    ],
)
def test_a_doubt_names_the_words_that_cannot_be_read(backend: Hibari, text: str, told: str) -> None:
    assert steps(backend, job(text))[-1].flag == f"hibari reads English letters and cannot read {told}"


@pytest.mark.parametrize("number", range(len(SENTENCES)))
def test_what_is_heard_is_what_was_written(backend: Hibari, number: int) -> None:
    samples = speak(backend, job(SENTENCES[number]))
    assert phoneme_error_rate(samples, SAMPLE_RATE, SENTENCES[number]) < LIKE_THE_TEXT
    assert phoneme_error_rate(samples, SAMPLE_RATE, SENTENCES[number - 1]) > LIKE_ANOTHER
    assert phoneme_error_rate(samples[::-1], SAMPLE_RATE, SENTENCES[number]) > LIKE_ANOTHER


@pytest.mark.parametrize(
    ("text", "as_written"),
    [
        ("They had mouths--and hands.", "They had mouths — and hands."),
        ("“I--I am sorry,” said she—and left.", "“I — I am sorry,” said she — and left."),
        ("It was WITH me.", "It was with me."),
        ("HE went. “SHE stayed,” said I.", "He went. “She stayed,” said I."),
        ("CHAPTER III", "Chapter III"),
        ("PART IV. NASA and the US", "Part IV. NASA and the US"),
        ("See [the docs](/docs/a/) and [it](/it/).", "See the docs and it."),
        ("See [a](https://a.org) and [b] (/b/).", "See [a](https://a.org) and [b] (/b/)."),
        ("A well-known page 3-5 of WHO.", "A well-known page 3-5 of WHO."),
    ],
)
def test_a_text_is_written_so_that_it_is_read_as_it_is_meant(text: str, as_written: str) -> None:
    assert written(text) == as_written


def test_words_on_both_sides_of_a_dash_are_heard(backend: Hibari) -> None:
    text = "I will see to that--don't you worry about the cat."
    samples = speak(backend, job(text))
    assert phoneme_error_rate(samples, SAMPLE_RATE, text) < LIKE_THE_TEXT


def test_sentences_begin_at_once_and_end_with_a_short_silence(backend: Hibari) -> None:
    for text in (SENTENCES[0], "Stop!", " ".join(SENTENCES)):
        loud = np.flatnonzero(np.abs(speak(backend, job(text))) > 0.003)
        before, after = loud[0], len(speak(backend, job(text))) - loud[-1]
        assert before < 0.1 * SAMPLE_RATE
        assert 0.2 * SAMPLE_RATE < after < 0.4 * SAMPLE_RATE
        assert np.diff(loud).max() < 0.6 * SAMPLE_RATE


def test_the_seed_decides(backend: Hibari) -> None:
    first, again, other = (speak(backend, job(SENTENCES[0], seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_speed(backend: Hibari) -> None:
    slow, fast = (len(speak(backend, job(SENTENCES[2], speed=speed))) for speed in (0.5, 2.0))
    assert slow > 2.5 * fast


def test_a_pronunciation_is_written_into_the_text_only_where_that_was_asked_for(backend: Hibari) -> None:
    text = "The old [window](/k\u02c8æt/) was sleeping on the mat."
    said = speak(backend, job(text))
    assert np.array_equal(said, speak(backend, job("The old window was sleeping on the mat.")))
    asked = Hibari(Hibari.Options(pronunciations=True))
    asked.load(Device("cpu", "cpu"), 1)
    said = speak(asked, job(text))
    assert phoneme_error_rate(said, SAMPLE_RATE, "The old cat was sleeping on the mat.") < LIKE_THE_TEXT
    assert Hibari.identity(asked.options) != Hibari.identity(OPTIONS)
    asked.close()


def test_letters_that_it_cannot_read_make_the_audio_doubtful(backend: Hibari) -> None:
    piece, end = steps(backend, job("He said 你好 to me, and then Мир."))
    assert piece.piece is not None
    assert end.done
    assert end.flag is not None
    assert "'你好', 'Мир'" in end.flag
    assert steps(backend, job("Naïve Zürich Ω, 5 µm, 1º, Hawai\u02bbi."))[1].flag is None


@pytest.mark.parametrize("text", ["你好世界", "日本語"])
def test_a_text_without_any_sound_is_refused(backend: Hibari, text: str) -> None:
    [end] = steps(backend, job(text))
    assert isinstance(end.error, JobRefused)
    assert text in str(end.error)


def test_a_text_that_the_engine_fails_at_is_refused(backend: Hibari) -> None:
    [end] = steps(backend, job("9" * 250))
    assert isinstance(end.error, JobRefused)
    assert "IndexError" in str(end.error)


def test_cancelling_frees_the_slot(backend: Hibari) -> None:
    backend.start(job("Never heard."))
    backend.cancel(job("Never heard."))
    assert list(backend.step()) == []


def test_what_it_promises(backend: Hibari) -> None:
    profile = Hibari.describe(OPTIONS)
    assert profile.deterministic
    assert profile.languages == ("en",)
    longest = "and ".join(["so it went on and on without any end "] * 9)[: profile.cap("en")]
    samples = speak(backend, job(longest))
    seconds = len(samples) / SAMPLE_RATE
    assert len(longest) / seconds == pytest.approx(profile.rate("en"), rel=0.35)


class TestVoices:
    def test_one_is_in_the_package(self) -> None:
        names = [voice.name for voice in Hibari.voices(OPTIONS)]
        assert names[0] == "heart"
        assert len(names) == 5
        Hibari.check(VoiceRequest("en"), OPTIONS)
        Hibari.check(VoiceRequest("en", "heart"), OPTIONS)

    def test_an_unknown_one_is_refused(self) -> None:
        with pytest.raises(UnknownNameError, match="heart"):
            Hibari.check_voice("hart", OPTIONS)

    def test_one_without_its_file_is_refused_and_nothing_is_downloaded(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
        [emma] = [voice for voice in Hibari.voices(OPTIONS) if voice.name == "emma"]
        assert "not on this machine" in emma.description
        with pytest.raises(UsageError, match=r"bf_emma.*No such file.*download https://.*or choose 'heart'"):
            Hibari.check(VoiceRequest("en", "emma"), OPTIONS)
        assert list(tmp_path.iterdir()) == []

    def test_another_file_in_its_place_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
        (tmp_path / "bf_emma.int8.onnx").write_bytes(b"not a model")
        with pytest.raises(UsageError, match="damaged or another file"):
            Hibari.check(VoiceRequest("en", "emma"), OPTIONS)


def test_without_the_package_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttsflow_plugins.hibari.find_spec", lambda name: None)
    monkeypatch.setattr("ttsflow_plugins.hibari.voices.find_spec", lambda name: None)
    assert "[hibari]" in (Hibari.missing() or "")
    with pytest.raises(BackendUnavailable, match=r"\[hibari\]"):
        Hibari.voices(OPTIONS)


def test_a_text_through_workers_is_heard_in_its_order(tmp_path: Path) -> None:
    """Two workers speak at once; each sentence is heard in its place of the file."""
    settings = {"backend.use": "hibari", "policy.use": "bounded-parallel", "policy.options.max_concurrent": 2}
    with Engine(settings=settings) as engine:
        engine.speak("\n\n".join(SENTENCES), tmp_path / "four.wav")
    with wave.open(str(tmp_path / "four.wav")) as file:
        assert file.getframerate() == SAMPLE_RATE
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / np.float32(32768)
    assert phoneme_error_rate(samples, SAMPLE_RATE, " ".join(SENTENCES)) < LIKE_THE_TEXT
    assert phoneme_error_rate(samples, SAMPLE_RATE, " ".join(reversed(SENTENCES))) > LIKE_ANOTHER - 0.2
