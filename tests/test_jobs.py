"""Seeds and accounts."""

from hypothesis import given
from hypothesis import strategies as st

from ttsflow.jobs import Account, derive_seed


@given(st.integers(), st.text(), st.text(), st.text(), st.integers(0, 5))
def test_a_seed_is_63_bits_of_the_content(run: int, text: str, language: str, voice: str, take: int) -> None:
    seed = derive_seed(run, text, language, voice, take)
    assert 0 <= seed < 2**63
    assert seed == derive_seed(run, text, language, voice, take)
    assert seed != derive_seed(run + 1, text, language, voice, take)
    assert seed != derive_seed(run, text + "x", language, voice, take)
    assert seed != derive_seed(run, text, language, voice, take + 1)


def test_a_seed_is_the_same_on_every_machine_and_for_ever() -> None:
    assert derive_seed(0, "Hello.", "en", "Ana") == 7916805825351187040


def test_an_account_adds_up() -> None:
    assert Account(submitted=5, delivered=2, failed=1, not_reached=2).settled
    assert not Account(submitted=5, delivered=2, failed=1, not_reached=1).settled
