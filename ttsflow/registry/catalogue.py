"""The registry: all policies and backends by name, and the plugins that cannot be used."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ttsflow.errors import PluginError, UnknownNameError
from ttsflow.interface.backend import Backend
from ttsflow.interface.options import PluginOptions
from ttsflow.interface.policy import Policy
from ttsflow.interface.validation import KeyPath, Where, validate
from ttsflow.registry import providers
from ttsflow.registry.offers import Offer, Unfit, offer_of
from ttsflow.registry.providers import Provider

logger = logging.getLogger(__name__)

C = TypeVar("C", Policy, Backend)


@dataclass(frozen=True, slots=True)
class Plugin(Generic[C]):
    """A policy or a backend with its name and its provider."""

    name: str
    cls: type[C]
    provider: Provider

    @property
    def summary(self) -> str:
        """The first line of the class's own docstring; empty if it has none."""
        return (self.cls.__dict__.get("__doc__") or "").strip().partition("\n")[0]

    def options(
        self, given: Mapping[str, object], where: Where | None = None, at: KeyPath = ()
    ) -> PluginOptions:
        """Check the options `given` against the plugin's class Options.

        `at` is the key path of `given` in the configuration; `where` names the place of a key. Raises
        ConfigError, which lists each mistake with its place, key, value and what is allowed.
        """
        return validate(self.cls.Options, given, where or (lambda path: f"options of {self.name!r}"), at)


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
    another process. The plugin is the one in `module` or in the file `path`; `options` are JSON values.
    """

    backend: str
    provider: str
    module: str | None
    path: str | None
    options: Mapping[str, Any]

    @classmethod
    def of(cls, plugin: Plugin[Backend], options: PluginOptions) -> BackendRecipe:
        """The recipe for `plugin` with `options`."""
        provider = plugin.provider
        path = None if provider.path is None else str(provider.path)
        return cls(plugin.name, provider.name, provider.module, path, options.model_dump(mode="json"))

    def build(self) -> Backend:
        """Import the module or file, and make the backend.

        Raises PluginError if the plugin cannot be used, or no longer offers the backend.
        """
        path = None if self.path is None else Path(self.path)
        provider = Provider("package" if path is None else "file", self.provider, self.module, path)
        try:
            backends = offer_of(provider).backends
        except Unfit as unfit:
            raise PluginError(f"plugin {provider} cannot be used: {unfit}") from unfit
        for backend in backends:
            if backend.name == self.backend:
                # From JSON text: a strict model accepts a string as a Path only when it reads JSON.
                return backend(backend.Options.model_validate_json(json.dumps(dict(self.options))))
        raise PluginError(f"plugin {provider} no longer offers the backend {self.backend!r}")


class Registry:
    """The policies and backends that a run can name. A broken plugin matters only to a run that names it."""

    def __init__(
        self,
        policies: Iterable[Plugin[Policy]],
        backends: Iterable[Plugin[Backend]],
        broken: Iterable[Broken] = (),
    ) -> None:
        self._policies = list(policies)
        self._backends = list(backends)
        self.broken = list(broken)

    @classmethod
    def load(cls, files: Sequence[Path] = (), folders: Sequence[Path] = ()) -> Registry:
        """Load the built-in plugins, then those of installed packages, of `files` and of `folders`.

        A plugin that cannot be used is skipped with a warning and listed in `broken`. Raises PluginError
        if one of `files` cannot be used or offers nothing, or if a folder is missing.
        """
        policies: list[Plugin[Policy]] = []
        backends: list[Plugin[Backend]] = []
        broken: list[Broken] = []
        named = [*providers.of_files(files)]
        for provider in dict.fromkeys([*providers.of_packages(), *named, *_of_folders(folders)]):
            try:
                offer = _offer(provider, named=provider in named)
            except Unfit as unfit:
                broken.append(Broken(provider, str(unfit)))
                if provider in named:
                    raise PluginError(str(broken[-1])) from unfit
                logger.warning("%s", broken[-1])
                continue
            policies += _new(offer.policies, provider, policies)
            backends += _new(offer.backends, provider, backends)
        return cls(policies, backends, broken)

    def policies(self) -> list[Plugin[Policy]]:
        """All policies, sorted by name. A name that two plugins claim is listed twice."""
        return sorted(self._policies, key=lambda plugin: plugin.name)

    def backends(self) -> list[Plugin[Backend]]:
        """All backends, sorted by name. A name that two plugins claim is listed twice."""
        return sorted(self._backends, key=lambda plugin: plugin.name)

    def clashing(self) -> set[str]:
        """The names that two plugins of the same kind claim. Asking for such a name is an error."""
        counts = [Counter(plugin.name for plugin in kind) for kind in (self._policies, self._backends)]
        return {name for names in counts for name, count in names.items() if count > 1}

    def policy(self, name: str, *, also_known: Iterable[str] = (), hint: str = "") -> Plugin[Policy]:
        """The policy called `name`.

        Raises UnknownNameError if no plugin has the name: the error lists the known names and those of
        `also_known`, and ends with `hint`. Raises PluginError if two plugins claim the name, or if it
        is unknown and a plugin that might offer it is broken.
        """
        return self._one("policy", name, self._policies, also_known, hint)

    def backend(self, name: str, *, hint: str = "") -> Plugin[Backend]:
        """The backend called `name`. Raises the same errors as `policy`."""
        return self._one("backend", name, self._backends, (), hint)

    def _one(
        self, kind: str, name: str, plugins: list[Plugin[C]], also_known: Iterable[str], hint: str
    ) -> Plugin[C]:
        found = [plugin for plugin in plugins if plugin.name == name]
        if len(found) == 1:
            return found[0]
        if found:
            claimants = " and ".join(str(plugin.provider) for plugin in found)
            raise PluginError(f"two plugins offer a {kind} named {name!r}: {claimants}; remove one of them")
        unknown = UnknownNameError(kind, name, [*(plugin.name for plugin in plugins), *also_known], hint)
        if not self.broken:
            raise unknown
        reasons = "\n".join(f"  {broken}" for broken in self.broken)
        raise PluginError(f"{unknown}\nA plugin that cannot be used may offer it:\n{reasons}")


def _of_folders(folders: Iterable[Path]) -> Iterator[Provider]:
    for folder in folders:
        if not folder.is_dir():
            raise PluginError(f"no such plugin folder: {folder}")
        yield from providers.of_folder(folder)


def _offer(provider: Provider, *, named: bool) -> Offer:
    if provider.path is not None and not provider.path.is_file():
        raise Unfit("no such file")
    offer = offer_of(provider)
    if named and not (offer.policies or offer.backends):
        raise Unfit("it offers neither a policy nor a backend")
    return offer


def _new(classes: Iterable[type[C]], provider: Provider, known: Sequence[Plugin[C]]) -> list[Plugin[C]]:
    """Plugins for the classes that are not known yet. The same class found in two ways is no clash."""
    seen = {plugin.cls for plugin in known}
    return [Plugin(cls.name, cls, provider) for cls in dict.fromkeys(classes) if cls not in seen]
