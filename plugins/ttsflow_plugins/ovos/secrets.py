"""Secrets of a plugin: its settings name variables of the environment, which are put in where it is made.

Settings go into reports, stores and logs as they are written; what a variable holds goes into none of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ttsflow import BackendUnavailable

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

SECRET = re.compile(r"(key|token|secret|password|passwd)$", re.IGNORECASE)
"""names of settings whose text is nobody else's business"""

SHORTEST = 6
"""characters of a value that is hidden: a shorter one is no secret, and may be part of any word"""


def in_clear(settings: Mapping[str, Any]) -> str | None:
    """The name of a secret that is written in the settings itself; None: there is none."""
    return next(
        (
            name
            for name, text in _texts(settings)
            if text and SECRET.search(name) and not VARIABLE.search(text)
        ),
        None,
    )


def check(settings: Mapping[str, Any]) -> None:
    """Raises BackendUnavailable where a variable of the settings is not set."""
    for name in _variables(settings):
        if not os.environ.get(name):
            raise BackendUnavailable(
                f"backend.options.config takes ${{{name}}} from the environment, where it is not set: "
                f"export {name}=..."
            )


def filled(settings: Any) -> Any:
    """The settings with the values of their variables, which `check` has found."""
    if isinstance(settings, str):
        return VARIABLE.sub(lambda name: os.environ[name[1]], settings)
    if isinstance(settings, Mapping):
        return {key: filled(value) for key, value in settings.items()}
    return [filled(value) for value in settings] if isinstance(settings, list) else settings


def hidden(words: str, settings: Mapping[str, Any]) -> str:
    """Words of a plugin, with the names of variables in the place of their values."""
    for name in _variables(settings):
        value = os.environ.get(name, "")
        if len(value) >= SHORTEST:
            words = words.replace(value, f"${{{name}}}")
    return words


def _variables(settings: Mapping[str, Any]) -> Iterator[str]:
    return (name for _, text in _texts(settings) for name in VARIABLE.findall(text))


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Each text in settings, with the key under which it stands."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _texts(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, name)
