"""What pytest makes of the decorators: a test for each rule, which says what was seen."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testing.policies.good import Good
from ttsflow import UnknownNameError
from ttsflow.testing import RuleBroken, policy_checks
from ttsflow.testing.marks import Case, Checked
from ttsflow.testing.policies import RULES
from ttsflow.testing.rule import DoesNotApply, Note, NotReached, rule

TESTS = """
from ttsflow.testing import policy_checks

from tests.testing.policies.good import Good
from ttsflow import WorkerSpec

class Odd(Good):
    def place(self, devices, profile):
        return [WorkerSpec(devices[0], profile.slots + 1)]

@policy_checks(Odd, expected_failures={"places-slots": "one more for luck", "lanes": "not yet"})
def test_odd(check):
    check()

def test_without_a_decorator(check):
    check()

@policy_checks(Odd)
def test_that_forgets_to_check(check):
    check
"""


@rule("policies.md#the-contract")
def even(numbers: list[int]) -> list[str | Note]:
    """Numbers are even."""
    if not numbers:
        raise DoesNotApply("there are none")
    if None in numbers:
        raise NotReached("one is missing")
    odd: list[str | Note] = [f"{number} is odd" for number in numbers if number % 2]
    return [*odd, Note(f"{len(numbers)} numbers")]


def test_a_verdict_tells_the_rule_what_was_seen_and_where_it_is_explained() -> None:
    verdict = even.judge([1, 2, 3, 5, 7])
    assert str(verdict) == (
        "even is broken: Numbers are even.\n"
        "  seen: 1 is odd\n  seen: 3 is odd\n  seen: 5 is odd\n"
        "  explained in docs/policies.md#the-contract"
    )
    assert even.judge([2]).notes == ("1 numbers",)
    assert (even.judge([]).result, even.judge([]).notes) == ("does not apply", ("there are none",))
    assert even.judge([None]).result == "not reached"  # type: ignore[list-item]


def test_expected_failures_are_for_rules_that_are_broken() -> None:
    checked = Checked(list, {"even": "it will be mended"})
    verdict, why = Case(checked, even).judge([1])
    assert (verdict.result, why) == ("broken", "it will be mended")
    with pytest.raises(RuleBroken, match="even is kept after all, and expected_failures says 'it will be"):
        Case(checked, even).judge([2])
    with pytest.raises(RuleBroken, match="even is broken"):
        Case(Checked(list), even).judge([1])
    for one in (checked, Checked(list)):
        with pytest.raises(RuleBroken, match="even is not reached"):
            Case(one, even).judge([None])
    with pytest.raises(UnknownNameError, match="unknown rule 'lane'; did you mean 'lanes'"):
        policy_checks(Good, expected_failures={"lane": "a slip of the pen"})


def test_pytest_makes_a_test_of_each_rule(tmp_path: Path) -> None:
    (tmp_path / "test_odd.py").write_text(TESTS)
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "-p", "no:xdist",
            "-k", "places or lanes or without or forgets", "--rootdir", str(tmp_path), "-c", "/dev/null",
            str(tmp_path / "test_odd.py"),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    said = done.stdout
    results = {name: result for result, name in re.findall(r"^([A-Z]+) \S*::(\S+)", said, re.MULTILINE)}
    assert results["test_odd[places-few]"] == results["test_odd[places]"] == "PASSED"
    assert results["test_odd[places-slots]"] == "XFAIL"
    assert "test_odd[places-slots] - one more for luck" in said
    assert "lanes is kept after all, and expected_failures says 'not yet': take it out" in said
    assert "needs @backend_checks(...) or @policy_checks(...)" in said
    assert results["test_odd[lanes]"] == "FAILED"
    assert said.count("nothing was checked: a test with `check` must call it, `check()`") >= len(RULES)
    assert results["test_that_forgets_to_check[places]"] == "FAILED"
