"""Each rule for policies is kept by a good one, and catches those that break it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from itertools import repeat
from typing import Any

import pytest

from tests.conftest import untraced
from tests.testing.policies.good import Good, subject_of
from tests.testing.policies.mutants import BROKEN
from ttsflow import Device, Policy, Profile, View, WorkerSpec
from ttsflow.testing.policies import GROUPS, RULES, PolicySubject

BY_NAME = {rule.name: rule for rule in RULES}

FIRST = dict(reversed(BROKEN))
"""a policy for each rule: while it is judged, coverage is measured"""

IN_PROCESSES = {"repeats-elsewhere"}
"""rules that only a process of its own shows to be broken: tests/cli/test_check.py"""


@pytest.fixture(scope="module")
def good() -> PolicySubject:
    return subject_of(Good)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_good_policy_keeps_the_rule(name: str, good: PolicySubject) -> None:
    verdict = BY_NAME[name].judge(good)
    assert verdict.result == ("does not apply" if name in IN_PROCESSES else "kept"), str(verdict)


@pytest.mark.parametrize(("name", "policy"), BROKEN, ids=[cls.__name__ for _, cls in BROKEN])
def test_a_broken_policy_is_caught(name: str, policy: type[Policy]) -> None:
    with nullcontext() if policy is FIRST[name] else untraced():
        verdict = BY_NAME[name].judge(subject_of(policy))
    assert verdict.result == "broken", str(verdict)
    assert verdict.seen


class Endless(Good):
    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        return repeat(WorkerSpec(devices[0]))


class Raises(Good):
    def dispatch(self, view: View) -> Any:
        raise ValueError("not today")


@pytest.mark.parametrize("policy", [Endless, Raises])
@pytest.mark.parametrize("name", [rule.name for rule in GROUPS["decisions"] if rule.name != "lanes-quickly"])
def test_what_no_decision_shows_is_not_reached(name: str, policy: type[Policy]) -> None:
    with untraced():
        verdict = BY_NAME[name].judge(subject_of(policy))
    assert verdict.result == "not reached", str(verdict)
    assert "see the rule `delivers`: " in verdict.seen[0]


def test_each_rule_has_a_policy_that_breaks_it() -> None:
    caught = Counter(name for name, _ in BROKEN)
    assert set(BY_NAME) == {*caught, *IN_PROCESSES}
    assert caught.total() >= 60
