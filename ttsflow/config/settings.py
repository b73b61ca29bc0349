"""Puts the configuration together: defaults, the policy file, the --config file, and flags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from importlib import resources
from pathlib import Path
from typing import Any

from ttsflow.config.layers import Flag, Layer, Origin, file_layer, flag_layer, overlay, sets, without
from ttsflow.config.model import Config
from ttsflow.config.policyfiles import PolicyFiles, user_policies
from ttsflow.errors import ConfigError
from ttsflow.interface.validation import KeyPath, dotted, validate
from ttsflow.text.document import Document
from ttsflow.text.languages import declared, nearest

DEFAULT_POLICY = "auto"


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration of a run, the origin of each value, and the policy files that have names.

    `defaults` is the file of the user's own defaults, where there is one.
    """

    config: Config
    origins: Mapping[KeyPath, Origin]
    policy_files: PolicyFiles
    defaults: Path | None = None

    def in_language_of(self, document: Document) -> Settings:
        """The same, in the language that a document says it is in, unless a language was chosen."""
        language = declared(document.details.language)
        chosen = ("text", "language") in self.origins
        if chosen or language is None or nearest(language, [self.config.text.language]):
            return self
        text = self.config.text.model_copy(update={"language": language})
        return replace(self, config=self.config.model_copy(update={"text": text}))

    def on_cluster(self, address: str | None) -> Settings:
        """The same, with workers on the cluster at an address, if there is one."""
        section = self.config.cluster.model_copy(update={"address": address})
        return replace(self, config=self.config.model_copy(update={"cluster": section}))

    def origin(self, path: KeyPath) -> Origin | None:
        """Where the value at a key path was given, or the nearest section around it; None for a default."""
        return _origin(self.origins, path)

    def where(self, path: KeyPath) -> str:
        """`origin` in words: "my.yaml, line 3"."""
        return _where(self.origins, path)


def load(
    policy: str | None = None,
    config: Path | None = None,
    flags: Iterable[Flag] = (),
    *,
    over_flags: bool = False,
    user_folder: Path | None = None,
    defaults: Path | None = None,
) -> Settings:
    """The configuration made of all layers; a later layer overrides an earlier one.

    `policy` is the name of a policy file or of a policy plugin, or a path; `config` a YAML file;
    `user_folder` the user's own policy files (None: the place that the system has for it), and `defaults` a
    YAML file of what the user always wants. A `policy`
    that is named wins over the one that `config` names, and with `over_flags` over one of the flags, too.
    Raises ConfigError.
    """
    files = PolicyFiles(user_policies() if user_folder is None else user_folder)
    chosen = files.layer(DEFAULT_POLICY if policy is None else policy)
    layers = [
        file_layer(resources.files("ttsflow.config") / "defaults.yaml", "defaults.yaml (shipped)"),
        chosen,
    ]
    if defaults is not None:  # over the policy that nobody chose, under one that is named
        layers.insert(2 if policy is None else 1, file_layer(defaults, str(defaults)))
    if config is not None:
        mine = file_layer(config, str(config))
        layers.append(mine if policy is None else _unchosen(mine))
    given = flag_layer(flags)
    layers.append(_unchosen(given) if over_flags and policy is not None else given)
    merged = reduce(overlay, layers)
    if not sets(merged, "policy", ("use", "rules")) and not merged.data.get("policy"):
        raise ConfigError(f"{policy}: names no policy; it needs policy.use or policy.rules")
    checked = validate(Config, merged.data, lambda path: _where(merged.origins, path))
    settings = Settings(checked, merged.origins, files, defaults)
    _check_files(settings)
    return settings


def _unchosen(layer: Layer) -> Layer:
    """A layer without the policy that it names, and the options of that."""
    if sets(layer, "policy", ("use", "rules")):
        return without(layer, "policy", ("use", "rules", "options"))
    return layer


def settings_of(config: Mapping[str, Any], label: str) -> Settings:
    """The settings in a complete configuration, as `Config.model_dump(mode="json")` returned it.

    Messages call its source `label`. Raises ConfigError.
    """
    files = PolicyFiles(user_policies())
    settings = Settings(validate(Config, dict(config), lambda path: label), {}, files)
    _check_files(settings)
    return settings


def _check_files(settings: Settings) -> None:
    text = settings.config.text
    named: list[tuple[KeyPath, Path]] = [
        (("plugins", index), path) for index, path in enumerate(settings.config.plugins)
    ]
    if settings.config.profile is not None:
        named.append((("profile",), settings.config.profile))
    if settings.config.server.api_keys_file is not None:
        named.append((("server", "api_keys_file"), settings.config.server.api_keys_file))
    at: KeyPath = ("text",)
    listed: list[tuple[KeyPath, Path | tuple[Path, ...] | None]] = [
        ((*at, "reference"), text.reference),
        ((*at, "lexicon", "files"), text.lexicon.files),
        *(((*at, "speakers", name, "reference"), part.reference) for name, part in text.speakers.items()),
        *(((*at, "languages", name, "reference"), part.reference) for name, part in text.languages.items()),
    ]
    for path, files in listed:
        if isinstance(files, Path):
            named.append((path, files))
        else:
            named += [((*path, index), file) for index, file in enumerate(files or ())]
    for path, file in named:
        try:
            problem = "" if file.is_file() else "there is no such file"
        except OSError as error:  # a folder on the way may not be entered, or the name is too long
            problem = error.strerror or str(error)
        if problem:
            raise ConfigError(f"{settings.where(path)}: {dotted(path)} is {str(file)!r}, but {problem}")


def _origin(origins: Mapping[KeyPath, Origin], path: KeyPath) -> Origin | None:
    while path and path not in origins:
        path = path[:-1]
    return origins.get(path) if path else None


def _where(origins: Mapping[KeyPath, Origin], path: KeyPath) -> str:
    origin = _origin(origins, path)
    return "the configuration" if origin is None else str(origin)
