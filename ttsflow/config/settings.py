"""Puts the configuration together: defaults, then the policy file, then the --config file, then flags."""

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
    """The configuration of a run, the origin of each value, and the policy files that have names."""

    config: Config
    origins: Mapping[KeyPath, Origin]
    policy_files: PolicyFiles

    def in_language_of(self, document: Document) -> Settings:
        """The same, in the language that a document says it is in, unless a language was chosen."""
        language = declared(document.details.language)
        chosen = ("text", "language") in self.origins
        if chosen or language is None or nearest(language, [self.config.text.language]):
            return self
        text = self.config.text.model_copy(update={"language": language})
        return replace(self, config=self.config.model_copy(update={"text": text}))

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
) -> Settings:
    """The configuration made of all layers; a later layer overrides an earlier one.

    `policy` is the name of a policy file or of a policy plugin, or a path; `config` a YAML file;
    `user_folder` the user's own policy files (None: the place that the system has for it). A `policy`
    that is named wins over the one that `config` names, and with `over_flags` over one of the flags, too.
    Raises ConfigError.
    """
    files = PolicyFiles(user_policies() if user_folder is None else user_folder)
    chosen = files.layer(DEFAULT_POLICY if policy is None else policy)
    layers = [
        file_layer(resources.files("ttsflow.config") / "defaults.yaml", "defaults.yaml (shipped)"),
        chosen,
    ]
    if config is not None:
        mine = file_layer(config, str(config))
        layers.append(mine if policy is None else _unchosen(mine))
    given = flag_layer(flags)
    layers.append(_unchosen(given) if over_flags and policy is not None else given)
    merged = reduce(overlay, layers)
    if not sets(merged, "policy", ("use", "rules")) and not merged.data.get("policy"):
        raise ConfigError(f"{policy}: names no policy; it needs policy.use or policy.rules")
    checked = validate(Config, merged.data, lambda path: _where(merged.origins, path))
    settings = Settings(checked, merged.origins, files)
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
    at: KeyPath = ("text", "reference")
    if isinstance(text.reference, Path):
        named.append((at, text.reference))
    else:
        named += [((*at, index), path) for index, path in enumerate(text.references)]
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
