"""Rows share the tokens of one cache, and none waits for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow_plugins.xtts.ledger import PORTION, Ledger


@given(data=st.data(), tokens=st.integers(1, 400))
def test_rows_of_any_lengths_all_end(data: st.DataObject, tokens: int) -> None:
    """Rows join, grow by one or many tokens, leave early, or end at any length; the oldest never waits."""
    ledger = Ledger(tokens)
    lengths: dict[int, tuple[int, int]] = {}  # the oldest first: tokens now, and where it ends
    to_come = data.draw(st.integers(1, 12))
    joined = steps = 0
    while joined < to_come or lengths:
        if joined < to_come and (not lengths or data.draw(st.booleans())):
            most = data.draw(st.integers(1, tokens))
            ledger.join(joined, most)
            lengths[joined] = 0, data.draw(st.integers(1, most))
            joined += 1
        held = {}
        for age, (row, (length, end)) in enumerate(list(lengths.items())):
            got = ledger.grow(row, min(length + data.draw(st.integers(1, 70)), end))
            assert got is not None or age > 0, "the oldest never waits"
            if got is not None:
                held[row] = got
                lengths[row] = min(got, end), end
        assert sum(held.values()) <= tokens
        leaving = {row for row, (length, end) in lengths.items() if length == end}
        if len(lengths) > 1 and data.draw(st.integers(0, 9)) == 0:  # cancelled
            leaving.add(data.draw(st.sampled_from(sorted(lengths))))
        for row in leaving:
            ledger.leave(row)
            del lengths[row]
        steps += 1
        assert steps <= 12 * 400


def test_the_next_oldest_may_need_more_than_the_oldest() -> None:
    """What the oldest row needs is not all: it is short, and the next two would block each other."""
    ledger = Ledger(10 * PORTION)
    for row, most in enumerate((4, 10, 10)):
        ledger.join(row, most * PORTION)
    assert ledger.grow(1, 3 * PORTION)
    assert ledger.grow(2, PORTION) is None
    ledger.leave(0)
    assert ledger.grow(1, 10 * PORTION)
    assert ledger.grow(2, 1) is None
    ledger.leave(1)
    assert ledger.grow(2, 1) == PORTION


def test_a_row_that_could_never_end_is_not_taken() -> None:
    with pytest.raises(ValueError, match="101 tokens do not fit into a cache of 100"):
        Ledger(100).join("row", 101)
