"""Each rule for backends is kept by a good one, and catches those that break it."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.testing.backends.good import Good, subject_of
from tests.testing.backends.mutants import BROKEN
from ttsflow.interface.backend import Backend
from ttsflow.registry import Registry
from ttsflow.testing.backends import RULES, BackendSubject, costs, foreground

BY_NAME = {rule.name: rule for rule in RULES}

IN_PROCESSES = {"survives", "ends"}
"""rules that only a process of its own shows to be broken: tests/cli/test_check.py"""

BY_LIMIT = {"memory", "loading"}
"""rules about amounts that no test should take"""


@pytest.fixture(scope="module")
def good() -> BackendSubject:
    return subject_of(Good)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_good_backend_keeps_the_rule(
    name: str, good: BackendSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = psutil.Process().memory_info().rss  # its worker is this process, which has run other tests
    monkeypatch.setattr(costs, "OFF_BYTES", costs.OFF_BYTES + mine)
    verdict = BY_NAME[name].judge(good)
    quick = {"streams", "slowdown"}  # too quick to tell
    assert verdict.result == ("does not apply" if name in quick else "kept"), str(verdict)


@pytest.mark.parametrize(("name", "backend"), BROKEN, ids=[cls.__name__ for _, cls in BROKEN])
def test_a_broken_backend_is_caught(
    name: str, backend: type[Backend], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("jax", "librosa"):
        (tmp_path / f"{module}.py").write_text("")
        monkeypatch.setitem(sys.modules, module, None)  # so that the real one, or none, is there afterwards
        del sys.modules[module]
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(costs, "crowding", lambda: 1.0)
    if name == "quick":
        monkeypatch.setattr(foreground, "QUICK_CPU_S", 0.2)
    verdict = BY_NAME[name].judge(subject_of(backend))
    assert verdict.result == "broken", str(verdict)
    assert verdict.seen


def test_amounts_beyond_the_limit_are_told(good: BackendSubject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "OFF_BYTES", 0)
    monkeypatch.setattr(costs, "PATIENT_S", 0.0)
    seen = [BY_NAME[name].judge(good).seen for name in sorted(BY_LIMIT)]
    assert "s without a word" in seen[0][0]
    assert "MB of the machine's memory, 0 MB in the profile" in seen[1][0]


def test_each_rule_has_a_backend_that_breaks_it() -> None:
    caught = Counter(name for name, _ in BROKEN)
    assert set(BY_NAME) == {*caught, *IN_PROCESSES, *BY_LIMIT}
    assert caught.total() >= 60


SLEEPER = '''
import time

import ttsflow


class Sleeper(ttsflow.Backend):
    """It never describes itself."""

    name = "sleeper"

    @classmethod
    def describe(cls, options):
        time.sleep(3600)

    def load(self, device): ...

    def synthesize(self, job): ...


@ttsflow.hookimpl
def ttsflow_backends():
    return [Sleeper]
'''


def test_a_class_method_that_hangs_takes_no_more_than_the_budget(tmp_path: Path) -> None:
    file = tmp_path / "sleeper.py"
    file.write_text(SLEEPER)
    plugin = Registry.load([file]).backend("sleeper")
    subject = BackendSubject(plugin, plugin.options({}), budget_s=0.5)
    first, second = subject.surveys
    assert first.ended is not None
    assert "which was left of the budget" in first.ended
    assert not second.calls
