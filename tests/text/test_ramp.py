"""The ramp: short chunks first, nothing lost, no word cut, and the same from a pipe as from a file."""

# ruff: noqa: RUF001  # marks of several scripts

from __future__ import annotations

import random
from functools import partial
from itertools import pairwise
from statistics import quantiles

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttsflow import ChunkJob, Device, Profile
from ttsflow.report.metrics import Playback
from ttsflow.scheduler.core import Scheduler
from ttsflow.simulator import CostModel, Simulator
from ttsflow.text import Block, Chunk, CutRules, LiveCutter, Pauses, Ramp, cut
from ttsflow_plugins.adaptive import Adaptive

WORDS = ["word", "and", "a", "longerword,", "end.", "so;", "1,000", "—", "“yes”"]
RULES = CutRules("en", 250, 40)
PROSE = (
    "The ferry was late, as it was on most evenings in that season, and the people on the quay had long "
    "given up looking for it, so that they sat on their bags, or walked up and down, or bought tea. "
    "A boy with a kite ran along the wall, which was forbidden, but nobody had the heart to call him back. "
    "Far out, where the water was still bright, a light went on and off. "
)


def _ramped(text: str, ramp: Ramp, rules: CutRules = RULES) -> list[Chunk]:
    return list(ramp.shorten(cut([Block(text)], rules), rules))


def test_the_first_chunk_is_short_and_they_grow() -> None:
    lengths = [len(chunk.text) for chunk in _ramped(PROSE * 3, Ramp(1.5, 1.3))]
    assert lengths[0] <= 70  # at the first end of a clause after 20 characters
    assert max(lengths[:3]) < max(lengths[3:])
    assert max(lengths) > 100


def test_the_pause_comes_after_the_last_part() -> None:
    chunks = _ramped(PROSE.split(". ")[0] + ".", Ramp(1.5, 1.3))
    assert len(chunks) > 2
    assert [chunk.pause_s for chunk in chunks] == [0.0] * (len(chunks) - 1) + [Pauses().paragraph_s]


def test_a_word_that_is_longer_than_the_first_chunk_stays_whole() -> None:
    word = "Donaudampfschifffahrtsgesellschaftskapitänsmütze"
    chunks = _ramped(f"Die {word} ist heute Morgen in Wien gefunden worden, sagte man.", Ramp(0.5, 1.3))
    assert any(word in chunk.text for chunk in chunks)


def test_chinese_is_cut_at_its_marks_alone() -> None:
    text = (
        "从前有一个小女孩，她坐在河边的草地上，看着姐姐手里的那本书，心里想着，没有图画的书有什么用呢。" * 2
    )
    chunks = _ramped(text, Ramp(2.0, 1.3), CutRules("zh", 100, 10))
    assert len(chunks) > 2
    assert all(chunk.text[-1] in "，。" for chunk in chunks)
    assert "".join(chunk.text for chunk in chunks) == text


@settings(max_examples=200, deadline=None)
@given(
    text=st.lists(st.sampled_from(WORDS), max_size=80).map(" ".join),
    first_s=st.floats(0.1, 8.0),
    growth=st.floats(1.01, 4.0),
    cap=st.integers(20, 250),
)  # fmt: skip
def test_nothing_is_lost_and_no_word_is_cut(text: str, first_s: float, growth: float, cap: int) -> None:
    rules = CutRules("en", cap, 40)
    chunks = _ramped(text, Ramp(first_s, growth), rules)
    assert " ".join(chunk.text for chunk in chunks).split() == text.split()
    assert max((len(chunk.text) for chunk in chunks), default=0) <= cap


@settings(max_examples=100, deadline=None)
@given(
    cuts=st.lists(st.integers(0, len(PROSE)), max_size=20),
    ramp=st.sampled_from([Ramp(1.5, 1.3), Ramp(3.0, 2.0)]),
)
def test_a_text_that_comes_is_cut_as_the_whole_is(cuts: list[int], ramp: Ramp) -> None:
    def coming() -> list[Chunk]:
        cutter = LiveCutter(RULES, Pauses())
        chunks = []
        for start, end in pairwise([0, *sorted(cuts), len(PROSE)]):
            chunks += cutter.feed(PROSE[start:end])
        return [*chunks, *cutter.finish()]

    whole = cut([Block(PROSE)], RULES, live=True)
    assert list(ramp.shorten(coming(), RULES)) == list(ramp.shorten(whole, RULES))


def _cost(off: list[float], rtf: float, job: ChunkJob) -> float:
    return len(job.text) / 15.0 * rtf * off[job.index]


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize(
    "slow", [(1.0,), (1.0, 2.0, 3.0, 4.0), (1.0, 1.32, 1.53, 1.73), (1.0, 1.05, 1.1, 1.15)]
)
@pytest.mark.parametrize("rtf", [0.25, 0.6])
def test_a_listener_hardly_ever_waits_twice(slow: tuple[float, ...], rtf: float) -> None:
    """Of 30 texts whose costs are off by -20 to +25 %: the 95th percentile of the stalls of a text."""
    profile = Profile(
        "made", 24_000, ("cuda",), slots=len(slow), slowdown=slow, rtf=rtf, chars_per_s=15.0
    )  # fmt: skip
    stalls, firsts, plain = [], [], []
    for seed in range(30):
        rng = random.Random(seed)
        sentences = rng.choices(PROSE.strip(" ").split(". "), k=30)
        text = ". ".join(sentences) + "."
        for ramp in (Ramp(1.5, 1.3), None):
            whole = cut([Block(text)], RULES)
            chunks = list(whole if ramp is None else ramp.shorten(whole, RULES))
            jobs = [
                ChunkJob("s", index, chunk.text, pause_s=chunk.pause_s) for index, chunk in enumerate(chunks)
            ]
            off = [rng.uniform(0.8, 1.25) for _ in jobs]
            costs = CostModel(
                cost=partial(_cost, off, rtf),
                audio=lambda job: len(job.text) / 15.0,
                slow=profile.slow,
            )
            scheduler = Scheduler(Adaptive(), [Device("cuda:0", "cuda")], profile)
            played = Playback()
            for _, index, at_s, audio_s in Simulator(scheduler, costs).run({"s": jobs}, live=True).arrivals:
                played.arrived(audio_s, at_s)
                played.paused(jobs[index].pause_s)
            assert played.first_audio_s is not None
            if ramp is None:
                plain.append(played.first_audio_s)
            else:
                stalls.append(played.stall_s)
                firsts.append(played.first_audio_s)
    assert quantiles(stalls, n=20)[18] <= 0.1
    assert sum(firsts) < 0.5 * sum(plain)
