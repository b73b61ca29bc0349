"""Timers against a model that looks at all of them every time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ttsflow.scheduler.timers import Due, Timers

TIMES = st.integers(0, 40).map(float)
DUES = st.builds(Due, st.sampled_from(["chunk", "idle", "load"]), st.integers(0, 3))


class Model(RuleBasedStateMachine):
    """A dictionary of times."""

    def __init__(self) -> None:
        super().__init__()
        self.timers = Timers()
        self.times: dict[Due, float] = {}

    @rule(due=DUES, when=TIMES)
    def set(self, due: Due, when: float) -> None:
        self.timers.set(due, when)
        self.times[due] = when

    @rule(due=DUES)
    def clear(self, due: Due) -> None:
        self.timers.clear(due)
        self.times.pop(due, None)

    @rule(now=TIMES)
    def fire(self, now: float) -> None:
        fired = list(self.timers.due(now))
        assert sorted(fired) == sorted(due for due, when in self.times.items() if when <= now)
        assert [self.times[due] for due in fired] == sorted(self.times[due] for due in fired)
        for due in fired:
            del self.times[due]

    @rule(now=TIMES, changes=st.lists(st.tuples(DUES, st.none() | TIMES), max_size=5))
    def fire_while_they_change(self, now: float, changes: list[tuple[Due, float | None]]) -> None:
        """Each that is due may set and clear others; later ones only, or it would not end."""
        left = iter(changes)
        for due in self.timers.due(now):
            assert self.times.pop(due) <= now
            change = next(left, None)
            if change is not None and change[1] is None:
                self.clear(change[0])
            elif change is not None and change[1] is not None:
                self.set(change[0], now + 1.0 + change[1])
        assert all(when > now for when in self.times.values())

    @invariant()
    def the_next_is_the_earliest(self) -> None:
        assert self.timers.next() == min(self.times.values(), default=None)


TestTimers = Model.TestCase


@given(puts=st.lists(TIMES, min_size=1, max_size=50))
def test_one_that_is_put_off_again_and_again_is_due_once(puts: list[float]) -> None:
    timers = Timers()
    for when in puts:
        timers.set(Due("idle", 1), when)
    assert list(timers.due(1e9)) == [Due("idle", 1)]
    assert timers.next() is None
