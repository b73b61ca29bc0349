"""Decorators that make a test of each rule, and what a test does: `ttsflow.pytest_plugin` runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ttsflow.errors import UnknownNameError
from ttsflow.registry import Plugin, Provider, Registry
from ttsflow.testing.rule import Rule, Verdict

if TYPE_CHECKING:
    from ttsflow.interface.backend import Backend
    from ttsflow.interface.options import PluginOptions
    from ttsflow.interface.policy import Policy
    from ttsflow.testing.backends import BackendSubject
    from ttsflow.testing.policies import PolicySubject

F = TypeVar("F", bound=Callable[..., object])
S = TypeVar("S")


class RuleBroken(AssertionError):
    """A plugin does not keep a rule. The message says the rule, what was seen, and where it is explained."""


@dataclass(frozen=True, eq=False)
class Checked(Generic[S]):
    """A plugin under test; `make` makes what the rules look at, once for all of its tests.

    `expected_failures` are the rules that it breaks, each with the reason.
    """

    make: Callable[[], S]
    expected_failures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case(Generic[S]):
    """One rule for one plugin: one test."""

    checked: Checked[S]
    rule: Rule[S]

    def judge(self, subject: S) -> tuple[Verdict, str | None]:
        """The verdict, and why it is expected to fail, if it is.

        Raises RuleBroken for a rule that is broken and not expected to be, for one that is kept although it
        is expected to be broken, and for one that is not reached: nothing is known of it.
        """
        verdict, expected = self.rule.judge(subject), self.checked.expected_failures.get(self.rule.name)
        broken = verdict.result == "broken"
        if verdict.result == "not reached" or (broken and expected is None):
            raise RuleBroken(str(verdict))
        if verdict.result == "kept" and expected is not None:
            raise RuleBroken(
                f"{self.rule.name} is kept after all, and expected_failures says {expected!r}: take it out"
            )
        return verdict, expected if broken else None


def backend_checks(
    backend: str | type[Backend],
    *,
    options: Mapping[str, object] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    plugins: Iterable[Path | str] = (),
    budget_s: float = 300.0,
) -> Callable[[F], F]:
    """Make a test of each rule for backends out of a test that takes `check`, and calls it.

        @backend_checks("hum", options={"pitch_hz": 110.0}, expected_failures={"seeds": "it has one voice"})
        def test_rule(check):
            check()

    `backend` is a name, looked up among the installed plugins and the files `plugins`, or a class in the
    module that has the hook. All of the tests together take `budget_s` seconds at most. Each key of
    `expected_failures` is the name of a rule; a rule that is kept after all fails. Raises UnknownNameError
    for a rule that does not exist.
    """
    from ttsflow.testing.backends import RULES, BackendSubject

    def make() -> BackendSubject:
        plugin = _backend(backend, Registry.load([Path(file) for file in plugins]))
        return BackendSubject(plugin, plugin.options(options or {}), budget_s=budget_s)

    return _tests(RULES, Checked(make, expected_failures or {}))


def policy_checks(
    policy: str | type[Policy],
    *,
    options: Mapping[str, object] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    plugins: Iterable[Path | str] = (),
) -> Callable[[F], F]:
    """Make a test of each rule for policies; all as for `backend_checks`.

    `check_policy` is another test, which runs through more worlds.
    """
    from ttsflow.testing.policies import RULES

    def make() -> PolicySubject:
        registry = Registry.load([Path(file) for file in plugins])
        plugin = _policy(policy, registry)
        return policy_subject(plugin, plugin.options(options or {}), registry)

    return _tests(RULES, Checked(make, expected_failures or {}))


def policy_subject(
    plugin: Plugin[Policy], options: PluginOptions, registry: Registry, **limits: float
) -> PolicySubject:
    """A policy that is checked beside the built-in ones of a registry, and in another process, within the
    limits of a PolicySubject."""
    from ttsflow.testing.policies import PolicySubject
    from ttsflow.testing.policies.elsewhere import decisions_elsewhere

    built_in = [each for each in registry.policies() if each.provider.kind == "built-in"]
    return PolicySubject(plugin, options, built_in, decisions_elsewhere, **limits)


def _tests(rules: Sequence[Rule[S]], checked: Checked[S]) -> Callable[[F], F]:
    import pytest

    names = [rule.name for rule in rules]
    for name in checked.expected_failures:
        if name not in names:
            raise UnknownNameError("rule", name, names)
    cases = [Case(checked, rule) for rule in rules]
    mark = pytest.mark.parametrize("check", cases, ids=names, indirect=True)
    return lambda function: mark(function)


def _backend(backend: str | type[Backend], registry: Registry) -> Plugin[Backend]:
    if isinstance(backend, str):
        return registry.backend(backend)
    known = (plugin for plugin in registry.backends() if plugin.cls is backend)
    return next(known, Plugin(backend.name, backend, _module_of(backend)))


def _policy(policy: str | type[Policy], registry: Registry) -> Plugin[Policy]:
    if isinstance(policy, str):
        return registry.policy(policy)
    known = (plugin for plugin in registry.policies() if plugin.cls is policy)
    return next(known, Plugin(policy.name, policy, _module_of(policy)))


def _module_of(cls: type[Any]) -> Provider:
    """A class that no installed plugin offers: of its module, which has the hook."""
    return Provider("package", f"class {cls.__qualname__}", cls.__module__)
