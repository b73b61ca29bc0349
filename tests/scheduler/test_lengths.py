"""Whether audio is as long as its text should take."""

import pytest

from ttsflow import ChunkJob, Profile
from ttsflow.scheduler.lengths import ENOUGH, Lengths

TEXT = "x" * 30  # 2 s at 15 characters a second


def lengths(chars_per_s: object) -> Lengths:
    return Lengths(Profile("made", 8000, chars_per_s=chars_per_s))  # type: ignore[arg-type]


def found(lengths: Lengths, audio_s: float, text: str = TEXT, language: str = "en-gb") -> str:
    doubt = lengths.doubt(ChunkJob("s", 0, text, language), audio_s)
    return "" if doubt is None else doubt.text.split(" for ")[0]


@pytest.mark.parametrize("rates", [{"en": 15.0}, {"*": 15.0}, {"en-gb": 15.0, "*": 1.0}])
def test_the_first_chunk_is_judged_by_what_the_profile_has_measured(rates: object) -> None:
    new = lengths(rates)
    assert found(new, 0.2) == "much too short"
    assert found(new, 12.0) == "much too long"
    assert found(new, 0.6) == found(new, 9.0) == ""
    assert found(new, 0.0, "Oh.") == found(new, 2.0, "Oh.") == ""


def test_a_guess_judges_nothing() -> None:
    for guess in (15.0, {"de": 15.0}):
        assert found(lengths(guess), 0.01) == found(lengths(guess), 100.0) == ""


def test_the_runs_own_chunks_count_for_more_than_the_profile() -> None:
    seen = lengths({"en": 15.0})
    for _ in range(ENOUGH):
        seen.observe(ChunkJob("s", 0, TEXT, "en"), 10.0)
    assert found(seen, 12.0, language="en") == ""
    assert found(seen, 3.0, language="en") == "much too short"
    assert found(seen, 12.0, language="en-us") == "much too long", "of that nothing was heard"


def test_a_row_of_one_mark_is_no_longer_than_one() -> None:
    new = lengths({"en": 15.0})
    assert found(new, 1.0, "Wait" + 50 * ".") == found(new, 1.0, 20 * "=" + " Hello there " + 20 * "=") == ""
