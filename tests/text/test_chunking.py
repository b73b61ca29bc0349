"""Cutting: nothing is lost, nothing is too long, and a narrator would breathe in these places."""

# ruff: noqa: RUF001  # look-alikes of Latin marks are what many of these texts are about

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ttsflow.text import Block, Chunk, Pauses, cut
from ttsflow.text.graphemes import is_boundary

PAUSES = Pauses(sentence=1.0, paragraph=2.0, heading=3.0, unspeakable=4.0)

MARKS = list("aZ9 .,;:!?'\"()-—…“”‘’«»。，；：！？「」،؛؟।\n\t\xa0\u202f\u2029\u0301\ufeff\u200b\u200d\ufe0f")
AWKWARD = "\r\n|e\u0301|👩\u200d👩\u200d👧|👍🏽|🇫🇷|שלום|مرحبا|नमस्ते|한국어|\u1112\u1161|Dr. |e.g. |M. |1. |word |ありがとう。".split(
    "|"
)

characters = st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(MARKS + AWKWARD))
texts = st.lists(characters, max_size=120).map("".join)
blocks = st.lists(st.builds(Block, texts, st.sampled_from(["paragraph", "heading"])), max_size=4)
caps = st.one_of(st.integers(1, 20), st.integers(20, 400))
languages = st.sampled_from(
    ["en", "fr", "de", "zh-cn", "ja", "ar", "hi", "ko", "pt-br", "EN-us", "nonsense", ""]
)


def chunks(text: str, *, language: str = "en", cap: int = 250, kind: str = "paragraph") -> list[Chunk]:
    return list(cut([Block(text, kind)], language=language, max_chars=cap, pauses=PAUSES))


def spoken(text: str, *, language: str = "en", cap: int = 250) -> list[str]:
    return [chunk.text for chunk in chunks(text, language=language, cap=cap)]


def bare(text: str) -> str:
    return "".join(text.split())


# What always holds


@given(blocks, languages, caps)
@example([Block("。\u0301" * 30)], "zh-cn", 3)
@example([Block("\u0301" * 30)], "en", 3)
@example([Block("“A. ‘B.’” C. " * 20)], "en", 30)
def test_nothing_is_lost_or_too_long(source, language, cap):
    found = list(cut(source, language=language, max_chars=cap))
    assert bare("".join(chunk.text for chunk in found)) == bare("".join(block.text for block in source))
    for chunk in found:
        assert chunk.text == " ".join(chunk.text.split()) != ""
        assert chunk.speakable == any(char.isalnum() for char in chunk.text)
        one_cluster = not any(is_boundary(chunk.text, at) for at in range(1, len(chunk.text)))
        assert len(chunk.text) <= cap or one_cluster


@given(blocks, languages, caps)
def test_blocks_are_never_joined(source, language, cap):
    together = list(cut(source, language=language, max_chars=cap))
    apart = [chunk for block in source for chunk in cut([block], language=language, max_chars=cap)]
    assert together == apart


@given(texts, languages, caps)
def test_a_character_is_never_torn(text, language, cap):
    found = spoken(text, language=language, cap=cap)
    whole = " ".join(text.split())
    at = 0
    for piece in found:
        at = whole.index(piece, at)
        assert is_boundary(whole, at)
        at += len(piece)


@given(texts, languages, caps)
def test_only_the_last_chunk_of_a_block_has_its_pause(text, language, cap):
    found = chunks(text, language=language, cap=cap)
    for chunk in found[:-1]:
        assert chunk.pause_s in (0.0, PAUSES.sentence)
    for chunk in found[-1:]:
        silent = not any(each.speakable for each in found)
        assert chunk.pause_s == (PAUSES.unspeakable if silent else PAUSES.paragraph)


@given(st.lists(texts, min_size=1, max_size=3).map(" ".join), languages)
def test_losing_sentences_loses_no_text(text, language):
    # A stand-in for sentencex that drops characters, as no release should: the block is cut without it.
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
                "A sentence that is long enough to stand all alone. And then another one that is so, too."
            )

    found = cut(endless(), language="en", max_chars=250)
    for _ in range(5):
        next(found)
    assert asked == 3


@pytest.mark.timeout(60)  # each takes a second or two; what is quadratic takes minutes
@pytest.mark.parametrize(
    "unit", ["a", "oh! ", "“Ab. ", "a\u0301", "\u0301", "* ", "(", "你好。", "👩\u200d👩"]
)
def test_a_megabyte_without_a_break(unit):
    text = unit * (1_000_000 // len(unit))
    assert bare("".join(spoken(text))) == bare(text)


def test_a_cap_below_one_is_refused():
    with pytest.raises(ValueError, match="max_chars must be at least 1, not 0"):
        spoken("Text.", cap=0)


# Sentences


def test_a_chunk_is_a_sentence():
    first = "Dr. Marsh came on Jan. 3rd, e.g. by the 5 p.m. train from St. Albans."
    second = "It cost him 3.50 pounds, which was a good deal of money then."
    assert chunks(f"{first} {second}") == [Chunk(first, 1.0, True), Chunk(second, 2.0, True)]


def test_a_heading_pauses_longer():
    assert chunks("Chapter 1", kind="heading") == [Chunk("Chapter 1", 3.0, True)]


def test_default_pauses_grow_with_what_they_part():
    default = Pauses()
    assert 0 < default.sentence < default.paragraph < default.unspeakable < default.heading


@pytest.mark.parametrize(
    "text",
    [
        "“Oh dear! Oh dear! I shall be late!” said the Rabbit to itself.",
        "‘Off with her head!’ the Queen shouted at the top of her voice.",
        "He thought it over (it took. A while.) and then he gave an answer.",
        "“Are you sure?” “Quite sure.” “Then go.” “I will.” And so he went.",
    ],
)
def test_dialogue_that_fits_stays_whole(text):
    assert spoken(text) == [text]


def test_closing_quotes_stay_with_their_sentence():
    text = (
        "She cried, “Come back this very minute, all of you!” ‘We shall do nothing of the kind,’ said they. "
    )
    assert spoken(text * 2, cap=60)[:2] == [
        "She cried, “Come back this very minute, all of you!”",
        "‘We shall do nothing of the kind,’ said they.",
    ]


def test_a_long_quotation_is_cut_at_its_own_sentences():
    inner = ["“I shall be too far off to trouble myself.", "You must manage the best way that you can!”"]
    assert chunks(f"{inner[0]} {inner[1]} she said, and went away.", cap=70) == [
        Chunk(inner[0], 1.0, True),
        Chunk(inner[1], 0.0, True),  # the sentence goes on
        Chunk("she said, and went away.", 2.0, True),
    ]


@pytest.mark.parametrize("opening", ["“", "‘", '"', "(", "«"])
def test_an_opening_quote_goes_with_what_it_opens(opening):
    text = f"“He told me, and I quote him fully. {opening}All of it is here in this sentence”.”"
    assert spoken(text, cap=50)[1].startswith(f"{opening}All")


def test_what_goes_on_in_lower_case_is_one_sentence():
    assert spoken("He sighed, and oh! ever so many lessons to learn were waiting for him.") == [
        "He sighed, and oh! ever so many lessons to learn were waiting for him."
    ]


@pytest.mark.parametrize(
    ("language", "cap", "sentences"),
    [
        (
            "fr",
            250,
            ["Hier soir j’ai vu M. Dupont dans la rue. ", "Il marchait lentement avec son très vieux chien."],
        ),
        (
            "de",
            250,
            [
                "Das ist z. B. der Brief, den Dr. Meier am 3. Mai schrieb. ",
                "Er kam dann aber erst Ende Juni bei uns an.",
            ],
        ),
        ("hi", 100, ["कल शाम को डॉ. शर्मा हमारे घर पर आए थे। ", "उन्होंने बहुत देर तक बातें कीं और चले गए।"]),
        (
            "zh-cn",
            82,
            ["他走进了房间，看了看四周，没有人在那里。", "这到底是怎么一回事呢，他一边想一边坐下来。"],
        ),
        (
            "ja",
            71,
            [
                "彼は静かに部屋に入って、窓の外を長い間見ていた。",
                "「はい。そうです。」と小さな声で答えて、帰った。",
            ],
        ),
    ],
)
def test_other_languages(language, cap, sentences):
    assert spoken("".join(sentences), language=language, cap=cap) == [each.strip() for each in sentences]


def test_the_number_of_a_list_item_stays_with_it():
    text = "These are the rules of the whole establishment. 1. Nobody is ever to touch the big clock."
    assert spoken(text)[1].startswith("1. Nobody")


# Long sentences


def test_a_long_sentence_is_cut_at_the_last_semicolon_or_colon():
    text = "one, two three; four, five: six, seven, eight nine ten"
    assert spoken(text, cap=40) == ["one, two three; four, five:", "six, seven, eight nine ten"]
    assert [chunk.pause_s for chunk in chunks(text, cap=40)] == [0.0, 2.0]


@pytest.mark.parametrize("mark", ["；", "：", "，", "、", "。", "！"])
def test_full_width_marks_need_no_space(mark):
    assert spoken("一二三四五六" + mark + "七八九十一二", language="zh-cn", cap=10) == [
        "一二三四五六" + mark,
        "七八九十一二",
    ]


@pytest.mark.parametrize("mark", ["،", "؛"])
def test_arabic_marks(mark):
    assert spoken(f"ذهب الولد إلى{mark} المدرسة في الصباح", language="ar", cap=20)[0].endswith(mark)


def test_a_closing_quote_is_not_left_behind_by_its_mark():
    assert spoken("一二三四五六；」七八九十一二", language="zh-cn", cap=10)[0] == "一二三四五六；」"


def test_then_at_a_comma_then_at_a_space():
    assert spoken("one two three, four five six seven", cap=25) == ["one two three,", "four five six seven"]
    assert spoken("one two three four five six", cap=20) == ["one two three four", "five six"]


def test_numbers_and_times_are_not_cut():
    assert spoken("The train at 12:30 carried 1,500,000 letters", cap=30)[0] == "The train at 12:30 carried"


def test_no_scrap_is_left_at_the_end():
    text = " ".join(["word"] * 51)
    first, second = spoken(text)
    assert len(text) == 254
    assert len(first) + len(second) == 253
    assert len(second) >= 40


def test_a_long_word_is_cut_between_characters():
    assert spoken("abcdefghijklmnopqrstuvwxyz", cap=10) == ["abcdefghij", "klmnopqrst", "uvwxyz"]
    assert spoken("e\u0301" * 6, cap=5) == ["e\u0301" * 2] * 3
    family = "👩\u200d👩\u200d👧"
    assert spoken(family * 4, cap=12) == [family * 2] * 2
    assert spoken(family * 2, cap=3) == [family] * 2


# Short pieces and pieces with nothing to say


def test_short_pieces_join_a_neighbour():
    assert spoken("Yes. No. Perhaps. Why should I know what nobody has ever told me?") == [
        "Yes. No. Perhaps. Why should I know what nobody has ever told me?"
    ]


def test_short_pieces_join_only_within_the_cap():
    long = "This sentence is made to be exactly forty-eight long."
    assert spoken(f"{long} No. {long}", cap=len(long)) == [long, "No.", long]


@pytest.mark.parametrize("text", ["***", "* * *", "…", "—", "🎉🎉", "\u200b", "\ufeff", "?!", "-" * 1000])
def test_a_block_with_nothing_to_say_is_one_pause(text):
    found = chunks(text)
    assert not any(chunk.speakable for chunk in found)
    assert sum(chunk.pause_s for chunk in found) == PAUSES.unspeakable


@pytest.mark.parametrize("text", ["½", "Ω", "٣", "ね", "ß", "5", "ª"])
def test_a_letter_or_digit_in_any_script_can_be_said(text):
    assert chunks(text) == [Chunk(text, 2.0, True)]


@pytest.mark.parametrize("mark", ["…", "— —", "* " * 30])
def test_punctuation_joins_what_can_be_said(mark):
    sentence = "This is a sentence of more than forty characters."
    for text in (f"{mark} {sentence}", f"{sentence} {mark}", f"{sentence} {mark} {sentence}"):
        assert all(chunk.speakable for chunk in chunks(text))


def test_empty_blocks_give_nothing():
    assert chunks("") == chunks(" \n ") == []


def test_white_space_of_any_kind_becomes_one_space():
    assert spoken("one\r\ntwo\xa0 \tthree\u2003four") == ["one two three four"]


# Grapheme clusters


@pytest.mark.parametrize(
    "cluster",
    [
        "e\u0301",
        "❤\ufe0f",
        "👍🏽",
        "👩\u200d👧",
        "नि",
        "\u1112\u1161\u11ab",
        "🏴\U000e0067\U000e007f",
        "ก\u0e33"[:1] + "\u0e35",
    ],
)
def test_a_cluster_has_no_boundary_inside(cluster):
    text = f"a{cluster}b"
    assert [at for at in range(len(text) + 1) if is_boundary(text, at)] == [0, 1, len(text) - 1, len(text)]
