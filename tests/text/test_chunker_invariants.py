"""What holds for every cut: nothing is lost, nothing is too long, nothing is torn."""

# ruff: noqa: RUF001  # look-alikes of Latin marks are what many of these texts are about

import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ttsflow.text import Block, Chunk, CutRules, Pauses, cut
from ttsflow.text.characters import audible
from ttsflow.text.graphemes import is_boundary
from ttsflow.text.sentences import sentence_ends

PAUSES = Pauses(sentence_s=1.0, paragraph_s=2.0, heading_s=3.0, break_s=4.0)

MARKS = list("aZ9 .,;:!?'\"()-—…“”‘’«»。，；：！？「」،؛؟।\n\t\xa0\u202f\u2029\u0301\ufeff\u200b\u200d\ufe0f")
CLUSTERS = ["e\u0301", "👩\u200d👩\u200d👧", "👍🏽", "🇫🇷", "\u1112\u1161", "\r\n"]
WORDS = ["שלום", "مرحبا", "नमस्ते", "한국어", "ありがとう。", "Dr. ", "e.g. ", "M. ", "1. ", "word "]

characters = st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(MARKS + CLUSTERS + WORDS))
texts = st.lists(characters, max_size=120).map("".join)
blocks = st.lists(st.builds(Block, texts, st.sampled_from(["paragraph", "heading"])), max_size=4)
caps = st.one_of(st.integers(1, 20), st.integers(20, 400))
languages = st.sampled_from(
    ["en", "fr", "de", "zh-cn", "ja", "ar", "hi", "ko", "pt-br", "EN-us", "nonsense", ""]
)


def chunks(text: str, *, language: str = "en", cap: int = 250) -> list[Chunk]:
    return list(cut([Block(text)], CutRules(language, cap), PAUSES))


def spoken(text: str, *, language: str = "en", cap: int = 250) -> list[str]:
    return [chunk.text for chunk in chunks(text, language=language, cap=cap)]


@pytest.fixture(autouse=True, scope="module")
def _rules_are_loaded() -> None:
    # What is read once for a language does not count against the time that one example may take.
    for code in ["en", "fr", "de", "zh", "ja", "ar", "hi", "ko", "pt", "nonsense", ""]:
        list(sentence_ends("A word. And another one.", code))


def bare(text: str) -> str:
    return "".join(audible(text).split())


@given(blocks, languages, caps)
@example([Block("。\u0301" * 30)], "zh-cn", 3)
@example([Block("\u0301" * 30)], "en", 3)
@example([Block("« a ! b » \u0301 ; c" * 3)], "fr", 1)
@example([Block("“A. ‘B.’” C. " * 20)], "en", 30)
def test_nothing_is_lost_or_too_long(source, language, cap):
    found = list(cut(source, CutRules(language, cap)))
    assert "".join(bare(chunk.text) for chunk in found) == "".join(bare(block.text) for block in source)
    for chunk in found:
        assert chunk.text == " ".join(chunk.text.split()) != ""
        assert chunk.speakable == any(char.isalnum() for char in chunk.text)
        one_cluster = not any(is_boundary(chunk.text, at) for at in range(1, len(chunk.text)))
        assert len(chunk.text) <= cap or one_cluster


@given(blocks, languages, caps)
def test_blocks_are_never_joined(source, language, cap):
    together = list(cut(source, CutRules(language, cap)))
    apart = [chunk for block in source for chunk in cut([block], CutRules(language, cap))]
    assert together == apart


@given(texts, languages, caps)
def test_a_character_is_never_torn(text, language, cap):
    found = spoken(text, language=language, cap=cap)
    whole = " ".join(audible(text).split())
    at = 0
    for piece in found:
        at = whole.index(piece, at)
        assert is_boundary(whole, at)
        at += len(piece)


@given(texts, languages, caps)
def test_only_the_last_chunk_of_a_block_has_its_pause(text, language, cap):
    found = chunks(text, language=language, cap=cap)
    for chunk in found[:-1]:
        assert chunk.pause_s in (0.0, PAUSES.sentence_s)
    for chunk in found[-1:]:
        silent = not any(each.speakable for each in found)
        assert chunk.pause_s == (PAUSES.break_s if silent else PAUSES.paragraph_s)


@given(st.lists(texts, min_size=1, max_size=3).map(" ".join), languages)
def test_losing_sentences_loses_no_text(text, language):
    # A sentencex that drops characters, as no release should: the block is cut without it.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sentencex.segment", lambda code, window: [window[:3], window[5:]])
        found = spoken(text, language=language, cap=20)
    assert bare("".join(found)) == bare(text)


def test_blocks_are_asked_for_one_at_a_time():
    asked = 0

    def endless() -> Iterator[Block]:
        nonlocal asked
        while True:
            asked += 1
            yield Block(
                "A sentence that is long enough to stand alone. Another one that is long enough as well."
            )

    found = cut(endless(), CutRules("en", 250))
    for _ in range(5):
        next(found)
    assert asked == 3


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "oh! ",
        "“Ab. ",
        "a\u0301",
        "\u0301",
        "* ",
        "(",
        "你好。",
        "👩\u200d👩",
        "a.",
        "。",
        "Mr. ",
        "'",
        ".[1]",
    ],
)
def test_a_megabyte_without_a_break(unit):
    text = unit * (1_000_000 // len(unit))
    began = time.process_time()  # of the processor: it does not matter how busy the machine is
    assert bare("".join(spoken(text))) == bare(text)
    assert time.process_time() - began < 60, "it takes a second or two; what is quadratic takes minutes"


def test_a_cap_below_one_is_refused():
    with pytest.raises(ValueError, match="max_chars must be at least 1, not 0"):
        spoken("Text.", cap=0)
