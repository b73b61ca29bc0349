"""Layers: what each file and flag sets, how they are merged, and where each value comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ttsflow.config.yamlfile import read_yaml
from ttsflow.interface.validation import KeyPath


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was given: a file and a line of it, or a flag. A relative path starts from `folder`."""

    source: str
    line: int | None = None
    folder: Path = Path()

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Flag:
    """A value given outside any file: `Flag("--voice", "text.voice", "Ana")`.

    `key` is the dotted key path; a relative path in `value` starts from the current folder.
    """

    label: str
    key: str
    value: object


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source sets, and the origin of each value by its key path."""

    data: dict[str, Any]
    origins: dict[KeyPath, Origin]


# When a later layer sets one of the first keys, what earlier layers set for the second keys is void:
# the options of a policy are not those of another one.
_REPLACES = {
    "policy": ({"use", "rules"}, {"use", "rules", "options"}),
    "backend": ({"use"}, {"use", "options"}),
    "text": ({"voice", "reference"}, {"voice", "reference"}),
}


def file_layer(file: Traversable, label: str) -> Layer:
    """The layer of one YAML file, which messages call `label`. Raises ConfigError."""
    read = read_yaml(file, label)
    folder = Path(str(file)).parent
    _anchor(read.data, folder)
    return Layer(read.data, {path: Origin(label, line, folder) for path, line in read.lines.items()})


def flag_layer(flags: Iterable[Flag]) -> Layer:
    """The layer of flags. If two flags set the same key, the later one is used; lists of plugins are joined.

    A voice and a reference do not replace each other here: giving both as flags is an error.
    """
    layer = Layer({}, {})
    for flag in flags:
        data: Any = flag.value
        for key in reversed(flag.key.split(".")):
            data = {key: data}
        _anchor(data, Path.cwd())
        origins = dict.fromkeys(_paths(data, ()), Origin(flag.label))
        _join(layer, layer.data, Layer(data, origins), data, ())
    return layer


def overlay(lower: Layer, upper: Layer) -> Layer:
    """`upper` merged over `lower`: mappings key by key, lists of plugins are joined, the rest is replaced."""
    for section, (winners, losers) in _REPLACES.items():
        if sets(upper, section, winners):
            lower = without(lower, section, losers)
    merged = Layer(dict(lower.data), dict(lower.origins))
    _join(merged, merged.data, upper, upper.data, ())
    return merged


def sets(layer: Layer, section: str, keys: Iterable[str]) -> bool:
    """Whether the layer sets any of `keys` in `section`."""
    inside = layer.data.get(section)
    return isinstance(inside, dict) and any(key in inside for key in keys)


def without(layer: Layer, section: str, keys: Iterable[str]) -> Layer:
    """The layer without `keys` of `section`."""
    inside = layer.data.get(section)
    if not isinstance(inside, dict):
        return layer
    gone = set(keys)
    kept = {key: value for key, value in inside.items() if key not in gone}
    origins = {
        path: origin
        for path, origin in layer.origins.items()
        if not (len(path) > 1 and path[0] == section and path[1] in gone)
    }
    return Layer({**layer.data, section: kept}, origins)


def _join(merged: Layer, into: dict[str, Any], upper: Layer, data: Mapping[str, Any], path: KeyPath) -> None:
    for key, value in data.items():
        here = (*path, key)
        old = into.get(key)
        if isinstance(old, dict) and value is None:
            continue  # a section with nothing in it, as when all its lines are commented out
        if isinstance(old, dict) and isinstance(value, dict):
            into[key] = dict(old)
            merged.origins[here] = upper.origins[here]
            _join(merged, into[key], upper, value, here)
            continue
        if here == ("plugins",) and isinstance(old, list) and isinstance(value, list):
            into[key] = [*old, *value]
            for index in range(len(value)):
                merged.origins[(key, len(old) + index)] = upper.origins[(key, index)]
            continue
        for stale in [known for known in merged.origins if known[: len(here)] == here]:
            del merged.origins[stale]
        into[key] = value
        merged.origins.update(
            {known: origin for known, origin in upper.origins.items() if known[: len(here)] == here}
        )


def _paths(data: Any, at: KeyPath) -> Iterator[KeyPath]:
    """The key paths of all values below one."""
    items = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*at, key)
        yield from _paths(value, (*at, key))


def _anchor(data: dict[str, Any], folder: Path) -> None:
    """Make relative paths absolute: they start from the folder of the file that names them."""
    plugins, text = data.get("plugins"), data.get("text")
    if isinstance(plugins, list):
        data["plugins"] = absolute(plugins, folder)
    if data.get("profile") is not None:
        data["profile"] = absolute(data["profile"], folder)
    if isinstance(text, dict):
        _anchor_text(text, folder)
    server = data.get("server")
    if isinstance(server, dict) and "api_keys_file" in server:
        server["api_keys_file"] = absolute(server["api_keys_file"], folder)


def _anchor_text(text: dict[str, Any], folder: Path) -> None:
    voices = (text.get("speakers"), text.get("languages"))
    sections = (section for named in voices if isinstance(named, dict) for section in named.values())
    for section in (text, *sections):
        if isinstance(section, dict) and "reference" in section:
            section["reference"] = absolute(section["reference"], folder)
    lexicon = text.get("lexicon")
    if isinstance(lexicon, dict) and "files" in lexicon:
        lexicon["files"] = absolute(lexicon["files"], folder)


def absolute(value: Any, folder: Path) -> Any:
    """The paths in a value, one or a list of them, from `folder` where they are relative; else the value."""
    if isinstance(value, list | tuple):
        return [absolute(item, folder) for item in value]
    if not isinstance(value, str | Path):
        return value  # left for the schema to refuse
    path = Path(value)
    with suppress(RuntimeError):  # "~nobody": there is no such user, and no such file will be found
        path = path.expanduser()
    return str(folder.absolute() / path)
