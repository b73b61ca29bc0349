"""The configuration as YAML text, with a comment at each value that says where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from ttsflow.config.settings import Settings
from ttsflow.config.yamlfile import FLOAT
from ttsflow.interface.validation import KeyPath


def show(settings: Settings) -> str:
    """A YAML file with the whole configuration; reading it back gives the same configuration."""
    data = settings.config.model_dump(mode="json", exclude_none=True)
    return "\n".join(_lines(settings, data, ())) + "\n"


def _lines(settings: Settings, data: dict[str, Any], path: KeyPath) -> Iterator[str]:
    indent = "  " * len(path)
    for key, value in data.items():
        here = (*path, key)
        if isinstance(value, dict) and value:
            yield f"{indent}{_flow(key)}:"
            yield from _lines(settings, value, here)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{indent}{_flow(key)}:"
            for index, item in enumerate(value):
                yield f"{indent}  - {_flow(item)}  # {_from(settings, (*here, index))}"
        else:
            yield f"{indent}{_flow(key)}: {_flow(value)}  # {_from(settings, here)}"


def _from(settings: Settings, path: KeyPath) -> str:
    """The origin of this value. A value that no file or flag sets itself is a default."""
    origin = settings.origins.get(path)
    return "default" if origin is None else str(origin).replace("\n", " ")


class _OneLine(yaml.SafeDumper):
    """Writes text with escapes if YAML would break it over lines, or could not show it."""


_OneLine.add_implicit_resolver(*FLOAT)  # so that a text like "1e9" is quoted


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_OneLine.add_representer(str, _text)


def _flow(value: object) -> str:
    text = yaml.dump(
        value,
        Dumper=_OneLine,
        default_flow_style=True,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
    )
    return text.removesuffix("...\n").rstrip("\n")
