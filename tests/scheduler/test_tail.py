"""What late parts cost, with and without second attempts, over many simulated worlds.

10,000 worlds: `python -m tests.benchmarks.tail`.
"""

from __future__ import annotations

import pytest

from tests.scheduler.tail import Played, p95, play

pytestmark = pytest.mark.usefixtures("quickly")

WORLDS = 100


def played(kind: str, hedge: float | None, live: bool) -> list[Played]:
    return [play(kind, seed, hedge, live=live) for seed in range(WORLDS)]


@pytest.mark.parametrize("live", [False, True])
def test_undisturbed_there_are_nearly_none_and_nothing_is_lost(live: bool) -> None:
    with_, without = played("undisturbed", None, live), played("undisturbed", 0.0, live)
    assert sum(one.hedged for one in with_) <= 0.01 * WORLDS
    for one, other in zip(with_, without, strict=True):
        assert one.makespan_s <= 1.02 * other.makespan_s


def check_what_is_late_is_sooner(with_: list[Played], without: list[Played]) -> None:
    """And hardly ever later."""
    ratios = [one.makespan_s / other.makespan_s for one, other in zip(with_, without, strict=True)]
    assert p95(ratios) <= 1.02
    assert max(ratios) <= 1.05
    assert sum(one.makespan_s for one in with_) < 0.99 * sum(other.makespan_s for other in without)


@pytest.mark.parametrize("kind", ["stragglers", "freeze"])
def test_a_file_with_what_is_late_is_sooner(kind: str) -> None:
    check_what_is_late_is_sooner(played(kind, None, False), played(kind, 0.0, False))


@pytest.mark.parametrize("kind", ["stragglers", "freeze", "slow device"])
def test_listeners_hear_what_is_late_sooner_and_wait_less(kind: str) -> None:
    with_, without = played(kind, None, True), played(kind, 0.0, True)
    if kind != "slow device":  # where all is late that is spoken there
        check_what_is_late_is_sooner(with_, without)
    if kind != "freeze":  # which is once in a text
        assert p95([one.wait_s for one in with_]) < 0.8 * p95([other.wait_s for other in without])
