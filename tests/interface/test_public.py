"""The public interface is kept: it is compared with that of the last release, `released.txt`.

At a release: python -m tests.interface.public > tests/interface/released.txt
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ttsflow
from tests.interface.public import breaks, interface
from ttsflow.registry.api import misfit

RELEASED = (Path(__file__).parent / "released.txt").read_text(encoding="utf-8")


def version(stub: str) -> tuple[int, int]:
    line = next(line for line in stub.splitlines() if line.startswith("API_VERSION"))
    first, second = ast.literal_eval(line.partition("=")[2].strip())
    return first, second


def names(stub: str) -> set[str]:
    return {line.split("(")[0] for line in stub.splitlines() if line.startswith(("class ", "def "))}


@pytest.fixture(scope="module")
def now() -> str:
    return interface()


def test_what_worked_with_the_last_release_works_unless_a_break_is_announced(now: str) -> None:
    if version(now)[0] == version(RELEASED)[0]:
        assert breaks(RELEASED, now) == [], "raise API_VERSION[0], and tell it in registry/api.py"


def test_what_was_added_is_told(now: str) -> None:
    assert version(now) == ttsflow.API_VERSION
    added = names(now) - names(RELEASED)
    assert not added or version(now) > version(RELEASED), f"raise API_VERSION for {sorted(added)}"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("class Costs(", "class Coasts(", "Costs"),
        ("    def lane(job: ChunkJob) -> Hashable: ...\n", "", "Policy.lane"),
        ("def place(devices: Sequence[Device], profile: Profile)", "def place()", "Policy.place"),
        ("def close(*, now: bool = False)", "def close(*, now: bool)", "close(now)"),
        ("class PolicyError(RunError)", "class PolicyError()", "PolicyError"),
    ],
    ids=["a name", "a method", "a parameter", "a default", "a base"],
)  # fmt: skip
def test_each_kind_of_break_is_noticed(now: str, old: str, new: str, says: str) -> None:
    assert old in now
    assert any(says in told for told in breaks(now, now.replace(old, new)))


@pytest.mark.parametrize(
    ("written_for", "ours", "says"),
    [
        (None, (1, 1), None),
        ((1, 0), (1, 1), None),
        ((1, 1), (1, 1), None),
        ((2, 3), (2, 3), None),
        ((1, 2), (1, 1), "version 1.2 of the interface, and this ttsflow has 1.1: install a later ttsflow"),
        ((2, 0), (1, 9), "version 2.0 of the interface, and this ttsflow has 1.9: install a later ttsflow"),
        ((1, 4), (3, 0), "this ttsflow has 3.0. In 2.0 `a` became `b`. In 3.0 `c` went: use `d`."),
        ("1.0", (1, 1), "its TTSFLOW_API is '1.0'; the rule: two whole numbers, such as (1, 1)"),
        ((1, 0, 0), (1, 1), "its TTSFLOW_API is (1, 0, 0); the rule"),
        ((0, 9), (1, 1), "its TTSFLOW_API is (0, 9); the rule"),
    ],
)
def test_a_plugin_for_another_version_works_or_is_told_what_to_mend(
    written_for: object, ours: tuple[int, int], says: str | None
) -> None:
    changed = {2: "In 2.0 `a` became `b`.", 3: "In 3.0 `c` went: use `d`."}
    why = misfit(written_for, ours, changed)
    assert why is None if says is None else says in str(why)


def test_a_name_of_old_warns_and_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ttsflow._RENAMED, "Scheduling", ("Policy", "2.0"))
    with pytest.warns(DeprecationWarning, match=r"Scheduling is called ttsflow.Policy now; ttsflow 2.0"):
        assert ttsflow.Scheduling is ttsflow.Policy
