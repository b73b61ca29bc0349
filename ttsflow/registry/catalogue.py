"""The registry: all that plugins offer, by name, and the plugins that cannot be used."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import SecretStr

from ttsflow.errors import PluginError, TtsflowError, UnknownNameError
from ttsflow.interface.audioencoder import AudioEncoder
from ttsflow.interface.backend import Backend
from ttsflow.interface.observing import RunObserver
from ttsflow.interface.options import PluginOptions
from ttsflow.interface.policy import Policy
from ttsflow.interface.textreader import TextReader
from ttsflow.interface.textrule import TextRule
from ttsflow.interface.validation import KeyPath, Where, validate
from ttsflow.registry import providers
from ttsflow.registry.boundary import Boundary, Breach, Misdeed, Raised
from ttsflow.registry.offers import Offer, Unfit, fault_in_options, offer_of
from ttsflow.registry.providers import Provider

logger = logging.getLogger(__name__)

T = TypeVar("T")
C = TypeVar("C", Policy, Backend, TextRule, RunObserver, TextReader, AudioEncoder)

KINDS: Mapping[type[Any], str] = {
    Policy: "policy",
    Backend: "backend",
    TextRule: "text rule",
    RunObserver: "observer",
    TextReader: "reader",
    AudioEncoder: "encoder",
}
"""what a plugin is called in messages"""


@dataclass(frozen=True, slots=True)
class Plugin(Generic[C]):
    """Something that a plugin offers, such as a policy, with its name and its provider."""

    name: str
    cls: type[C]
    provider: Provider
    boundary: Boundary = field(default_factory=Boundary)

    @property
    def label(self) -> str:
        """What it is called in messages: "backend 'espeak'"."""
        return f"{self.kind} {self.name!r}"

    @property
    def kind(self) -> str:
        """What it is: a policy, a backend, a text rule, an observer."""
        return next(kind for base, kind in KINDS.items() if issubclass(self.cls, base))

    @property
    def summary(self) -> str:
        """The first line of the class's own docstring; empty if it has none."""
        return (self.cls.__dict__.get("__doc__") or "").strip().partition("\n")[0]

    def options(
        self, given: Mapping[str, object], where: Where | None = None, at: KeyPath = ()
    ) -> PluginOptions:
        """Check the options `given` against the plugin's class Options.

        `at` is the key path of `given` in the configuration; `where` names the place of a key. Raises
        ConfigError, which lists each mistake with its place, key, value and what is allowed; PluginError
        where the class's own checks fail, or what they make of them cannot be written as JSON, which is how
        they go to a worker.
        """
        told = where or (lambda path: f"options of {self.name!r}")

        def check() -> PluginOptions:
            options: PluginOptions = validate(getattr(self.cls, "Options", PluginOptions), given, told, at)
            if (fault := fault_in_options(options)) is not None:
                raise PluginError(f"{self.label} of {self.provider}: {fault}")
            return options

        return self.ask("Options", check)

    def ask(self, method: str, work: Callable[[], T]) -> T:
        """What `work` gives, a call of the class's `method`, within the boundary.

        Raises PluginError for whatever it does wrong, and the TtsflowErrors that it raises.
        """
        return self._told(method, self.boundary.call, work)

    def ask_without_end(self, method: str, work: Callable[[], T]) -> T:
        """As `ask`, for what asks a person or downloads."""
        return self._told(method, self.boundary.without_end, work)

    def broken(self, method: str, what: str) -> PluginError:
        """The error for what a method gave, with the place of the method."""
        code = getattr(getattr(self.cls, method), "__code__", None)
        place = "" if code is None else f" ({code.co_filename}:{code.co_firstlineno})"
        return PluginError(f"{self.label} of {self.provider}: {method} {what}{place}")

    def _told(
        self, method: str, call: Callable[[Provider, str, Callable[[], T]], T], work: Callable[[], T]
    ) -> T:
        try:
            return call(self.provider, self.label, work)
        except Raised as raised:
            raise PluginError(f"{self.label} of {self.provider} raised in {method}: {raised}") from raised
        except Breach as breach:
            raise self.broken(method, str(breach)) from None
        except Misdeed as misdeed:
            raise PluginError(f"{self.label} of {self.provider}: {method} {misdeed}") from None


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that cannot be used, and the reason."""

    provider: Provider
    why: str

    def __str__(self) -> str:
        return f"plugin {self.provider} cannot be used: {self.why}"


@dataclass(frozen=True, slots=True)
class BackendRecipe:
    """Tells a worker process how to make its backend.

    It is plain data, because an object of a class from a single-file plugin cannot be unpickled in
    another process. The plugin is the one in `module` or in the file `path`; `options` are JSON values, with
    secrets in clear: they go to workers alone.
    """

    backend: str
    provider: str
    module: str | None
    path: str | None
    options: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, plugin: Plugin[Backend], options: PluginOptions) -> BackendRecipe:
        """The recipe for `plugin` with `options`."""
        provider = plugin.provider
        path = None if provider.path is None else str(provider.path)
        in_clear = _in_clear(options.model_dump(mode="json"), options.model_dump())
        return cls(plugin.name, provider.name, provider.module, path, in_clear)

    def build(self) -> Backend:
        """Import the module or file, and make the backend.

        Raises PluginError if the plugin cannot be used, or no longer offers the backend.
        """
        path = None if self.path is None else Path(self.path)
        provider = Provider("package" if path is None else "file", self.provider, self.module, path)
        try:
            backends = offer_of(provider, Boundary(None)).of(Backend)  # the coordinator bounds it
        except Unfit as unfit:
            raise PluginError(f"plugin {provider} cannot be used: {unfit}") from unfit
        for backend in backends:
            if backend.name == self.backend:
                # From JSON text: a strict model accepts a string as a Path only when it reads JSON.
                return backend(backend.Options.model_validate_json(json.dumps(dict(self.options))))
        raise PluginError(f"plugin {provider} no longer offers the backend {self.backend!r}")


def _in_clear(shown: Any, meant: Any) -> Any:
    """What is shown of options, as JSON values, with the secrets that are `meant` in place of asterisks."""
    match meant:
        case SecretStr():
            return meant.get_secret_value()
        case Mapping() if isinstance(shown, Mapping):
            return {key: _in_clear(value, meant.get(key)) for key, value in shown.items()}
        case list() | tuple() if isinstance(shown, list) and len(shown) == len(meant):
            return list(map(_in_clear, shown, meant))
    return shown


class Registry:
    """All that a run can name. A broken plugin matters only to a run that names it."""

    def __init__(self, plugins: Iterable[Plugin[Any]], broken: Iterable[Broken] = ()) -> None:
        self._plugins = list(plugins)
        self.broken = list(broken)

    @classmethod
    def load(
        cls, files: Sequence[Path] = (), folders: Sequence[Path] = (), boundary: Boundary | None = None
    ) -> Registry:
        """Load the built-in plugins, then those of installed packages, of `files` and of `folders`.

        `boundary` holds for all calls into them, now and later. A plugin that cannot be used is skipped with
        a warning and listed in `broken`. Raises PluginError if one of `files` cannot be used or offers
        nothing, or if a folder is missing.
        """
        plugins: dict[type[Any], Plugin[Any]] = {}  # by class: one that is found in two ways is one
        broken: list[Broken] = []
        named = [*providers.of_files(files)]
        boundary = boundary or Boundary()
        for provider in dict.fromkeys([*providers.of_packages(), *named, *_of_folders(folders)]):
            try:
                offer = _offer(provider, boundary, named=provider in named)
            except Unfit as unfit:
                broken.append(Broken(provider, str(unfit)))
                if provider in named:
                    raise PluginError(str(broken[-1])) from unfit
                logger.warning("%s", broken[-1])
                continue
            for each in offer.classes:
                plugins.setdefault(each, Plugin(each.name, each, provider, boundary))
        return cls(plugins.values(), broken)

    def all(self) -> list[Plugin[Any]]:
        """All that is offered, in the order of loading."""
        return list(self._plugins)

    def policies(self) -> list[Plugin[Policy]]:
        """All policies, sorted by name. A name that two plugins claim is listed twice."""
        return self._of(Policy)

    def backends(self) -> list[Plugin[Backend]]:
        """All backends, sorted by name. A name that two plugins claim is listed twice."""
        return self._of(Backend)

    def clashing(self) -> set[str]:
        """The names that two plugins of the same kind claim. Asking for such a name is an error."""
        counts = Counter((plugin.kind, plugin.name) for plugin in self._plugins)
        return {name for (_, name), count in counts.items() if count > 1}

    def policy(self, name: str, *, also_known: Iterable[str] = (), hint: str = "") -> Plugin[Policy]:
        """The policy called `name`.

        Raises UnknownNameError if no plugin has the name: the error lists the known names and those of
        `also_known`, and ends with `hint`. Raises PluginError if two plugins claim the name, or if it
        is unknown and a plugin that might offer it is broken.
        """
        return self._one(name, Policy, also_known, hint)

    def backend(self, name: str, *, hint: str = "") -> Plugin[Backend]:
        """The backend called `name`. Raises the same errors as `policy`."""
        return self._one(name, Backend, (), hint)

    def text_rule(self, name: str, *, hint: str = "") -> Plugin[TextRule]:
        """The text rule called `name`. Raises the same errors as `policy`."""
        return self._one(name, TextRule, (), hint)

    def observer(self, name: str, *, hint: str = "") -> Plugin[RunObserver]:
        """The observer called `name`. Raises the same errors as `policy`."""
        return self._one(name, RunObserver, (), hint)

    def readers(self) -> list[Plugin[TextReader]]:
        """All readers, sorted by name."""
        return self._of(TextReader)

    def encoders(self) -> list[Plugin[AudioEncoder]]:
        """All encoders, sorted by name."""
        return self._of(AudioEncoder)

    def _of(self, base: type[C]) -> list[Plugin[C]]:
        found = [plugin for plugin in self._plugins if issubclass(plugin.cls, base)]
        return sorted(found, key=lambda plugin: plugin.name)

    def _one(self, name: str, base: type[C], also_known: Iterable[str], hint: str) -> Plugin[C]:
        kind = KINDS[base]
        plugins: list[Plugin[C]] = self._of(base)
        found = [plugin for plugin in plugins if plugin.name == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise PluginError.of_two(f"offer a {kind} named {name!r}", (plugin.provider for plugin in found))
        raise self.unknown(
            UnknownNameError(kind, name, [*(plugin.name for plugin in plugins), *also_known], hint)
        )

    def unknown(self, error: UnknownNameError) -> TtsflowError:
        """The error for a name that is unknown, with the plugins that cannot be used and might offer it."""
        if not self.broken:
            return error
        reasons = "\n".join(f"  {broken}" for broken in self.broken)
        return PluginError(f"{error}\nA plugin that cannot be used may offer it:\n{reasons}")


def _of_folders(folders: Iterable[Path]) -> Iterator[Provider]:
    for folder in folders:
        if not folder.is_dir():
            raise PluginError(f"no such plugin folder: {folder}")
        yield from providers.of_folder(folder)


def _offer(provider: Provider, boundary: Boundary, *, named: bool) -> Offer:
    if provider.path is not None and not provider.path.is_file():
        raise Unfit("no such file")
    offer = offer_of(provider, boundary)
    if named and not offer.classes:
        raise Unfit(f"it offers nothing: no {' and no '.join(KINDS.values())}")
    return offer
