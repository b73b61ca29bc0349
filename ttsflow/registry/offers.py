"""Asking one plugin's hooks for its policies and backends, and checking the answers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import pluggy

from ttsflow.errors import known_names
from ttsflow.interface import hookspecs
from ttsflow.interface.backend import Backend
from ttsflow.interface.options import PluginOptions
from ttsflow.interface.policy import Policy
from ttsflow.registry.providers import Provider

_HOOKS: dict[str, type[Policy] | type[Backend]] = {"ttsflow_policies": Policy, "ttsflow_backends": Backend}
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

C = TypeVar("C", Policy, Backend)


class Unfit(Exception):
    """A plugin cannot be used. The message says why."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The classes that a plugin's hooks return."""

    policies: tuple[type[Policy], ...]
    backends: tuple[type[Backend], ...]


def offer_of(provider: Provider) -> Offer:
    """Import a plugin and call its hooks. Raises Unfit for any error in the plugin's code."""
    try:
        plugin = provider.load()
    except (Exception, SystemExit) as error:  # a plugin's module may do anything when it is imported
        raise Unfit(f"it cannot be imported: {provider.explain(error)}") from error
    # One manager per plugin: pluggy calls all plugins of a manager together, and a plugin that raises
    # would hide the answers of the others.
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin, provider.name)
    except Exception as error:  # pluggy checks signatures, and reads attributes, which may raise anything
        raise Unfit(f"it cannot be registered: {' '.join(str(error).split())}") from error
    _check_hook_names(manager, plugin)
    return Offer(
        policies=_ask(manager, "ttsflow_policies", Policy, provider),
        backends=_ask(manager, "ttsflow_backends", Backend, provider),
    )


def _check_hook_names(manager: pluggy.PluginManager, plugin: object) -> None:
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        unknown = [caller.name for caller in manager.get_hookcallers(plugin) or () if not caller.has_spec()]
        known = "; ".join(f"hook {name!r} does not exist, {known_names(name, _HOOKS)}" for name in unknown)
        raise Unfit(known) from error
    if not manager.get_hookcallers(plugin):
        bare = [name for name in _HOOKS if callable(getattr(plugin, name, None))]
        why = (
            f"{bare[0]} is not marked with @ttsflow.hookimpl"
            if bare
            else f"it has none of {', '.join(_HOOKS)}"
        )
        raise Unfit(f"it implements no hook: {why}")


def _ask(manager: pluggy.PluginManager, hook: str, base: type[C], provider: Provider) -> tuple[type[C], ...]:
    caller = getattr(manager.hook, hook)
    try:
        answers = [_listed(hook, answer) for answer in caller()]
    except (Exception, SystemExit) as error:  # a hook is the plugin's code and may do anything
        if isinstance(error, Unfit):
            raise
        raise Unfit(f"{hook} raised {provider.explain(error)}") from error
    if caller.get_hookimpls() and not answers:
        raise Unfit(f"{hook} returned None; it must return a list of classes")
    return tuple(_checked(hook, item, base) for answer in answers for item in answer)


def _listed(hook: str, answer: object) -> list[object]:
    if isinstance(answer, str) or not isinstance(answer, Iterable):
        raise Unfit(f"{hook} returned {answer!r}; it must return a list of classes")
    return list(answer)


def _checked(hook: str, cls: Any, base: type[C]) -> type[C]:
    if not isinstance(cls, type):
        raise Unfit(f"{hook} returned {cls!r}, which is not a class")
    if not issubclass(cls, base):
        other = next((name for name, kind in _HOOKS.items() if issubclass(cls, kind)), None)
        hint = f"; it belongs in {other}" if other else ""
        raise Unfit(f"class {cls.__name__} is not a subclass of ttsflow.{base.__name__}{hint}")
    name = getattr(cls, "name", None)
    if not isinstance(name, str):
        raise Unfit(f'class {cls.__name__} has no name; give it one: name = "..."')
    if not _NAME.fullmatch(name):
        raise Unfit(
            f"class {cls.__name__} has the name {name!r};"
            " a name is made of lower-case letters, digits, - and _, at most 64 of them"
        )
    if not (isinstance(cls.Options, type) and issubclass(cls.Options, PluginOptions)):
        raise Unfit(f"{cls.__name__}.Options is not a subclass of ttsflow.PluginOptions")
    if inspect.isabstract(cls):
        raise Unfit(f"class {cls.__name__} does not implement {', '.join(sorted(cls.__abstractmethods__))}")
    if issubclass(cls, Backend) and cls.synthesize is Backend.synthesize and cls.step is Backend.step:
        raise Unfit(f"class {cls.__name__} implements neither synthesize nor start, step and cancel")
    return cls
