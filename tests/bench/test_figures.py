"""From records that are made by hand to figures, and what is advised of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow import ChunkJob, Device, Profile, WorkerSpec, fill
from ttsflow.bench import Measured, advice, figures
from ttsflow.bench.advice import policy_of
from ttsflow.bench.arms import ALONE, Arm, ladder
from ttsflow.bench.choice import choose, taken
from ttsflow.bench.costs import entry_of
from ttsflow.bench.figures import Figures, curve, ratio, spread
from ttsflow.bench.load import Pass, Spoken
from ttsflow.bench.measurement import Round
from ttsflow.bench.ramp import advise_ramp, ramp_of
from ttsflow.config.model import Ramp
from ttsflow.profiles import Costs, profiled

WORK_S = (1.0, 2.0, 4.0)
MB = 1_000_000


def spoken(slower: float, memory_mb: int = 100) -> Pass:
    """A pass in which each chunk took so many times as long as alone; its first piece a quarter of that."""
    return Pass(
        tuple(
            Spoken(chunk, slower * work_s, slower * work_s / 4, work_s * 2)
            for chunk, work_s in enumerate(WORK_S)
        ),
        memory_mb * MB,
    )


def measured(
    slots: dict[int, Sequence[float]],
    workers: dict[int, Sequence[float]] | None = None,
    rounds: int = 5,
    both: dict[Arm, Sequence[float]] | None = None,
) -> Measured:
    """Measured on a machine that gets slower from round to round; s(k) by round for each number k."""
    arms = {Arm(1, k): values for k, values in slots.items()}
    arms |= {Arm(k, 1): values for k, values in (workers or {}).items()} | (both or {})
    passes = [
        Round(
            {ALONE: spoken(1.0 + number)}
            | {arm: spoken((1.0 + number) * values[number % len(values)]) for arm, values in arms.items()}
        )
        for number in range(rounds)
    ]
    texts = ("a" * 30, "b" * 60, "c" * 120)
    return Measured(
        Device("cpu", "cpu", "EPYC", cores=4),
        Profile("made", 24_000, slots=max([1, *slots])),
        jobs=[ChunkJob("bench", index, text) for index, text in enumerate(texts)],
        load_s=[2.0],
        climb={ALONE: spoken(1.0)} | {Arm(1, k): spoken(1.0, 100 + 10 * (k - 1)) for k in slots},
        rounds=passes,
        most_slots=max([1, *slots]),
    )


def costs_of(made: Measured) -> Costs:
    return entry_of(made, figures(made), "2030-01-02").costs


def placed(made: Measured) -> list[WorkerSpec]:
    """The workers of a run that starts from the profile file."""
    return list(fill([made.device], profiled(made.profile, costs_of(made))))


def noisy(
    truth: dict[int, float], rounds: int, noise: random.Random, sigma: float
) -> dict[int, Sequence[float]]:
    """s(k) by round, where each pass takes longer or shorter by chance, the one alone included."""
    alone = [noise.lognormvariate(0.0, sigma) for _ in range(rounds)]
    return {k: [slow * noise.lognormvariate(0.0, sigma) / one for one in alone] for k, slow in truth.items()}


def test_the_slow_down_is_found_however_the_machine_drifts() -> None:
    made = measured({2: [1.1], 3: [1.3], 4: [1.9]})
    found = figures(made)
    assert costs_of(made).slowdown == pytest.approx((1.0, 1.1, 1.3, 1.9))
    assert taken(found).arm == Arm(1, 3)
    assert [spread(one.gain.values()).median for one in found.slots] == pytest.approx(
        [1.0, 2 / 1.1, 3 / 1.3, 4 / 1.9]
    )


def test_what_chunks_cost_is_told_by_length() -> None:
    found = figures(measured({}, rounds=1))
    assert [one.name for one in found.lengths] == ["short", "middle", "long"]
    assert [one.work_s.median for one in found.lengths] == [1.0, 2.0, 4.0]
    assert [one.chars.median for one in found.lengths] == [30, 60, 120]
    assert found.rtf.median == pytest.approx(0.5)
    assert found.chars_per_s == pytest.approx(210 / 14)
    assert found.first_piece == pytest.approx(0.25)


def test_memory_is_a_worker_and_what_each_slot_adds() -> None:
    found = figures(measured({2: [1.1], 4: [1.9]}))
    assert (found.memory_mb, found.slot_memory_mb) == pytest.approx((90.0, 10.0))


def test_memory_that_shrinks_adds_nothing() -> None:
    shrunk = measured({2: [1.1]})
    shrunk.climb[Arm(1, 2)] = spoken(1.0, 50)
    found = figures(shrunk)
    assert (found.memory_mb, found.slot_memory_mb) == (100.0, 0.0)


def test_of_a_gpu_its_own_memory_counts() -> None:
    of_gpu = measured({2: [1.1]})
    of_gpu.device = Device("cuda:0", "cuda", "H100")
    of_gpu.before_bytes = 500 * MB
    of_gpu.taken_bytes = {ALONE: 2500 * MB, Arm(1, 2): 2700 * MB}
    found = figures(of_gpu)
    assert (found.memory_mb, found.slot_memory_mb) == (1800.0, 200.0)


def test_a_round_that_the_budget_cut_off_before_its_comparison_does_not_count() -> None:
    cut = measured({2: [1.1]})
    cut.rounds.append(Round({Arm(1, 2): spoken(9.0)}))
    assert figures(cut).rounds == 5
    assert costs_of(cut).slowdown == pytest.approx((1.0, 1.1))


def test_chunks_that_come_several_times_are_compared_with_themselves() -> None:
    shared = Pass((*spoken(1.5).spoken, spoken(1.5).spoken[0]))
    assert ratio(shared, spoken(1.0), lambda one: one.work_s) == pytest.approx(1.5)


@given(st.dictionaries(st.integers(1, 64), st.floats(0.1, 1e6), max_size=9))
def test_the_curve_begins_with_one_and_never_falls(known: dict[int, float]) -> None:
    slow = curve(known)
    assert slow[0] == 1.0
    assert len(slow) == max([1, *known])
    assert all(later >= earlier for earlier, later in pairwise(slow))
    for k, value in known.items():
        assert k == 1 or slow[k - 1] >= max(1.0, value)


@given(st.integers(1, 500))
def test_the_ladder_ends_with_the_most(most: int) -> None:
    steps = ladder(most)
    assert (steps[0], steps[-1]) == (1, most)
    assert steps == sorted(set(steps))


@given(st.lists(st.integers(1, 100), min_size=1, max_size=20))
def test_the_median_lies_in_the_spread(values: list[int]) -> None:
    found = spread(values)
    assert min(values) <= found.low <= found.median <= found.high <= max(values)


def test_what_is_written_is_what_was_measured() -> None:
    known = measured({2: [0.9], 4: [1.6]})
    entry = entry_of(known, figures(known), "2030-01-02")
    assert entry.costs.slowdown == (1.0, 1.0, 1.3, 1.6)
    assert entry.costs.workers == (1.0, 2.0, 3.0, 4.0)
    assert (entry.costs.slots, entry.costs.load_s, entry.costs.chars_per_s) == (4, 2.0, {"en": 15.0})
    assert (entry.backend, entry.device, entry.name) == ("made", "cpu", "EPYC")
    assert entry.source.startswith("ttsflow bench, 2030-01-02, ttsflow ")
    assert entry.source.endswith("3 chunks in 5 rounds")


# ---------------------------------------------------------------- what is advised


def test_slots_that_give_more_are_advised_with_what_they_cost() -> None:
    [said] = advice(figures(measured({2: [1.1], 3: [1.3], 4: [1.9]})), 1)
    assert said.startswith("one worker, 3 slots: 2.31 times the throughput")
    assert "30 % later" in said


def test_a_gain_within_the_spread_is_not_advised() -> None:
    found = figures(measured({2: [1.5, 2.1, 1.6, 2.2, 1.9]}))
    assert choose(found.slots).best.arm == ALONE
    [said] = advice(found, 1)
    assert "cannot be told" in said


def test_a_gain_that_was_measured_once_is_not_advised() -> None:
    found = figures(measured({2: [1.1]}, rounds=1))
    assert choose(found.slots).best.arm == ALONE
    assert any("too seldom" in said for said in advice(found, 1))


@pytest.mark.parametrize("rounds", [3, 5, 10])
def test_noise_alone_is_hardly_ever_advised(rounds: int) -> None:
    noise = random.Random(rounds)
    truth = {k: float(k) for k in ladder(8)[1:]}
    made = [
        measured(noisy(truth, rounds, noise, noise.uniform(0.03, 0.1)), rounds=rounds) for _ in range(200)
    ]
    advised = [one for one in made if choose(figures(one).slots).best.arm != ALONE]
    assert len(advised) <= 10
    for one in made:
        slots = choose(figures(one).slots).best.arm.slots
        assert profiled(one.profile, costs_of(one)).knee == slots, "runs with the file do not, either"


def test_a_gain_is_found_through_the_noise() -> None:
    noise = random.Random(1)
    for _ in range(50):
        made = measured(noisy({2: 2 / 1.3}, 5, noise, 0.03))
        assert taken(figures(made)).arm == Arm(1, 2)
        assert placed(made) == [WorkerSpec(made.device, 2)]


@pytest.mark.parametrize(
    "gains",
    [[0.98, 1.10, 1.12], [1.08, 1.10, 1.12], [0.98, 1.1, 1.12, 1.1, 1.11], [1.001, 1.4, 1.02, 1.03, 1.1]],
)
def test_a_gain_that_chance_may_have_made_is_not_advised(gains: list[float]) -> None:
    made = measured({2: [2 / gain for gain in gains]}, rounds=len(gains))
    assert choose(figures(made).slots).best.arm == ALONE
    [said] = advice(figures(made), 1)
    assert "to be sure" in said or "cannot be told" in said
    assert ("it takes 5; give more with --budget" in said) == (len(gains) < 5)


# ---------------------------------------------------------------- what runs make of the file


def test_what_cannot_be_told_is_not_done_with_the_file() -> None:
    unsure = [2 / gain for gain in (1.05, 0.95, 1.10, 0.99, 1.08)]
    made = measured({2: unsure}, {2: unsure})
    assert all("cannot be told" in said for said in advice(figures(made), 1))
    assert costs_of(made).slowdown == (1.0, 2.0)
    assert placed(made) == [WorkerSpec(made.device, 1)]


def test_both_are_taken_where_they_surely_give_more_than_either() -> None:
    both = Arm(2, 2)
    made = measured({2: [1.0]}, {2: [1.4]}, both={both: [1.5, 1.6, 1.5, 1.4, 1.5]})
    assert taken(figures(made)).arm == both
    assert placed(made) == [WorkerSpec(made.device, 2)] * 2
    assert costs_of(made).workers == pytest.approx((1.0, 1.5, 2.25, 3.0), rel=0.01)
    assert policy_of(figures(made), 4) is None
    said = advice(figures(made), 4)[-1]
    assert (
        said
        == "2 workers, 2 slots each: 1.33 times as much as 1 worker, 2 slots, with the memory of 2 workers"
    )
    made.device = Device("cuda:0", "cuda", "H100")
    assert placed(made) == [WorkerSpec(made.device, 2)] * 2, "on a GPU, too, where it was asked for"


def test_both_are_not_taken_where_chance_may_have_made_it() -> None:
    made = measured({2: [1.0]}, {2: [1.4]}, both={Arm(2, 2): [1.9, 2.1, 1.9, 2.2, 2.0]})
    assert placed(made) == [WorkerSpec(made.device, 2)]
    assert "no sure gain: runs have 1 worker, 2 slots" in advice(figures(made), 2)[-1]


def test_slots_and_workers_are_not_combined() -> None:
    made = measured({2: [1.0]}, {2: [1.4]})
    assert placed(made) == [WorkerSpec(made.device, 2)]
    made = measured({2: [1.4]}, {2: [1.0]})
    assert placed(made) == [WorkerSpec(made.device, 1)] * 2
    made = measured({2: [1.0, 1.4, 1.0, 1.4, 1.2]}, {2: [1.2, 1.0, 1.4, 1.1, 1.3]})
    assert placed(made) == [WorkerSpec(made.device, 2)]
    assert "1 worker, 2 slots" in advice(figures(made), 2)[-1].rpartition("runs have")[2]
    assert placed(measured({3: [1.1]})) == [WorkerSpec(made.device, 3)], "nor with workers not measured"


SERIES = st.lists(st.floats(0.5, 20.0), min_size=5, max_size=5)


@given(
    st.dictionaries(st.integers(2, 32), SERIES, max_size=6),
    st.dictionaries(st.integers(2, 4), SERIES, max_size=3),
)
def test_runs_with_the_file_do_what_was_chosen(
    slots: dict[int, Sequence[float]], workers: dict[int, Sequence[float]]
) -> None:
    made = measured(slots, workers)
    best = taken(figures(made)).arm
    if not workers and best == ALONE:
        return  # nothing is known of more workers
    assert placed(made) == [WorkerSpec(made.device, best.slots)] * best.workers
    for curve_ in (costs_of(made).slowdown, costs_of(made).workers):
        assert curve_ is not None
        assert all(later >= earlier for earlier, later in pairwise(curve_))


def test_slots_that_give_nothing_are_named() -> None:
    assert advice(figures(measured({2: [2.0]})), 1) == [
        "one worker, one slot: more chunks at a time in a worker gave nothing more"
    ]
    assert "too seldom" in advice(figures(measured({2: [2.0]}, rounds=2)), 1)[0]


def test_small_steps_add_up() -> None:
    gain = {2: 1.02, 3: 1.04, 4: 1.06}
    found = figures(measured({k: [k / times] for k, times in gain.items()}))
    assert choose(found.slots).best.arm.slots == 3


def test_workers_that_give_nothing_need_a_policy_that_leaves_them_out() -> None:
    found = figures(measured({}, {2: [2.1], 4: [4.3]}))
    assert "policies place 4 workers" in advice(found, 4)[1]
    assert policy_of(found, 4) == "policy: {use: bounded-parallel, options: {max_concurrent: 1}}"


@pytest.mark.parametrize(("slow", "rounds"), [([2.1], 2), ([2.1, 1.9, 2.1, 1.9, 2.1], 5)])
def test_no_policy_is_advised_where_workers_might_give_more(slow: list[float], rounds: int) -> None:
    assert policy_of(figures(measured({}, {2: slow}, rounds)), 4) is None


def test_as_many_workers_as_are_placed_anyway_need_no_policy() -> None:
    found = figures(measured({}, {2: [1.1]}))
    assert advice(found, 2)[0].startswith("2 workers, 1 slot each: 1.82 times")
    assert policy_of(found, 2) is None


def test_slots_and_workers_are_compared() -> None:
    found = figures(measured({2: [1.0]}, {2: [1.4]}))
    assert advice(found, 2)[-1].startswith("1 worker, 2 slots: 1.40 times as much as 2 workers")
    unsure = figures(measured({2: [1.0, 1.4, 1.0, 1.4, 1.2]}, {2: [1.2, 1.0, 1.4, 1.1, 1.3]}))
    assert "cannot be told" in advice(unsure, 2)[-1]


def test_one_worker_with_one_slot_has_nothing_to_compare() -> None:
    assert advice(figures(measured({})), 1) == ["one worker, one slot: nothing else was measured"]


def of_speed(rtf: float, first_piece: float = 1.0, long_s: float = 10.0) -> Figures:
    """Figures of an engine of that RTF, whose chunks have 2 s, 5 s and `long_s` of audio."""
    audio_s = (2.0, 5.0, long_s)
    one = Pass(
        tuple(
            Spoken(chunk, rtf * length, rtf * length * first_piece, length)
            for chunk, length in enumerate(audio_s)
        ),
        0,
    )
    made = measured({})
    made.rounds[:] = [Round({ALONE: one})] * 3
    return figures(made)


@pytest.mark.parametrize(
    ("rtf", "first_piece", "first_s", "growth"),
    [
        (0.25, 1.0, 2.0, 2.0),
        (0.6, 1.0, 1.0, 1.5),
        (0.6, 0.25, 3.0, 1.5),
        (0.8, 1.0, 1.0, 1.1),
        (1.3, 1.0, 1.0, 1.05),
    ],
)
def test_a_ramp_follows_from_what_was_measured(
    rtf: float, first_piece: float, first_s: float, growth: float
) -> None:
    found = of_speed(rtf, first_piece)
    ramp = ramp_of(found)
    assert ramp is not None
    assert (ramp.first_s, ramp.growth) == (first_s, growth)
    assert Ramp(first_s=ramp.first_s, growth=ramp.growth), "the configuration takes it"
    said = list(advise_ramp(found))
    assert any(str(ramp) in sentence for sentence in said)
    assert any("stalls are likely" in sentence for sentence in said) is (rtf > 0.9)


def test_no_ramp_where_even_long_chunks_are_heard_soon() -> None:
    assert ramp_of(of_speed(0.04)) is None
    assert list(advise_ramp(of_speed(0.04))) == []
