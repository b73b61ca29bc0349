"""Chooses the policy and the backend of a run, and checks their options against the plugins' own models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from ttsflow.config.layers import absolute
from ttsflow.config.model import Situation
from ttsflow.config.policyfiles import is_path
from ttsflow.config.settings import Settings
from ttsflow.errors import BackendUnavailable, ConfigError, PluginError, UsageError
from ttsflow.interface.backend import Backend
from ttsflow.interface.observing import RunObserver
from ttsflow.interface.options import PluginOptions
from ttsflow.interface.policy import Policy
from ttsflow.interface.textrule import TextRule
from ttsflow.interface.validation import KeyPath
from ttsflow.registry import Boundary, Plugin, Registry, check_voice, describe, made, missing
from ttsflow.text.languages import nearest, tag_named


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    """A policy with its options; `decided_by` is the file, and the rule in it, that chose it."""

    plugin: Plugin[Policy]
    options: PluginOptions
    decided_by: str

    def make(self) -> Policy:
        """A fresh policy. Raises PluginError where it cannot be made."""
        return made(self.plugin, self.options)

    def make_here(self) -> Policy:
        """As `make`, for whoever watches by himself whether it comes back: on the caller's thread."""
        return made(replace(self.plugin, boundary=Boundary(None)), self.options)


@dataclass(frozen=True, slots=True)
class BackendChoice:
    """A backend with its options; `fallback` says, in one line, that it replaces the first choice."""

    plugin: Plugin[Backend]
    options: PluginOptions
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class TextRuleChoice:
    """A text rule with its options; `language` is the only one for whose text it is asked, None for all."""

    plugin: Plugin[TextRule]
    options: PluginOptions
    language: str | None = None


@dataclass(frozen=True, slots=True)
class ObserverChoice:
    """An observer with its options."""

    plugin: Plugin[RunObserver]
    options: PluginOptions


def resolve_text_rules(settings: Settings, registry: Registry) -> tuple[TextRuleChoice, ...]:
    """The text rules that are named. Raises UnknownNameError, ConfigError, PluginError."""
    choices = []
    for index, section in enumerate(settings.config.text.rules):
        at: KeyPath = ("text", "rules", index)
        plugin = registry.text_rule(section.use, hint=f"It is named at {settings.where((*at, 'use'))}")
        options = _options(plugin, section.options, settings, (*at, "options"))
        choices.append(TextRuleChoice(plugin, options, section.language))
    return tuple(choices)


def resolve_observers(settings: Settings, registry: Registry) -> tuple[ObserverChoice, ...]:
    """The observers that are named. Raises UnknownNameError, ConfigError, PluginError."""
    choices = []
    for index, section in enumerate(settings.config.observers):
        at: KeyPath = ("observers", index)
        plugin = registry.observer(section.use, hint=f"It is named at {settings.where((*at, 'use'))}")
        choices.append(ObserverChoice(plugin, _options(plugin, section.options, settings, (*at, "options"))))
    return tuple(choices)


def resolve_policy(settings: Settings, registry: Registry, here: Situation) -> PolicyChoice:
    """The policy of a run in this situation.

    Raises ConfigError if no rule holds or an option is wrong, UnknownNameError, PluginError.
    """
    section = settings.config.policy
    if section.use is not None:
        origin = settings.origin(("policy", "use"))
        file = origin is not None and origin.line is not None
        decided_by = origin.source if origin is not None and file else f"{origin}: plugin {section.use}"
        return _policy(settings, registry, ("policy",), section.use, section.options, decided_by)
    for index, rule in enumerate(section.rules or ()):
        if rule.when is None or rule.when.holds(here):
            at: KeyPath = ("policy", "rules", index)
            origin = settings.origin(at)
            decided_by = f"{origin.source if origin else 'rules'}, rule {index + 1}: {here}"
            return _policy(settings, registry, at, rule.use, rule.options, decided_by)
    where = settings.where(("policy", "rules"))
    raise ConfigError(f"{where}: no rule holds for {here}; end policy.rules with a rule that has no `when`")


def check_policies(settings: Settings, registry: Registry) -> None:
    """Check every policy that is named, chosen or not. Raises the same errors as `resolve_policy`."""
    section = settings.config.policy
    if section.use is not None:
        _policy(settings, registry, ("policy",), section.use, section.options, "")
    for index, rule in enumerate(section.rules or ()):
        _policy(settings, registry, ("policy", "rules", index), rule.use, rule.options, "")


def check_backends(settings: Settings, registry: Registry) -> None:
    """Check that every named backend is known, and check the options, which belong to the first backend.

    Raises UnknownNameError, PluginError, ConfigError. The backends need not be installed.
    """
    plugins = [_backend(settings, registry, name) for name in _names(settings)]
    _options(plugins[0], settings.config.backend.options, settings, ("backend", "options"))


def resolve_backend(
    settings: Settings, registry: Registry, *, fallback_allowed: bool, to_speak: bool = True
) -> BackendChoice:
    """The backend of a run: the one named, or the first of a list that is installed and speaks the language.

    Another than the first stands in only if `fallback_allowed` and nothing was asked for that may be
    meant for the first alone: reference audio, options, a voice that the other does not have. What is
    installed and cannot be used is no reason to fall back; that shows later, as an error. Where it is not
    `to_speak` but to be planned with, a backend that is named alone need not be installed. Raises
    BackendUnavailable where no backend can speak, ConfigError where an option is wrong, UnknownNameError,
    PluginError.
    """
    names = _names(settings)
    language = settings.config.text.language
    passed_over: dict[str, _PassedOver] = {}
    for name in names:
        plugin = _backend(settings, registry, name)
        command = missing(plugin) if to_speak or len(names) > 1 else None
        if command is not None:
            passed_over[name] = _PassedOver("is not installed", command)
            continue
        given = settings.config.backend.options if name == names[0] else {}
        options = _options(plugin, given, settings, ("backend", "options"))
        if len(names) > 1 and not _speaks(plugin, options, language):
            passed_over[name] = _PassedOver(f"does not speak {language!r}")
            continue
        if passed_over:
            asked = _asked_for(settings, plugin, options)
            _check_fallback(settings, passed_over[names[0]], name, asked, allowed=fallback_allowed)
        return BackendChoice(plugin, options, _fallback(passed_over, name))
    raise BackendUnavailable(_none_left(settings, registry, passed_over))


@dataclass(frozen=True, slots=True)
class _PassedOver:
    """Why a backend of a list does not speak; `install` is the command that would help."""

    why: str
    install: str | None = None


def _speaks(plugin: Plugin[Backend], options: PluginOptions, language: str) -> bool:
    languages = describe(plugin, options).languages
    return languages is None or nearest(language, languages) is not None


def _check_fallback(
    settings: Settings, first: _PassedOver, name: str, asked: str | None, *, allowed: bool
) -> None:
    """Raise BackendUnavailable where no other backend than the first may speak."""
    if allowed and not asked:
        return
    reason = f", and {asked} may be meant for it alone" if asked else ""
    install = f". Install it with: {first.install} - or choose" if first.install else ". Choose"
    raise BackendUnavailable(
        f"backend {_names(settings)[0]!r} {first.why}{reason}{install} `backend.use: {name}`"
    )


def _fallback(passed_over: Mapping[str, _PassedOver], name: str) -> str | None:
    """The notice that a backend stands in for the ones before it."""
    if not passed_over:
        return None
    return f"backend {name!r} speaks: {', '.join(_reasons(passed_over))}"


def _reasons(passed_over: Mapping[str, _PassedOver]) -> list[str]:
    return [
        f"{name!r} {passed.why}" + (f" (to install it: {passed.install})" if passed.install else "")
        for name, passed in passed_over.items()
    ]


def _policy(
    settings: Settings,
    registry: Registry,
    at: KeyPath,
    name: str,
    options: dict[str, object],
    decided_by: str,
) -> PolicyChoice:
    files = settings.policy_files.names()
    origin = settings.origin((*at, "use"))
    by_flag = origin is not None and origin.line is None
    if name in files:
        hint = f"{settings.where((*at, 'use'))} names a policy file; use takes a policy: give --policy {name}"
    elif by_flag and not is_path(name) and Path(f"{name}.yaml").exists():
        hint = f"A file of the current folder must be given as a path: ./{name}.yaml"
    else:
        hint = f"It is named at {settings.where((*at, 'use'))}"
    plugin = registry.policy(name, also_known=files if by_flag and name not in files else (), hint=hint)
    return PolicyChoice(plugin, _options(plugin, options, settings, (*at, "options")), decided_by)


def _options(
    plugin: Plugin[Any], given: Mapping[str, object], settings: Settings, at: KeyPath
) -> PluginOptions:
    """The options as the plugin's own model has them; a path starts from the file that names it."""
    anchored = _anchored(given, plugin.cls.Options, settings, at)
    return plugin.options(anchored, settings.where, at)


def _anchored(value: Any, annotation: Any, settings: Settings, at: KeyPath) -> Any:
    """A value of options, in which each path starts from the file that says it; `annotation` is its type."""
    if isinstance(value, Mapping):
        return {
            key: _anchored(item, _item(annotation, key), settings, (*at, key)) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_anchored(item, annotation, settings, (*at, index)) for index, item in enumerate(value)]
    types, origin = set(_types(annotation)), settings.origin(at)
    is_path = Path in types and str not in types
    return absolute(value, origin.folder) if is_path and origin is not None else value


def _item(annotation: Any, key: str) -> Any:
    """The type of what a mapping of this type has under a key: a model's field, or what a dict holds."""
    for part in _types(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel) and key in part.model_fields:
            return part.model_fields[key].annotation
        if get_origin(part) in (dict, Mapping) and get_args(part):
            return get_args(part)[1]
    return None


def _types(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from _types(part)


def _names(settings: Settings) -> tuple[str, ...]:
    use = settings.config.backend.use
    return (use,) if isinstance(use, str) else use


def _backend(settings: Settings, registry: Registry, name: str) -> Plugin[Backend]:
    return registry.backend(name, hint=f"It is named at {settings.where(('backend', 'use'))}")


def _none_left(settings: Settings, registry: Registry, passed_over: Mapping[str, _PassedOver]) -> str:
    if len(passed_over) == 1:
        [(name, only)] = passed_over.items()
        where = settings.where(("backend", "use"))
        return f"{where}: backend {name!r} {only.why}. Install it with: {only.install}"
    if all(passed.install for passed in passed_over.values()):
        commands = "\n".join(f"  {name}: {passed.install}" for name, passed in passed_over.items())
        return f"no backend is installed. Install one of them:\n{commands}"
    language = settings.config.text.language
    speaking, lacking = _others(registry, passed_over, language)
    if (tag := tag_named(language)) is not None:
        return f"unknown language {language!r}; did you mean {tag!r}?"
    lines = [f"no backend can speak {language!r}:", *(f"  {reason}" for reason in _reasons(passed_over))]
    if speaking:
        lines.append(f"{' and '.join(map(repr, speaking))} can: choose `backend.use: {speaking[0]}`")
    elif lacking and not any(passed.install for passed in passed_over.values()):
        lines += ["others may be able to:", *(f"  {reason}" for reason in _reasons(lacking))]
    return "\n".join(lines)


def _others(
    registry: Registry, passed_over: Mapping[str, _PassedOver], language: str
) -> tuple[list[str], dict[str, _PassedOver]]:
    """The installed backends beside these that name the language, and those that are not installed."""
    speaking: list[str] = []
    lacking: dict[str, _PassedOver] = {}
    for plugin in registry.backends():
        if plugin.name in passed_over:
            continue
        try:
            command = missing(plugin)
            if command is not None:
                lacking[plugin.name] = _PassedOver("is not installed", command)
            elif nearest(language, describe(plugin, plugin.options({})).languages or ()):
                speaking.append(plugin.name)
        except UsageError:  # nobody has asked for this plugin
            continue
    return speaking, lacking


def _has_voice(plugin: Plugin[Backend], options: PluginOptions, voice: str) -> bool:
    try:
        check_voice(plugin, voice, options)
    except PluginError:
        raise
    except UsageError:
        return False
    return True


def _asked_for(settings: Settings, plugin: Plugin[Backend], options: PluginOptions) -> str | None:
    """A setting that the user asked for and that perhaps only the first backend supports; None if none.

    A voice that the backend `plugin` has is for this one as well.
    """
    config = settings.config
    for value, what, path in (
        (config.text.voice, "the voice", ("text", "voice")),
        (config.text.reference, "the reference audio", ("text", "reference")),
        (config.backend.options, "the options", ("backend", "options")),
    ):
        if value and not (what == "the voice" and _has_voice(plugin, options, str(value))):
            return f"{what} ({settings.where(path)})"
    return None
