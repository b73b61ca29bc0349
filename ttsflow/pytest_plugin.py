"""For pytest, which finds it by its entry point: the fixture `check` of tests that `ttsflow.testing` makes.

Nothing of ttsflow is imported before such a test runs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ttsflow.testing.marks import Case, Checked


@pytest.fixture(scope="session")
def _ttsflow_subjects() -> dict[Checked[Any], Any]:
    """What the rules look at, by the plugin under test."""
    return {}


class _Check:
    """Checks the rule of a case, when it is called."""

    def __init__(self, case: Case[Any], subjects: dict[Checked[Any], Any]) -> None:
        self._case, self._subjects = case, subjects
        self.called = False

    def __call__(self) -> None:
        from ttsflow.errors import TtsflowError
        from ttsflow.testing.marks import RuleBroken

        self.called = True
        checked = self._case.checked
        try:
            if checked not in self._subjects:
                self._subjects[checked] = checked.make()
            verdict, expected = self._case.judge(self._subjects[checked])
        except (RuleBroken, TtsflowError) as error:
            pytest.fail(str(error), pytrace=False)
        if expected is not None:
            pytest.xfail(expected)
        if verdict.result == "does not apply":
            pytest.skip(verdict.notes[0])


@pytest.fixture
def check(request: pytest.FixtureRequest, _ttsflow_subjects: dict[Checked[Any], Any]) -> Callable[[], None]:
    """Checks the rule that this test is about. The decorators of `ttsflow.testing` make such tests."""
    case: Case[Any] | None = getattr(request, "param", None)
    if case is None:
        pytest.fail("a test with `check` needs @backend_checks(...) or @policy_checks(...)", pytrace=False)
    return _Check(case, _ttsflow_subjects)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A test that takes `check` and comes to its end without a call of it has checked nothing: it fails."""
    result = yield
    given = pyfuncitem.funcargs.get("check")
    if isinstance(given, _Check) and not given.called:
        pytest.fail("nothing was checked: a test with `check` must call it, `check()`", pytrace=False)
    return result
