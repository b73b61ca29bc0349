"""Where sentences end, and where they only seem to."""

# ruff: noqa: RUF001  # look-alikes of Latin marks are what many of these texts are about

import re
import subprocess
import sys

import pytest
from choppa import DEFAULT_SRX_RULESET, SrxDocument, SrxTextIterator
from hypothesis import given
from hypothesis import strategies as st

from tests.text.abbreviations import held_by, read_abbreviations
from ttsflow.text.sentences import LOOKAHEAD, sentence_ends, srx

FLOOR = 0.98  # of the list of abbreviations; all hold today


def sentences(text: str, language: str = "en", *, in_quotations: bool = False) -> list[str]:
    ends = list(sentence_ends(text, language, in_quotations=in_quotations))
    return [text[start:end].strip() for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        # Titles, units and other abbreviations
        ("en", "The report went to Ms. Varga on Mon. 4th of June."),
        ("en", "We met at 5 p.m. Tuesday."),
        ("de", "Das Zimmer kostet 90 Euro inkl. Frühstück."),
        ("fr", "Hier le prof. Garnier est parti."),
        ("pl", "Mieszka tam od ok. 20 lat."),
        ("it", "Lo spiega a pag. 31 del manuale."),
        ("pt", "Leia a pág. 31 do manual."),
        ("tr", "Ayrıntı için bkz. Ek bölüm, krş. Önsöz."),
        # Ordinal and Roman numbers
        ("de", "Sie wohnt im 4. Stock hinten."),
        ("de", "Das Schloss von Wilhelm IV. Hohenzollern brannte."),
        ("tr", "Sultan III. Selim neyi severdi."),
        ("tr", "Dükkân 7. Cadde üzerindedir."),
        ("hu", "Eljött IV. Béla király."),
        ("cs", "Hrad stavěl Karel IV. Lucemburský."),
        # Initials, glued to the script around them
        ("zh", "他喜欢读G. K. Chesterton的故事。"),
        ("ja", "彼はJ. D. Salingerを読む。"),
        ("zh", "这是由C. S.L. Forester写的。"),
        ("fr", "Le livre de J. Verne est là."),
        ("zh", "他和Mr. Toad是朋友。"),
        ("ja", "No. 7は赤い。"),
        # Numbers of lists
        ("en", "1. The first thing to do 2. The second thing to do 3. The last."),
        ("en", "a. The red door b. The blue door"),
        ("en", "Take with you: 1. Warm socks and gloves"),
        ("en", "IV. The return of the fleet"),
        ("en", "We need: i. A pen and ink ii. A book iii. A lamp iv. A table"),
        ("en", "They planned: I. The wall II. The gate III. The tower IV. The bridge V. The road"),
        # Citations
        ("en", "It is said in Matt. 5 and Mark 6."),
        ("en", "In the beginning, says Gen. 1:3, there was light."),
        ("en", "See Rom. 8:28, 1 Cor. 13:4 and Ps. 23 for more."),
        ("en", "The rule is in Art. 5, in Art. IV and in Sec. 3."),
        ("en", "The curve of Fig. 2 is told of on pp. 3-4 in Sched. 2 and App. 3."),
        ("fr", "Voir Rom. 8 et Matt. 5 pour la suite."),
        ("es", "Véase Gén. 1 y Mat. 5 para más."),
        # What tells who spoke
        ("en", "“Halt!” he said."),
        ("en", "“Halt!” Mr. Tolland said."),
        ("en", '"Who is there?" I asked.'),
        ("de", "„Halt!“ rief er."),
        ("fr", "« Halte ! » cria Paul."),
        ("pl", "— Stój! — krzyknął Jan."),
        ("hu", "„Hová?” – kérdezte Anna."),
        ("ja", "「行く。」と彼は言った。"),
        ("ja", "『行く！』って叫んだ。"),
        ("ja", "「行く？」などと聞いた。"),
        ("ja", "「はい。」という答えだった。"),
    ],
)
def test_a_full_stop_that_ends_nothing(language: str, text: str) -> None:
    assert sentences(text, language) == [text]


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("en", "He shut the door.", "Peter opened it again."),
        ("en", "She was only nine.", "Tom was ten."),
        ("en", "They saw the Sun.", "Tom did not."),
        ("en", "They live in the U.S.", "The rest of us stayed."),
        ("en", "It was 40 °C.", "Water was dear."),
        ("en", "It began at 5 p.m.", "We were late."),
        ("en", "They sold tea, milk etc.", "Nobody bought any."),
        ("en", "There is much vitamin C.", "It does you good."),
        ("en", "She said no.", "Then she left."),
        ("en", "The play was Henry V.", "It was long."),
        ("en", "“Halt!”", "Nobody moved."),
        ("en", "“I am going.”", "Tom said a word to her."),
        ("en", "“Halt!”", "Tom said nothing."),
        ("ja", "「行く。」", "とても寒い日だった。"),
        ("ja", "「行く。」", "彼は帰った。"),
        ("en", "They came to (ii).", "It was good."),
        ("en", "He died.", "5 people came."),
        ("de", "Es waren 40 °C.", "Wasser war teuer."),
        ("de", "Er las das Kapitel 12.", "Dann schlief er ein."),
        ("de", "Es war im Jahr 1812.", "Moskau brannte."),
        ("de", "Das war Ludwig II.", "Er liebte Schwäne."),
        ("fr", "Il pleut.", "M. Petit rentre."),
        ("es", "Llueve.", "El Sr. Ruiz vuelve."),
        ("tr", "Yağmur yağıyor.", "Ahmet eve döndü."),
        ("hu", "Esik az eső.", "Péter hazament."),
        ("ru", "Идёт дождь.", "Пётр вернулся."),
        ("ru", "Это был XIX в.", "Потом всё изменилось."),
        ("ru", "Там были яблоки, груши и т. д.", "Но никто их не ел."),
        ("pl", "Urodził się w 1920 r.", "Potem wyjechał."),
        ("es", "Viven en EE. UU.", "Ella no."),
        ("ar", "ذهب الولد إلى البيت.", "كان الجو حارا."),
    ],
)
def test_a_plain_end(language: str, first: str, second: str) -> None:
    assert sentences(f"{first} {second}", language) == [first, second]


@pytest.mark.parametrize("mark", ["7", "[7]", "²", "¹²", "*", "†", "[3][4]"])
@pytest.mark.parametrize("stop", [".", "!", ".”"])
def test_the_mark_of_a_note_belongs_to_the_sentence_before_it(mark: str, stop: str) -> None:
    first = f"“All was dry before the storm{stop}{mark}"
    assert sentences(f"{first} Then it rained.") == [first, "Then it rained."]


@pytest.mark.parametrize(
    "text",
    ["See vol.12 The Storms for more.", "It stood in no.7 Hill Road.", "Use version 2.12 Pro at once."],
)
def test_a_number_glued_to_a_full_stop_is_no_note(text: str) -> None:
    assert sentences(text) == [text]


def test_what_is_in_a_quotation_ends_only_if_asked() -> None:
    text = "“It rains. Come in, Ms. Varga.” She came."
    assert sentences(text) == ["“It rains. Come in, Ms. Varga.”", "She came."]
    inside = ["“It rains.", "Come in, Ms. Varga.”", "She came."]
    assert sentences(text, in_quotations=True) == inside


@given(
    st.lists(st.sampled_from(["好。", "End.", "[1]", "²", "”", "“", " ", "x", "7", "U.S. ", "*", "I "])).map(
        "".join
    ),
    st.sampled_from(["en", "zh", "de"]),
    st.booleans(),
)
def test_ends_rise_to_the_length_of_the_text(text: str, language: str, in_quotations: bool) -> None:
    text = " ".join(text.split())
    ends = list(sentence_ends(text, language, in_quotations=in_quotations))
    assert ends == sorted(set(ends))
    assert ends[-1:] == ([len(text)] if text else [])


def test_common_abbreviations_hold() -> None:
    held = held_by(lambda text, language: len(sentences(text, language)) == 1)
    assert sum(each.held for each in held) >= FLOOR * len(read_abbreviations())


@given(
    st.lists(
        st.sampled_from(
            [
                "word ",
                "Mr. ",
                "End. ",
                "“So. ",
                "it!” ",
                "(a. ",
                "b.) ",
                "12. ",
                "U.S. ",
                "The ",
                "x.7 ",
                "long" * 40,
            ]
        ),
        max_size=120,
    ).map("".join),
    st.integers(0, 600),
    st.sampled_from(["en", "de", "zh", "tr"]),
    st.booleans(),
)
def test_an_end_stays_if_the_text_grows(text: str, length: int, language: str, in_quotations: bool) -> None:
    grown = " ".join((text + text).split())
    text = grown[: LOOKAHEAD + length]
    settled = len(text) - LOOKAHEAD
    before, after = (
        [end for end in sentence_ends(each, language, in_quotations=in_quotations) if end <= settled]
        for each in (text, grown)
    )
    assert before == after


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "pt", "pl", "ru", "nl", "sv", "da", "uk"])
def test_the_rules_say_what_they_say_in_choppa(language: str) -> None:
    document = SrxDocument(ruleset=DEFAULT_SRX_RULESET)
    for text in (text for code, text in read_abbreviations() if code == language):
        both = f"{text} {text}"
        ends = {0}
        for segment in SrxTextIterator(document, f"{language}_two", both):
            ends.add(max(ends) + len(segment))
        for space in re.finditer(r"(?<=[.!?]) ", both):
            at = space.end()
            assert srx.allows(both[:at], both[at:], language) == (at in ends), both[:at]


@pytest.mark.parametrize("language", ["tr", "nonsense", ""])
def test_a_language_without_rules_is_allowed_everything(language: str) -> None:
    assert srx.allows("Dr. ", "Who", language)


def test_the_rules_are_not_loaded_before_they_are_needed() -> None:
    code = "import sys, ttsflow.text; sys.exit('choppa' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_validator_of_rules_is_loaded_by_who_uses_it() -> None:
    """choppa imports it for rules of one's own; to end sentences needs none, and is quicker without."""
    code = """if True:
        import sys
        from ttsflow.text.sentences.srx import load_rules
        load_rules("en")
        assert "xmlschema" not in sys.modules
        from choppa import DEFAULT_SRX_RULESET, SRX_2_XSD, SrxDocument
        SrxDocument(ruleset=DEFAULT_SRX_RULESET, validate_ruleset=SRX_2_XSD)
        import xmlschema
        assert xmlschema.XMLSchema
    """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_opening_quotation_mark_belongs_to_what_it_opens() -> None:
    text = "He sighed. “It was long ago. We were young."
    assert sentences(text)[:2] == ["He sighed.", "“It was long ago."]


@pytest.mark.parametrize(
    "text",
    [
        'The screen is 5" wide. He bought it in May. She liked it.',
        "I am sad :( now. We went home. And then we slept.",
        "'Tis the season. The boys' room was cold. They left.",
        "Rock 'n' roll is old. The girls' room was warm. They sang.",
    ],
)
def test_a_mark_that_opens_nothing_holds_nothing_together(text: str) -> None:
    assert len(sentences(text)) == 3
