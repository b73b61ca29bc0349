"""Who speaks what: speakers, blocks in other languages, and spoken forms, in the places of a text."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.session.world import ONE_WORKER, TWO_VOICES
from tests.text.made_fb2 import fb2
from ttsflow import ConfigError, Engine, InputError, UnknownNameError, UsageError
from ttsflow.config import Flag, load
from ttsflow.config.model import TextSection
from ttsflow.interface.jobs import AudioPiece, ChunkJob
from ttsflow.session.request import Manner
from ttsflow.session.setup import make_setup
from ttsflow.text import ReadOptions, read_coming, read_file, read_text

SPEAKERS = {"Anna": {"voice": "anna"}, "Bert": {"voice": "bert", "speed": 1.5, "language": "de"}}


def manner(backend: str = "sim", **text: Any) -> Manner:
    options = {"voices": ["anna", "bert"]} if backend == "sim" else {}
    given = {"backend.use": backend, "backend.options": options, "text": text}
    flags = [Flag("test", key, value) for key, value in given.items()]
    setup = make_setup(load("sequential", None, flags), fallback_allowed=False, listening=False)
    return Manner.of(setup, setup.config.text)


def jobs(made: Manner, text: str, **options: Any) -> list[ChunkJob]:
    return [place.job for place in made.places(read_text(text, ReadOptions(**options)), "book")]


# ---------------------------------------------------------------- speakers


def test_each_speaker_has_a_voice_a_language_and_a_speed() -> None:
    text = "One. [[voice: Anna]] Two. [[voice: Bert]] Three. [[voice]] Four."
    found = jobs(manner(speakers=SPEAKERS), text)
    assert [(job.text, job.voice, job.language, job.speed) for job in found] == [
        ("One.", None, "en", 1.0), ("Two.", "anna", "en", 1.0), ("Three.", "bert", "de", 1.5),
        ("Four.", None, "en", 1.0),
    ]  # fmt: skip


def test_what_a_speaker_leaves_out_is_as_in_the_text() -> None:
    made = manner(voice="anna", speed=1.2, speakers={"Fast": {"speed": 2.0}, "Other": {"voice": "bert"}})
    found = jobs(made, "[[voice: Fast]] One. [[voice: Other]] Two.")
    assert [(job.voice, job.speed) for job in found] == [("anna", 2.0), ("bert", 1.2)]


def test_the_same_words_of_two_speakers_are_two_chunks_of_audio() -> None:
    made = manner(speakers=SPEAKERS)
    text = "Yes.\n\n[[voice: Anna]] Yes.\n\n[[voice: Bert]] Yes.\n\n[[voice]] Yes."
    places = list(made.places(read_text(text), "book"))
    assert len({place.key for place in places}) == 3
    assert places[0].key == places[3].key
    assert places[1].key == next(manner(voice="anna").places(read_text("Yes."), "book")).key
    assert [made.key(place.job) for place in places] == [place.key for place in places]


def test_a_text_without_marks_has_the_keys_that_it_had() -> None:
    [place] = manner().places(read_text("Hello, world."), "book")
    assert place.job.written is None
    again = manner(speakers=SPEAKERS, lexicon={"words": {"moon": "mune"}}, replace=[{"pattern": "x"}])
    [same] = again.places(read_text("Hello, world."), "book")
    assert (same.key, same.job.seed) == (place.key, place.job.seed)


def test_speakers_heard_are_two_voices() -> None:
    settings = {"backend.use": "espeak", "policy.use": "sequential"}
    speakers = {"Anna": {"voice": "f3"}, "Tom": {"voice": "m3"}}
    with Engine(settings=settings | {"text.speakers": speakers}) as engine:

        def heard(text: str) -> list[np.ndarray]:
            return [piece.samples for piece in engine.stream(text) if piece.samples.any()]

        said = "[[voice: Anna]] Good morning. [[voice: Tom]] Good morning. [[voice]] Good morning."
        anna, tom, narrator = heard(said)
        assert not any(
            np.array_equal(one, other) for one, other in ((anna, tom), (tom, narrator), (anna, narrator))
        )
        [alone] = [
            piece.samples for piece in engine.stream("Good morning.", voice="f3") if piece.samples.any()
        ]
        assert np.array_equal(anna, alone)


def test_a_speaker_without_a_voice_is_refused_before_anything_is_spoken() -> None:
    with Engine(settings=TWO_VOICES | {"text.speakers": SPEAKERS}, preload=False) as engine:
        with pytest.raises(InputError) as raised:
            engine.stream("One.\n\n[[voice: Ana]] Two.")
        assert str(raised.value) == (
            "text, line 3: speaker 'Ana' has no voice: give one as text.speakers.Ana, such as {voice: NAME}; "
            "did you mean 'Anna'? known: Anna, Bert"
        )
        with pytest.raises(InputError, match=r"^text, line 1: speaker 'Carl'"):
            engine.speak("[[voice: Carl]] Two.", "never.wav")


def test_of_a_text_that_comes_what_stands_before_an_unknown_speaker_is_spoken() -> None:
    with Engine(settings=TWO_VOICES | {"text.speakers": SPEAKERS}) as engine:
        heard: list[AudioPiece] = []
        came = iter(["One. [[voi", "ce: Anna]] Two. [[voice: Ca", "rl]] Three."])
        with pytest.raises(InputError, match=r"^text: speaker 'Carl' has no voice"):
            heard.extend(engine.stream(came))
        assert sum(bool(piece.samples.any()) for piece in heard) >= 2


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ({"speakers": {"A": {"voice": "cleo"}}}, UsageError, "text.speakers.A: unknown voice 'cleo'"),
        ({"speakers": {"A": {"speed": 99.0}}}, UsageError, "text.speakers.A: backend 'sim' speaks at speeds"),
        ({"languages": {"de": {"voice": "cleo"}}}, UsageError, "text.languages.de: unknown voice 'cleo'"),
        ({"speakers": {"A": {"voice": "anna", "reference": "x"}}}, ConfigError, "both voice and reference"),
        ({"speakers": {"A": {"reference": "gone.wav"}}}, ConfigError, "text.speakers.A.reference is"),
        ({"speakers": {"A": {"vioce": "anna"}}}, ConfigError, "did you mean 'voice'?"),
        ({"lexicon": {"files": ["gone.csv"]}}, ConfigError, "text.lexicon.files[0] is"),
        ({"lexicon": {"words": {"SQL": ""}}}, ConfigError, "text.lexicon.words.SQL"),
        ({"replace": [{"pattern": "(ab"}]}, ConfigError, "text.replace[0] '(ab' is no regular expression"),
        ({"replace": [{"with": "x"}]}, ConfigError, "text.replace[0].pattern is missing"),
        ({"voice": "cleo", "speakers": SPEAKERS}, UnknownNameError, "unknown voice 'cleo'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_key(
    text: dict[str, Any], error: type[UsageError], said: str
) -> None:
    with pytest.raises(error) as raised:
        manner(**text)
    assert said in str(raised.value)


def test_espeak_has_no_recordings_and_not_every_language(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(UsageError, match=r"^text.speakers.A: backend 'espeak' does not take reference audio"):
        manner("espeak", speakers={"A": {"reference": str(tmp_path / "a.wav")}})
    with pytest.raises(UnknownNameError, match="unknown language 'tlh'"):
        manner("espeak", speakers={"A": {"language": "tlh"}})


# ---------------------------------------------------------------- other languages

PAGE = (
    '<html lang="en"><body lang="fr"><h1>Title</h1><p>English words.</p><blockquote lang="de"><p>Deutsch.</p>'
    '<ul><li>Eins<li xml:lang="fr">Un</ul></blockquote><p>More <i lang="fr">mots</i>.</p>'
    '<p lang="tlh">Qapla.</p>'
    '<p lang="en-GB">Also.</p><div lang="de">'
    "<table><tr><td>Zelle</td></tr></table>Zwei<br>Drei</div></body></html>"
)


def languages(made: Manner, page: str = PAGE) -> list[tuple[str, str, str | None]]:
    return [(job.text, job.language, job.voice) for job in jobs(made, page, format="html")]


def test_a_block_is_spoken_in_the_language_that_a_page_says() -> None:
    told: list[str] = []
    made = manner("espeak")
    made.cast.heed(told.append)
    assert languages(made) == [
        ("Title", "en", None), ("English words.", "en", None), ("Deutsch.", "de", None), ("Eins", "de", None),
        ("Un", "fr", None), ("More mots.", "en", None), ("Qapla.", "en", None), ("Also.", "en", None),
        ("Zelle", "de", None), ("Zwei", "de", None), ("Drei", "de", None),
    ]  # fmt: skip
    assert told == ["backend espeak does not speak 'tlh', in which some of the text is: it is spoken as 'en'"]


def test_another_language_has_the_voice_that_is_named_for_it() -> None:
    made = manner("espeak", voice="en-gb", languages={"de": {"voice": "de+f3"}})
    found = {language: voice for _, language, voice in languages(made)}
    assert found == {"en": "en-gb", "de": "de+f3", "fr": None}


def test_a_voice_of_all_languages_goes_on() -> None:
    assert {voice for *_, voice in languages(manner("espeak", voice="f3"))} == {"f3"}


def test_all_may_be_in_one_language() -> None:
    assert {language for _, language, _ in languages(manner("espeak", foreign=False))} == {"en"}


def test_the_languages_of_an_fb2_book(tmp_path: Path) -> None:
    book = tmp_path / "book.fb2"
    book.write_bytes(
        fb2('<section><p>One.</p><cite xml:lang="de"><p>Zwei.</p></cite><p xml:lang="ru">Три.</p></section>')
    )
    found = [place.job for place in manner("espeak").places(read_file(book), "book")]
    assert [(job.text, job.language) for job in found] == [("One.", "en"), ("Zwei.", "de"), ("Три.", "ru")]


# ---------------------------------------------------------------- spoken forms


def test_a_place_has_what_is_spoken_and_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("Worcester,Wooster\nSQL,from the file\n")
    made = manner(
        lexicon={"words": {"SQL": "sequel", "chat": {"fr": "cha"}}, "files": [str(tmp_path / "names.csv")]},
        replace=[{"pattern": r"\(.*?\)", "with": ""}],
        citations=False,
    )
    places = list(made.places(read_text("SQL (fig. 1) in Worcester [12].\n\nNo chat."), "book"))
    assert [(place.job.text, place.job.written) for place in places] == [
        ("sequel in Wooster.", "SQL (fig. 1) in Worcester [12]."), ("No chat.", None),
    ]  # fmt: skip
    [plain] = manner().places(read_text("sequel in Wooster."), "book")
    assert (places[0].key, places[0].job.seed) == (plain.key, plain.job.seed)


def test_text_that_comes_has_its_spoken_form_too() -> None:
    made = manner(lexicon={"words": {"SQL": "sequel"}})
    coming = read_coming(io.BytesIO(b"SQL is here. And SQL again."))
    coming.begin()
    assert [job.text for job in (place.job for place in made.places(coming, "live"))] == [
        "sequel is here. And sequel again."
    ]  # fmt: skip


def test_the_section_reads_back_what_it_writes() -> None:
    section = manner(
        speakers=SPEAKERS,
        replace=[{"pattern": "a", "with": "b", "language": "de"}],
        lexicon={"words": {"a": "b"}},
    ).text
    assert TextSection.model_validate(section.model_dump()) == section
    assert TextSection.model_validate_json(section.model_dump_json()) == section


def test_chunks_can_be_spoken_again_as_they_were(tmp_path: Path) -> None:
    text = "SQL is here.\n\n[[voice: Bert]] Hello there."
    settings = ONE_WORKER | {
        "backend.options.voices": ["anna", "bert"], "text.speakers": SPEAKERS,
        "text.lexicon.words": {"SQL": "sequel"},
    }  # fmt: skip
    with Engine(settings=settings) as engine:
        engine.speak(text, tmp_path / "a.wav")
        assert engine.redo(tmp_path / "a.wav", find="sql").account.delivered == 1
        assert engine.redo(tmp_path / "a.wav", [1], seed=7).account.delivered == 1
        assert engine.speak(text, tmp_path / "a.wav").account.submitted == 0


def test_bullets_are_shown_and_not_heard_also_in_text_that_comes() -> None:
    text = "He bought:\n\n- milk and bread\n- two eggs\n\nThen he left."
    made = manner()
    coming = read_coming(io.BytesIO(text.encode()))
    coming.begin()
    for found in (jobs(made, text), [place.job for place in made.places(coming, "book")]):
        assert [(job.shown, job.text) for job in found] == [
            ("He bought:", "He bought:"), ("- milk and bread", "milk and bread"), ("- two eggs", "two eggs"),
            ("Then he left.", "Then he left."),
        ]  # fmt: skip
