"""Reads one YAML file into plain data, and remembers the line of each value.

A configuration may come from an unknown person, so only YAML that JSON can express too is accepted: no
tags, no anchors and aliases, no merge keys, no duplicate keys, one document, limited size and depth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ttsflow.errors import ConfigError
from ttsflow.interface.validation import KeyPath, dotted

# YAML 1.2 (its core schema) reads "1e9" as a number, as people do; PyYAML, of YAML 1.1, wants "1.0e+9".
FLOAT = (
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+\Z"),
    list("-+.0123456789"),
)
"""tag, shape and first characters of the numbers that are read as floats, too"""

MAX_BYTES = 1_000_000
MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class YamlFile:
    """The root mapping of a file, and the line (from 1) of each value by its key path."""

    data: dict[str, Any]
    lines: dict[KeyPath, int]


def read_yaml(file: Traversable, label: str) -> YamlFile:
    """Read `file`, which messages call `label`. An empty file sets nothing.

    Raises ConfigError that names file and line, and the key path where there is one.
    """
    return parse_yaml(_text(file, label), label)


def parse_yaml(text: str, label: str) -> YamlFile:
    """Read the YAML text of a file; as `read_yaml`."""
    data, lines = _parse(text, label)
    if data is None:
        return YamlFile({}, {})
    if not isinstance(data, dict):
        raise ConfigError(f"{label}, line {lines[()]}: the file must hold keys and values")
    return YamlFile(data, lines)


def parse_value(text: str, label: str) -> Any:
    """Read one value written as in a YAML file, for the flag called `label`. Raises ConfigError."""
    return _parse(text, label)[0]


def _parse(text: str, label: str) -> tuple[Any, dict[KeyPath, int]]:
    reader = _Reader(label)
    try:
        return reader.document(text), reader.lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "is not YAML"
        if "\\t" in problem:
            problem += "; indent with spaces, not with tabs"
        raise ConfigError(f"{label}, line {mark.line + 1 if mark else 1}: {problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"{label}, line {line}: character {error.character!r} is not allowed in YAML"
        ) from None
    except (ValueError, OverflowError):  # from an escape such as "\UFFFFFFFF"
        raise ConfigError(f"{label}, line {reader.line}: an escape names no character") from None


def _text(file: Traversable, label: str) -> str:
    try:
        if file.is_dir():
            raise ConfigError(f"{label} is a folder, not a YAML file")
        if not file.is_file():
            if isinstance(file, Path) and file.exists():
                raise ConfigError(f"{label} is a device, a pipe or a socket, not a YAML file")
            raise ConfigError(f"no such file: {label}")
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ConfigError(f"{label} cannot be read: {error}") from None
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{label} is larger than {MAX_BYTES:,} bytes; a configuration is a short file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{label}, line {line}: not UTF-8 text") from None


@dataclass
class _Reader:
    """Builds the data directly from the parser's events, so refused content is never built."""

    label: str
    lines: dict[KeyPath, int] = field(default_factory=dict)
    _yaml: Any = None  # a SafeLoader, most of which has no type hints

    @property
    def line(self) -> int:
        """The line that the parser has reached."""
        return int(self._yaml.line) + 1

    def document(self, text: str) -> Any:
        self._yaml = _Loader(text)
        self._yaml.get_event()  # the stream's start
        if self._yaml.check_event(yaml.StreamEndEvent):
            return None
        self._yaml.get_event()  # the document's start
        data = self._value(())
        self._yaml.get_event()  # the document's end
        if not self._yaml.check_event(yaml.StreamEndEvent):
            self._refuse(
                self._yaml.peek_event(), (), "a second document begins (---); one file is one document"
            )
        return data

    def _value(self, path: KeyPath) -> Any:
        event = self._yaml.get_event()
        self.lines.setdefault(path, _line(event))  # a key's line is there already
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, path, f"the alias *{event.anchor} is used; aliases are not supported")
        if event.anchor is not None:
            self._refuse(event, path, f"the anchor &{event.anchor} is set; anchors are not supported")
        if event.tag is not None:
            self._refuse(event, path, f"the tag {event.tag} is used; tags are not supported")
        if len(path) > MAX_DEPTH:
            self._refuse(event, path[:3], f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        return self._scalar(event, path)

    def _list(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not self._yaml.check_event(yaml.SequenceEndEvent):
            items.append(self._value((*path, len(items))))
        self._yaml.get_event()
        return items

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not self._yaml.check_event(yaml.MappingEndEvent):
            event = self._yaml.peek_event()
            if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None or event.tag is not None:
                self._refuse(event, path, "a key is not plain text")
            key = self._yaml.get_event().value
            here = (*path, key)
            if key == "<<" and event.implicit[0]:
                self._refuse(event, path, "a merge key (<<) is used; merge keys are not supported")
            if key in mapping:
                first = self.lines[here]
                self._refuse(event, here, f"the key is there twice, first on line {first}; keep one of them")
            self.lines[here] = _line(event)
            mapping[key] = self._value(here)
        self._yaml.get_event()
        return mapping

    def _scalar(self, event: Any, path: KeyPath) -> Any:
        tag = self._yaml.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag.rpartition(":")[2] not in ("null", "bool", "int", "float"):
            return event.value  # text; a date is text too
        try:
            return self._yaml.construct_object(yaml.ScalarNode(tag, event.value))
        except (ValueError, OverflowError):  # "0x_", or a number of thousands of digits
            self._refuse(event, path, f"{event.value[:20]!r} is not a number; put text in quotes")

    def _refuse(self, event: Any, path: KeyPath, why: str) -> NoReturn:
        at = f"{dotted(path)}: " if path else ""
        raise ConfigError(f"{self.label}, line {_line(event)}: {at}{why}")


class _Loader(yaml.SafeLoader):
    """YAML's safe part, with numbers as in YAML 1.2."""


_Loader.add_implicit_resolver(*FLOAT)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
