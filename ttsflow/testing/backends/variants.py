"""Other values of a backend's options, to see what hangs on them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from ttsflow.interface.options import PluginOptions


def other_values(options: PluginOptions) -> Iterator[tuple[str, Any]]:
    """The name of each option, and another value that its model takes, where one is easy to find.

    Texts, paths, lists and options that are None are left out: what another value would mean is unknown.
    """
    kind = type(options)
    for name, field in kind.model_fields.items():
        for other in _candidates(getattr(options, name), field.annotation):
            try:
                kind.model_validate(dict(options) | {name: other})
            except ValidationError:
                continue
            yield name, other
            break


def _candidates(value: object, annotation: object) -> Iterator[object]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, Enum):
        yield from (other for other in type(value) if other != value)
    elif isinstance(value, int):
        yield from (value + 1, value - 1)
    elif isinstance(value, float):
        yield from (each for each in (1.25 * value, 0.8 * value, value + 0.5, value - 0.5) if each != value)
    elif get_origin(annotation) is Literal:
        yield from (other for other in get_args(annotation) if other != value)
