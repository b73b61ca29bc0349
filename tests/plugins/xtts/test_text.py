"""Text on its way into the model: what fits, what is spoken in parts, and what cannot be spoken."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugins.xtts.speech import job
from ttsflow import JobRefused, TextTooLong, install_command
from ttsflow_plugins.xtts.text import TextReader
from ttsflow_plugins.xtts.upstream import import_torchaudio

LIMIT = 402  # the published model's


@pytest.fixture(scope="module")
def tokenizer(tiny: Path) -> Any:
    """Upstream's, with the tiny vocabulary, in which every character is a token."""
    import_torchaudio()
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer

    return VoiceBpeTokenizer(vocab_file=tiny / "vocab.json")


@pytest.fixture(scope="module")
def reader(tokenizer: Any) -> TextReader:
    return TextReader(tokenizer, LIMIT)


def parts(reader: TextReader, text: str, language: str = "en") -> tuple[str, ...]:
    with pytest.raises(TextTooLong) as caught:
        reader.tokens(job(text, language=language))
    return caught.value.texts


def refusal(reader: TextReader, text: str, language: str = "en") -> str:
    with pytest.raises(JobRefused) as caught:
        reader.tokens(job(text, language=language))
    return str(caught.value)


def test_tokens_are_upstreams(reader: TextReader, tokenizer: Any) -> None:
    text = "Dr. Smith paid $5.20 on the 2nd."
    assert reader.tokens(job(text)) == list(tokenizer.encode(text.lower(), lang="en"))


def test_a_text_that_is_too_long_is_parted_behind_a_clause(reader: TextReader) -> None:
    sentence = "This sentence has a good many words, and a comma as well as a full stop. "
    texts = parts(reader, sentence * 8)
    assert len(texts) == 2
    assert all(text.endswith(".") for text in texts)
    for text in texts:
        assert len(reader.tokens(job(text))) < LIMIT


def test_numbers_that_grow_when_they_are_written_out(reader: TextReader) -> None:
    """A chunk of usual length in characters; written out it is many times as long."""
    text = "The numbers are " + " ".join(str(987_654_321 + n) for n in range(12)) + "."
    assert len(text) < 250
    texts = parts(reader, text)
    assert len(texts) > 2
    assert " ".join(texts) == text
    for part in texts:
        assert len(reader.tokens(job(part))) < LIMIT


def test_one_number_that_is_too_long_is_parted_in_words(reader: TextReader) -> None:
    texts = parts(reader, str(7) * 60)
    assert "".join(texts).isascii()
    assert not any(char.isdigit() for text in texts for char in text)
    assert texts[0].startswith("seven")
    for part in texts:
        assert len(reader.tokens(job(part))) < LIMIT


def test_chinese_is_parted_between_characters(reader: TextReader) -> None:
    text = "好" * 300
    texts = parts(reader, text, "zh-cn")
    assert "".join(texts) == text


@pytest.mark.parametrize("number", ["123456", "3.14159", "XTTS2"])
def test_chinese_is_not_parted_inside_a_number(number: str, reader: TextReader) -> None:
    texts = parts(reader, "好" * 100 + number + "好" * 100, "zh-cn")
    assert sum(number in text for text in texts) == 1


@pytest.mark.parametrize(
    ("language", "clause"),
    [
        ("ar", "هذه جملة طويلة، وفيها كلمات كثيرة؛ "),
        ("hi", "यह एक लंबा वाक्य है। "),
        ("en", '"So it is," she said. '),
    ],
)
def test_clauses_end_with_the_marks_of_their_script(language: str, clause: str, reader: TextReader) -> None:
    for text in parts(reader, clause * 30, language):
        assert text[-1] in '،؛।."'


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.lists(st.text("abc,. 9é!—", min_size=1, max_size=30), min_size=20, max_size=60).map(" ".join))
def test_parts_are_the_text(text: str, reader: TextReader) -> None:
    try:
        tokens = reader.tokens(job(text))
    except TextTooLong as split:
        texts = split.texts
    except JobRefused:  # too many nines in a row, say
        return
    else:
        assert len(tokens) < LIMIT
        return
    assert len(texts) > 1
    for part in texts:
        assert len(reader.tokens(job(part))) < LIMIT
    if "9" not in text:
        assert letters("".join(texts)) == letters(text)


def letters(text: str) -> list[str]:
    return [char for char in text if char.isalpha()]


@pytest.mark.parametrize("text", ["ελληνικά", "ελληνικά, κείμενο.", "สวัสดี!"])
def test_a_text_without_any_character_of_the_model(text: str, reader: TextReader) -> None:
    said = refusal(reader, text)
    assert "knows none of the characters" in said
    assert "'en'" in said


@pytest.mark.parametrize(
    ("text", "language", "says"),
    [
        ("यह 12 है", "hi", "write its numbers out as words"),
        ("1" * 320, "en", "write its numbers out as words"),
        ("hej", "sv", "'sv' is not supported"),
        ("a" * 500, "en", "a word of this text has more than the 401 tokens"),
    ],
)
def test_a_text_that_the_model_cannot_take(text: str, language: str, says: str, reader: TextReader) -> None:
    assert says in refusal(reader, text, language)


@pytest.mark.parametrize(
    ("language", "text", "module", "extra"),
    [
        ("zh-cn", "你好", "pypinyin", "xtts"),
        ("ja", "こんにちは", "cutlet", "xtts-ja"),
    ],
)
def test_a_language_that_needs_more(
    language: str, text: str, module: str, extra: str, reader: TextReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    assert install_command(extra) in refusal(reader, text, language)
