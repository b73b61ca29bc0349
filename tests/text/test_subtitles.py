"""Subtitles in SRT and WebVTT: what is read of them, in which order, and whatever may be wrong."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.errors import InputError
from ttsflow.text import Document, ReadOptions
from ttsflow.text.readers import reader_named


def read(data: str | bytes, format: str = "srt") -> Document:
    data = data.encode() if isinstance(data, str) else data
    return reader_named(format).read(data, f"film.{format}", ReadOptions())


def texts(data: str | bytes, format: str = "srt") -> list[str]:
    return [block.text for block in read(data, format).blocks()]


def srt(*cues: str, gap: float = 0.1) -> str:
    """Cues of two seconds with these words, and so many seconds between two of them."""
    written = []
    for number, words in enumerate(cues):
        start = number * (2 + gap)
        times = " --> ".join(
            f"00:{int(at) // 60:02}:{int(at) % 60:02},{round(at % 1 * 1000):03}" for at in (start, start + 2)
        )
        written.append(f"{number + 1}\n{times}\n{words}\n")
    return "\n".join(written)


@pytest.mark.parametrize(
    ("cues", "spoken"),
    [
        (["Hello there.", "And you?"], ["Hello there.", "And you?"]),
        (["The first line\nand the second."], ["The first line and the second."]),
        (["A sentence", "goes on and", "ends.", "Next."], ["A sentence goes on and ends.", "Next."]),
        (["<i>Slanted</i> and {\\an8}on <font color=red>top</font>."], ["Slanted and on top."]),
        (["[music]", "[knocks] Who?", "[long\nsigh]", "(laughs)", "Me (too)."], ["Who?", "Me (too)."]),
        (["- Yes?\n- No!"], ["Yes?", "No!"]),
        (["- You are", "- late"], ["You are", "late"]),
        ([">> JOHN: Hello,", "how are you?"], ["Hello, how are you?"]),
        (["MR. BROWN: Note this: it rains."], ["Note this: it rains."]),
        (["-5 degrees", "--and falling."], ["-5 degrees --and falling."]),
        (["♪ La la la ♪", "♪♪", "At 12:30 sharp."], ["La la la At 12:30 sharp."]),
        (["\u4f60\u597d", "\u518d\u89c1"], ["\u4f60\u597d", "\u518d\u89c1"]),
        (["\u4f60\u597d\uff0c", "\u518d\u89c1\u3002"], ["\u4f60\u597d\uff0c\u518d\u89c1\u3002"]),
    ],
)  # fmt: skip
def test_what_is_read(cues: list[str], spoken: list[str]) -> None:
    assert texts(srt(*cues)) == spoken
    assert read(srt(*cues)).notices == ()


def test_a_time_without_subtitles_ends_a_sentence_and_is_a_longer_pause() -> None:
    assert texts(srt("no end", "and no beginning", gap=4)) == ["no end", "and no beginning"]
    for gap, kind in ((0.1, "line"), (2, "paragraph")):
        blocks = read(srt("One.", "Two.", gap=gap)).blocks()
        assert [block.kind for block in blocks] == [kind, "paragraph"]


def test_webvtt_with_comments_names_styles_voices_and_entities() -> None:
    vtt = (
        "WEBVTT - a film\n\nNOTE nobody hears\nthis\n\nSTYLE\n::cue { color: red }\n\nfirst\n"
        "00:01.000 --> 00:02.000 align:left\n<v Bob>You &amp; <c.loud>me</c></v>\n\nNOTE nor this\n\nsecond\n"
        "00:00:02.000 --> 00:00:03.000\nare late.\n"
    )
    assert texts(vtt, "vtt") == ["You & me are late."]


def test_rolling_captions_are_read_once() -> None:
    vtt = "WEBVTT\nKind: captions\nLanguage: en\n\n" + "\n".join(
        f"{start} --> {end} align:start\n{words}\n"
        for start, end, words in (
            ("00:00:00.000", "00:00:02.000", " \nhello<00:00:00.500><c> my</c><00:00:01.000><c> dear</c>"),
            ("00:00:02.000", "00:00:02.010", "hello my dear\n "),
            ("00:00:02.010", "00:00:04.000", "hello my dear\nfriends<00:00:03.000><c> here</c>"),
            ("00:00:04.000", "00:00:04.010", "friends here\n "),
        )
    )
    assert texts(vtt, "vtt") == ["hello my dear friends here"]
    assert texts(srt("No!", "No!", gap=0)) == ["No!", "No!"]


def test_disorder_is_put_right_and_told() -> None:
    text = (
        "1\n00:00:05,000 --> 00:00:09,000\nSecond.\n\n2\n00:00:01,000 --> 00:00:06,000\nFirst.\n\n"
        "3\n00:00:99:000 -> nothing --> 1\nThird.\n"
    )
    document = read(text)
    assert [block.text for block in document.blocks()] == ["First.", "Third.", "Second."]
    assert document.notices == (
        "of the subtitles in film.srt some (1) stand behind later ones; all are read by their times",
        "of the subtitles in film.srt some (1) overlap with others; they are read one after the other",
        "of the subtitles in film.srt some (1) have times that cannot be read; "
        "their words are read where they stand",
    )


def test_a_film_without_an_end_of_a_sentence() -> None:
    assert len(texts(srt(*["la la la"] * 1_500))) == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\0\1\2", "binary data"),
        ("caf\u00e9".encode("latin-1"), "is not valid utf-8"),
        ("Just some words.", "has no subtitles: no line in it has times such as '00:00:01,000 -->"),
        (srt("[music]", "♪"), "has 2 subtitles, and no words in them but descriptions of sounds"),
    ],
)
def test_what_cannot_be_read_says_why(data: str | bytes, said: str) -> None:
    with pytest.raises(InputError, match=f"film.srt.*{said}"):
        read(data)


@given(st.binary(max_size=100) | st.text("0123:,.-> \n[](){}<\\N&;#ab", max_size=200).map(str.encode))
def test_any_bytes_make_a_document_or_a_clear_error(data: bytes) -> None:
    for format in ("srt", "vtt"):
        for tried in (data, srt("One", "two.").encode() + data):
            with suppress(InputError):
                assert all(block.text.strip() for block in read(tried, format).blocks())
