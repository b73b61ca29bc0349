"""Seeds and accounts."""

from hypothesis import given
from hypothesis import strategies as st

from ttsflow.interface.jobs import Account, ChunkJob, derive_seed


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


def test_the_parts_of_a_chunk() -> None:
    chunk = ChunkJob("s", 5, "One. Two.", "de", "Ana", seed=7, pause_s=0.6)
    first, second = chunk.split(["One.", "Two."])
    assert (first.text, second.text) == ("One.", "Two.")
    assert (first.part, second.part) == ((0,), (1,))
    for part in (first, second):
        assert (part.stream, part.index, part.language, part.voice) == ("s", 5, "de", "Ana")
        assert (part.pause_s, part.speakable) == (0.0, True)  # the pause stays with the chunk
    assert len({chunk.seed, first.seed, second.seed}) == 3


def test_seeds_of_parts_derive_from_content() -> None:
    chunk = ChunkJob("s", 5, "One. Two.", voice="/home/ana/voice.wav", seed=7)
    moved = ChunkJob("t", 9, "One. Two.", voice="/elsewhere/voice.wav", seed=7)
    assert [part.seed for part in chunk.split(["a", "b"])] == [part.seed for part in moved.split(["a", "b"])]
    other = ChunkJob("s", 5, "One. Two.", voice="/home/ana/voice.wav", seed=8)
    assert chunk.split(["a", "b"])[0].seed != other.split(["a", "b"])[0].seed


def test_an_account_adds_up() -> None:
    assert Account(submitted=5, delivered=2, failed=1, not_reached=2).settled
    assert not Account(submitted=5, delivered=2, failed=1, not_reached=1).settled
