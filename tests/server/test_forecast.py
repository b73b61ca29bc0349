"""How late requests will be that share the work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.server.forecast import Demand, ends, lateness

demands = st.lists(
    st.builds(
        Demand,
        st.sampled_from(["ann", "bob", "cem"]),
        st.floats(0.01, 100.0),
        st.floats(-10.0, 100.0),
    ),
    min_size=1,
    max_size=12,
)


def test_two_clients_share_equally_whatever_one_of_them_asks_for() -> None:
    many = [Demand("ann", 10.0, 0.0)] * 5
    assert ends([*many, Demand("bob", 10.0, 0.0)], gain=1.0)[-1] == pytest.approx(20.0)
    assert ends([Demand("ann", 10.0, 0.0)] * 2, gain=4.0) == pytest.approx([5.0, 5.0])


def test_what_is_left_of_one_goes_to_the_others() -> None:
    assert ends([Demand("ann", 1.0, 0.0), Demand("bob", 9.0, 0.0)], gain=1.0) == pytest.approx([2.0, 10.0])


def test_only_the_same_client_counts_as_late() -> None:
    others = [Demand("bob", 50.0, 0.0)]
    assert lateness(Demand("ann", 5.0, 10.0), others, gain=1.0, most_s=0.0) == pytest.approx(0.0)
    assert lateness(Demand("bob", 5.0, 10.0), others, gain=1.0, most_s=50.0) == pytest.approx(55.0)


@pytest.mark.parametrize("work_s", [0.0, 0.5])
def test_nobody_answers_for_what_is_late_already(work_s: float) -> None:
    """A text of which nothing has come, or whose client does not read, is later with each second."""
    others = [Demand("ann", work_s, -14.0)]
    assert lateness(Demand("ann", 1.0, 10.0), others, gain=1.0, most_s=3.0) < 0.0


def test_who_makes_another_late_is_late_itself() -> None:
    others = [Demand("ann", 5.0, 5.0)]
    assert lateness(Demand("ann", 3.0, 10.0), others, gain=1.0, most_s=1.0) == pytest.approx(3.0)


@given(demands, st.floats(0.1, 50.0))
def test_no_work_is_lost_and_nobody_idles(asked: list[Demand], gain: float) -> None:
    ended = ends(asked, gain)
    assert max(ended) == pytest.approx(sum(each.work_s for each in asked) / gain, rel=1e-6)
    assert all(end >= each.work_s / gain * (1 - 1e-6) for end, each in zip(ended, asked, strict=True))


@given(demands, st.floats(0.1, 50.0))
def test_one_more_makes_nobody_earlier(asked: list[Demand], gain: float) -> None:
    before, after = ends(asked[:-1], gain), ends(asked, gain)
    assert all(late >= early * (1 - 1e-6) for early, late in zip(before, after[:-1], strict=True))
