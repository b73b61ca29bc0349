"""Parts of a chunk: nothing is lost, and no word is torn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.text import halve


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("He came, he saw; and then he left again.", ["He came, he saw;", "and then he left again."]),
        ("One two.", ["One", "two."]),
        ("Hello", []),
        ("Hello!", []),
        ("", []),
        ("私は学生です。彼は先生です。", ["私は学生です。", "彼は先生です。"]),
        ("漢字漢字漢字", []),
    ],
)
def test_it_is_cut_where_a_narrator_would(text: str, parts: list[str]) -> None:
    assert halve(text, "en") == parts


@given(st.lists(st.sampled_from(["word", "a", "Mr.", "12", "end.", "so,"]), max_size=30))
def test_no_word_is_lost_or_torn(words: list[str]) -> None:
    parts = halve(" ".join(words), "en")
    assert not parts or (len(parts) > 1 and " ".join(parts).split() == words)
