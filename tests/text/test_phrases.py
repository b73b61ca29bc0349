"""A sentence that is too long is cut between its phrases, not behind an article or a preposition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.text import Block, CutRules, cut, halve


def spoken(text: str, language: str, cap: int) -> list[str]:
    return [chunk.text for chunk in cut([Block(text)], CutRules(language, cap))]


@pytest.mark.parametrize(
    ("language", "before", "leaning", "behind"),
    [
        ("en", "She walked very slowly down", "into the", "garden behind the old house"),
        ("en", "He said nothing for an hour", "and", "then left the room by another door"),
        ("en-GB", "There was a smell of bread", "(from my", "grandmother's kitchen below the stairs)"),
        ("de", "Sie gingen langsam hinunter", "in den", "alten Garten hinter dem Haus"),
        ("de", "Er sagte lange Zeit nichts", "und", "verließ dann den Raum durch die Tür"),
        ("fr", "Elle marchait lentement", "vers le", "jardin derrière la vieille maison"),
        ("fr", "Il attendit très longtemps", "parce que", "personne ne voulait lui ouvrir"),
        ("es", "Caminaba muy despacio", "hacia el", "jardín detrás de la casa vieja"),
        ("es", "No dijo nada durante horas", "y", "luego salió por otra puerta"),
        ("it", "Camminava molto piano", "verso il", "giardino dietro la vecchia casa"),
        ("it", "Rimase a lungo seduta", "nella", "cucina della nonna senza parlare"),
        ("pt", "Ela caminhava devagar", "para o", "jardim atrás da velha casa"),
        ("pt-br", "Ele esperou muito tempo", "na", "cozinha da velha casa sem falar"),
        ("nl", "Zij liep heel langzaam", "naar de", "tuin achter het oude huis"),
        ("nl", "Hij zei een hele tijd niets", "en", "verliet toen de kamer zonder groet"),
        ("pl", "Szła bardzo powoli", "w", "stronę starego ogrodu za domem"),
        ("pl", "Przez chwilę nic nie mówił", "i", "potem wyszedł innymi drzwiami"),
        ("ru", "Она очень медленно шла", "в", "старый сад за бабушкиным домом"),
        ("ru", "Он долго ничего не говорил", "и", "потом вышел через другую дверь"),
    ],
)  # fmt: skip
def test_the_cut_is_before_the_words_that_lean_on_the_next(
    language: str, before: str, leaning: str, behind: str
) -> None:
    text, cap = f"{before} {leaning} {behind}", len(f"{before} {leaning} ")
    assert spoken(text, language, cap)[0] == before
    assert spoken(text, "nonsense", cap)[0] == f"{before} {leaning}", "the last space"


def test_where_each_word_leans_on_the_next_it_is_the_last_space() -> None:
    assert spoken("in the in the in the in the in the garden", "en", 20)[0] == "in the in the in the"


def test_a_clause_end_comes_first() -> None:
    text = "She walked on, slowly now and then into the garden"
    assert spoken(text, "en", 40)[0] == "She walked on,"


def test_no_scrap_is_left_for_the_sake_of_a_phrase() -> None:
    assert spoken("So in the in the in the in the in the garden", "en", 20)[0] == "So in the in the in"


def test_a_chunk_that_failed_is_halved_between_phrases() -> None:
    text = "She walked very slowly down into the garden behind the house"
    assert halve(text, "en") == ["She walked very slowly down", "into the garden behind the house"]


phrases = st.sampled_from(
    ["the garden", "into the old house", "walked", "with a smile", "and never", "seldom"]
)


@given(st.lists(phrases, max_size=80).map(" ".join), st.integers(60, 250))
def test_no_chunk_ends_with_a_word_that_leans_on_the_next(text: str, cap: int) -> None:
    for chunk in spoken(text, "en", cap)[:-1]:
        assert chunk.rsplit(" ", 1)[-1] in ("garden", "old", "house", "walked", "smile", "never", "seldom")
