"""Asking one plugin's hooks for its policies and backends, and checking the answers."""

from __future__ import annotations

import inspect
import re
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import pluggy

from ttsflow.errors import TtsflowError, known_names
from ttsflow.interface import hookspecs
from ttsflow.interface.audioencoder import AudioEncoder
from ttsflow.interface.backend import Backend
from ttsflow.interface.observing import RunObserver
from ttsflow.interface.options import PluginOptions
from ttsflow.interface.policy import Policy
from ttsflow.interface.textreader import TextReader
from ttsflow.interface.textrule import TextRule
from ttsflow.registry import api
from ttsflow.registry.boundary import Boundary, Misdeed, Raised, Stuck
from ttsflow.registry.providers import Provider

HOOKS: dict[str, type[Any]] = {
    "ttsflow_policies": Policy,
    "ttsflow_backends": Backend,
    "ttsflow_text_rules": TextRule,
    "ttsflow_observers": RunObserver,
    "ttsflow_readers": TextReader,
    "ttsflow_encoders": AudioEncoder,
}
"""the base of the classes that each hook gives"""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

Kind = Policy | Backend | TextRule | RunObserver | TextReader | AudioEncoder
"""what plugins offer classes of"""


T = TypeVar("T")

_OTHER_FILES = (".html", ".json", ".m3u8", ".part", ".ttsflow", ".yaml")
"""files that are beside audio, or that the program is given"""

GIVEN = ("text", "markdown", "html")
"""formats in which a reader may give its text"""

MOST_CLASSES = 1_000
"""that a hook may give: more is taken for something that has no end"""


class Unfit(Misdeed):
    """A plugin cannot be used. The message says why."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The classes that a plugin's hooks return."""

    classes: tuple[type[Kind], ...]

    def of(self, base: type[T]) -> tuple[type[T], ...]:
        """The classes of one kind."""
        return tuple(cls for cls in self.classes if issubclass(cls, base))


def offer_of(provider: Provider, boundary: Boundary) -> Offer:
    """Import a plugin and call its hooks, within the `boundary`. Raises Unfit for whatever it does wrong."""
    name = f"plugin {provider}"
    try:
        plugin = boundary.call(provider, name, provider.load)
    except Stuck as stuck:
        raise Unfit(f"its import {stuck}") from stuck
    except (Raised, TtsflowError) as error:
        raise Unfit(f"it cannot be imported: {error}") from error
    try:
        written_for = boundary.call(provider, name, lambda: getattr(plugin, api.NAME, None))
        if (why := api.misfit(written_for)) is not None:
            raise Unfit(why)
        return boundary.call(provider, name, lambda: _offer(provider, plugin))
    except Stuck as stuck:
        raise Unfit(f"a hook {stuck}") from stuck
    except (Raised, TtsflowError) as error:
        raise Unfit(f"its classes cannot be read: {error}") from error


def _offer(provider: Provider, plugin: object) -> Offer:
    """What the hooks of an imported plugin give."""
    # One manager per plugin: pluggy calls all plugins of a manager together, and a plugin that raises
    # would hide the answers of the others.
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin, provider.name)
    except Exception as error:  # pluggy checks signatures, and reads attributes, which may raise anything
        raise Unfit(f"it cannot be registered: {' '.join(str(error).split())}") from error
    _check_hook_names(manager, plugin)
    return Offer(tuple(cls for hook, base in HOOKS.items() for cls in _ask(manager, hook, base, provider)))


def _check_hook_names(manager: pluggy.PluginManager, plugin: object) -> None:
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        unknown = [caller.name for caller in manager.get_hookcallers(plugin) or () if not caller.has_spec()]
        known = "; ".join(f"hook {name!r} does not exist, {known_names(name, HOOKS)}" for name in unknown)
        raise Unfit(known) from error
    if not manager.get_hookcallers(plugin):
        bare = [name for name in HOOKS if callable(getattr(plugin, name, None))]
        why = (
            f"{bare[0]} is not marked with @ttsflow.hookimpl"
            if bare
            else f"it has none of {', '.join(HOOKS)}"
        )
        raise Unfit(f"it implements no hook: {why}")


def _ask(
    manager: pluggy.PluginManager, hook: str, base: type[Any], provider: Provider
) -> tuple[type[Kind], ...]:
    caller = getattr(manager.hook, hook)
    try:
        answers = [_listed(hook, answer) for answer in caller()]
    except Unfit:
        raise
    except BaseException as error:  # a hook is the plugin's code and may do anything
        raise Unfit(f"{hook} raised {provider.explain(error)}") from error
    if caller.get_hookimpls() and not answers:
        raise Unfit(f"{hook} returned None; it must return a list of classes")
    return tuple(_checked(hook, item, base) for answer in answers for item in answer)


def _listed(hook: str, answer: object) -> list[object]:
    if isinstance(answer, str) or not isinstance(answer, Iterable):
        raise Unfit(f"{hook} returned {answer!r}; it must return a list of classes")
    items = list(islice(answer, MOST_CLASSES + 1))
    if len(items) > MOST_CLASSES:
        raise Unfit(f"{hook} gave more than {MOST_CLASSES:,} classes; at most so many are taken")
    return items


def _checked(hook: str, given: object, base: type[Any]) -> type[Kind]:
    if not isinstance(given, type):
        raise Unfit(f"{hook} returned {given!r}, which is not a class")
    cls: Any = given
    if not issubclass(cls, base):
        other = next((name for name, kind in HOOKS.items() if issubclass(cls, kind)), None)
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
    has_options = base is not AudioEncoder
    if has_options and not (isinstance(cls.Options, type) and issubclass(cls.Options, PluginOptions)):
        raise Unfit(f"{cls.__name__}.Options is not a subclass of ttsflow.PluginOptions")
    if inspect.isabstract(cls):
        raise Unfit(f"class {cls.__name__} does not implement {', '.join(sorted(cls.__abstractmethods__))}")
    if issubclass(cls, Backend) and cls.synthesize is Backend.synthesize and cls.step is Backend.step:
        raise Unfit(f"class {cls.__name__} implements neither synthesize nor start, step and cancel")
    if issubclass(cls, TextReader) and (fault := _fault_in_reader(cls)) is not None:
        raise Unfit(f"class {cls.__name__}: {fault}")
    if issubclass(cls, AudioEncoder) and (fault := _fault_in_encoder(cls)) is not None:
        raise Unfit(f"class {cls.__name__}: {fault}")
    if has_options and (fault := fault_in_options(cls.Options.model_construct())) is not None:
        raise Unfit(f"class {cls.__name__}: {fault}")
    checked: type[Kind] = cls
    return checked


def _fault_in_reader(cls: type[TextReader]) -> str | None:
    from ttsflow.text.readers import READERS, SUFFIXES  # here, since workers read no text

    if (fault := _fault_in_suffixes(cls, SUFFIXES, "'.odt'", "reads")) is not None:
        return fault
    if cls.name in (reader.name for reader in READERS):
        return f"the name {cls.name!r} is that of a format that ttsflow reads itself"
    if cls.gives not in GIVEN:
        return f"gives is {cls.gives!r}; the rule: one of {', '.join(GIVEN)}"
    return None


def _fault_in_encoder(cls: type[AudioEncoder]) -> str | None:
    from ttsflow.output.formats import FORMATS  # here, since workers write no files
    from ttsflow.text.readers import SUFFIXES

    if (fault := _fault_in_suffixes(cls, FORMATS.suffixes, "'.aiff'", "writes")) is not None:
        return fault
    if taken := sorted(set(cls.suffixes) & {*SUFFIXES, *_OTHER_FILES}):
        return f"suffixes has {', '.join(taken)}, which ttsflow needs for other files than audio"
    if cls.name in (format.name for format in FORMATS):
        return f"the name {cls.name!r} is that of a format that ttsflow writes itself"
    for method, given in (("begin", 4), ("write", 2), ("finish", 2), ("drop", 1), ("__init__", 1)):
        try:
            inspect.signature(getattr(cls, method)).bind(*[None] * given)
        except (TypeError, ValueError):
            rule = "self" if method == "__init__" else ", ".join(_parameters_of(method))
            return f"{method} does not take what it is given; the rule: {method}({rule})"
    if not isinstance(cls.streamed, bool):
        return f"streamed is {cls.streamed!r}; the rule: True or False"
    match cls.bit_rates:
        case None:
            return None
        case (int(least), int(most)) if 0 < least <= most:
            return None
    return f"bit_rates is {cls.bit_rates!r}; the rule: the least and the greatest in kbit/s, or None"


def _parameters_of(method: str) -> Iterable[str]:
    return inspect.signature(getattr(AudioEncoder, method)).parameters


def _fault_in_suffixes(cls: type[Any], own: Sequence[str], example: str, does: str) -> str | None:
    given: object = getattr(cls, "suffixes", None)
    if not isinstance(given, tuple) or not given or not all(map(_is_suffix, given)):
        rule = f"a tuple of suffixes, each a dot and letters a to z or digits, such as ({example},)"
        return f"suffixes is {reprlib.repr(given)}; the rule: {rule}"
    if taken := sorted(set(given) & set(own)):
        return f"suffixes has {', '.join(taken)}, which ttsflow {does} itself"
    return None


def _is_suffix(suffix: object) -> bool:
    return isinstance(suffix, str) and re.fullmatch(r"\.[a-z0-9]+", suffix) is not None


def fault_in_options(options: PluginOptions) -> str | None:
    """What is wrong with values of options: they go to workers, and into reports, as JSON."""
    for name, value in options:
        try:
            options.model_dump_json(include={name})
        except Exception as error:  # a serializer of the plugin may raise anything
            why = " ".join(str(error).split())
            shown = f"{reprlib.repr(value)}, of type {type(value).__name__}"
            return f"option {name!r} is {shown}, which cannot be written as JSON: {why}"
    return None
