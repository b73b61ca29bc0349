"""Cutting: a narrator would breathe in these places."""

# ruff: noqa: RUF001  # look-alikes of Latin marks are what many of these texts are about

import pytest

from ttsflow.text import Block, Chunk, CutRules, Pauses, cut

PAUSES = Pauses(sentence_s=1.0, paragraph_s=2.0, heading_s=3.0, break_s=4.0)


def chunks(text: str, *, language: str = "en", cap: int = 250, kind: str = "paragraph") -> list[Chunk]:
    return list(cut([Block(text, kind)], CutRules(language, cap), PAUSES))


def spoken(text: str, *, language: str = "en", cap: int = 250) -> list[str]:
    return [chunk.text for chunk in chunks(text, language=language, cap=cap)]


# Sentences


def test_a_chunk_is_a_sentence():
    first = "Dr. Marsh came on Jan. 3rd, e.g. by the 5 p.m. train from St. Albans."
    second = "It cost him 3.50 pounds, which was a good deal of money then."
    assert chunks(f"{first} {second}") == [Chunk(first, 1.0, True), Chunk(second, 2.0, True)]


def test_a_heading_pauses_longer():
    assert chunks("Chapter 1", kind="heading") == [Chunk("Chapter 1", 3.0, True)]


def test_default_pauses_grow_with_what_they_part():
    default = Pauses()
    assert 0 < default.sentence_s < default.paragraph_s < default.break_s < default.heading_s


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
                "それから小さな声で「はい」と答えて、家に帰った。",
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


@pytest.mark.parametrize("text", ["***", "* * *", "…", "—", "🎉🎉", "?!", "-" * 1000])
def test_a_block_with_nothing_to_say_is_one_pause(text):
    found = chunks(text)
    assert not any(chunk.speakable for chunk in found)
    assert sum(chunk.pause_s for chunk in found) == PAUSES.break_s


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
