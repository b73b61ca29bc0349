"""Checks plain data against a pydantic model; its errors tell a user what is wrong and where."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ttsflow.errors import ConfigError, known_names

Seconds = Annotated[float, Field(gt=0, le=31_536_000)]
"""a time to wait: a year at most, because systems cannot wait for any number"""

Silence = Annotated[float, Field(ge=0, le=3_600)]
"""seconds of silence: an hour at most, because it is written to disks"""

KeyPath = tuple[str | int, ...]
"""Keys and list indices that lead from the root of the data to a value."""

Where = Callable[[KeyPath], str]
"""Returns where the value at a key path was given: "my.yaml, line 3", "--voice"."""

M = TypeVar("M", bound=BaseModel)

_WANTED = {
    "bool": "true or false",
    "dict": "a mapping of keys to values",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "mapping": "a mapping of keys to values",
    "model": "a mapping of keys to values",
    "path": "a path",
    "string": "text",
    "tuple": "a list",
}
_TEXT = f"must be {_WANTED['string']}"
_UNQUOTED = (
    "; in YAML put text in quotes where it looks like something else:"
    " yes, no, on and off are read as true and false, digits as a number"
)


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values do not change.

    It is strict: `retries: yes` is a mistake, and does not mean 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _an_empty_section_sets_nothing(cls, data: Any) -> Any:
        """For example a section in which all lines are commented out."""
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or not cls._has_section(key)}

    @classmethod
    def _has_section(cls, key: str) -> bool:
        kind = cls.model_fields[key].annotation if key in cls.model_fields else None
        return isinstance(kind, type) and issubclass(kind, Section)


def validate(
    model: type[M],
    data: object,
    where: Where,
    at: KeyPath = (),
    *,
    whole: str = "the file",
    in_yaml: bool = True,
) -> M:
    """Check `data`, whose key path is `at`, against `model`.

    Messages call the data as a whole `whole`; `in_yaml` tells whether a person wrote it in YAML.

    Raises ConfigError, which shows for each mistake the file and line (or flag), the key path, the value
    and what is allowed there.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        wanted: dict[KeyPath, list[str]] = {}
        for mistake in error.errors(include_url=False):
            path = _real_path(mistake["loc"], data)
            wanted.setdefault(path, []).append(_say(mistake["type"], mistake["msg"], path, model))
        lines = []
        for path, says in wanted.items():
            name = dotted((*at, *path)) or whole
            lines.append(f"{where((*at, *path))}: {_sentence(name, _value(path, data), says, in_yaml)}")
        raise ConfigError("\n".join(lines)) from None


def dotted(path: KeyPath) -> str:
    """`policy.rules[0].use` for ("policy", "rules", 0, "use")."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".")


_ABSENT = object()


def _value(path: Sequence[str | int], data: object) -> object:
    for key in path:
        in_mapping = isinstance(data, Mapping) and key in data
        in_list = isinstance(data, list | tuple) and isinstance(key, int) and key < len(data)
        if not (in_mapping or in_list):
            return _ABSENT
        data = data[key]  # type: ignore[index]  # one of the two it is
    return data


def _real_path(loc: Sequence[str | int], data: object) -> KeyPath:
    """`loc` without the names of union members that pydantic puts between the keys."""
    path: KeyPath = ()
    for position, key in enumerate(loc):
        last = position == len(loc) - 1
        inside = _value(path, data)
        if _value((*path, key), data) is not _ABSENT or (last and isinstance(inside, Mapping)):
            path = (*path, key)
    return path


def _say(kind: str, message: str, path: KeyPath, model: type[BaseModel]) -> str:
    """What is wrong, as the end of a sentence that begins with the key."""
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return f"is not a known key; {known_names(str(path[-1]), _keys_at(model, path[:-1]))}"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    base, _, what = kind.partition("_")
    if what in ("type", "parsing", "from_float") and base in _WANTED:
        return f"must be {_WANTED[base]}"
    return re.sub(r"^\w+ should ", "must ", message).partition(" after validation")[0]


def _sentence(name: str, value: object, says: list[str], in_yaml: bool) -> str:
    if not all(say.startswith("must ") for say in says):
        return f"{name} {'; '.join(says)}"
    first, *others = dict.fromkeys(says)
    allowed = " or ".join([first, *(say.removeprefix("must be ") for say in others)])
    unquoted = in_yaml and _TEXT in says and isinstance(value, bool | int | float)
    return f"{name} is {reprlib.repr(value)}, but {allowed}{_UNQUOTED if unquoted else ''}"


def _keys_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The known keys at a key path of the data; empty if any key is allowed."""
    models = [model]
    for key in path:
        if isinstance(key, int) or not any(key in at.model_fields for at in models):
            continue  # in a list or a mapping, whose items have the model of the previous key
        annotations = [at.model_fields[key].annotation for at in models if key in at.model_fields]
        models = [found for annotation in annotations for found in _models_in(annotation)]
    return [field.alias or name for found in models for name, field in found.model_fields.items()]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]
