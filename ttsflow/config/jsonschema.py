"""The JSON Schema of the configuration, described by the docstrings of its keys."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

from ttsflow.config.model import Config


def json_schema() -> dict[str, Any]:
    """JSON Schema of a configuration file, with which editors complete and check it.

    In a file every key is optional: what one file leaves out, a file before it has.
    """
    schema = Config.model_json_schema(schema_generator=_Described)
    schema.pop("required", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "ttsflow"}


class _Described(GenerateJsonSchema):
    """Looks for the docstrings only now: pydantic would read the sources whenever the program starts."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        described = super().model_schema(schema)
        model = schema["cls"]
        for kind in reversed(model.__mro__):
            for name, words in _said(kind).items():
                key = model.model_fields[name].alias or name
                described["properties"][key]["description"] = words
        return described


def _said(kind: type) -> dict[str, str]:
    """The docstring behind each annotated attribute of a class of ours."""
    if not kind.__module__.startswith("ttsflow."):
        return {}
    [definition] = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    return {
        attribute.target.id: inspect.cleandoc(words.value.value)
        for attribute, words in pairwise(definition.body)
        if isinstance(attribute, ast.AnnAssign) and isinstance(attribute.target, ast.Name)
        if isinstance(words, ast.Expr) and isinstance(words.value, ast.Constant)
        if isinstance(words.value.value, str)
    }
