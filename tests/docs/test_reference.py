"""Lists and signatures in the documents are those of the code, no more and no less."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import ttsflow
from tests.docs.conftest import ROOT
from ttsflow.config.model import Config
from ttsflow.interface import hookspecs
from ttsflow.interface.validation import Section
from ttsflow.registry import Registry
from ttsflow.registry.offers import HOOKS

DOCS = ROOT / "docs"


def test_commands() -> None:
    """When this fails: python tests/docs/commands.py > docs/commands.md."""
    made = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "docs" / "commands.py")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (DOCS / "commands.md").read_text(encoding="utf-8") == made.stdout


# ---------------------------------------------------------------- configuration


def keys(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, object]]:
    """Every key of a section and of those in it, dotted, with its default.

    `[]` stands for the items of a list, `NAME` for the names in a mapping.
    """
    for name, field in model.model_fields.items():
        key = f"{above}{field.alias or name}"
        sections = [part for part in parts(field.annotation) if issubclass(part, Section)]
        if not sections:
            yield key, field.get_default(call_default_factory=True)
        for section in sections:
            listed = section is not field.annotation and "tuple" in str(field.annotation)
            named = "dict" in str(field.annotation)
            yield from keys(section, f"{key}[]." if listed else f"{key}.NAME." if named else f"{key}.")


def parts(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from parts(argument)


def test_every_key_of_the_configuration_has_its_line() -> None:
    rows = re.findall(r"^\| `([\w.\[\]]+)` \| ([^|]+) \|", (DOCS / "configuration.md").read_text(), re.M)
    documented = {key: default.strip().strip("`") for key, default in rows}
    assert len(documented) == len(rows), "a key is documented twice"
    actual = dict(keys(Config))
    assert sorted(documented) == sorted(actual)
    shipped = yaml.safe_load((ROOT / "ttsflow" / "config" / "defaults.yaml").read_text())
    for key, default in actual.items():
        if key == "backend.use":
            default = shipped["backend"]["use"]
        if default is None or default is PydanticUndefined:
            assert documented[key] in ("none", "required"), key
        else:
            expected = list(default) if isinstance(default, tuple) else default
            assert yaml.safe_load(documented[key]) == expected, key


def test_every_option_of_the_plugins_has_its_line() -> None:
    """The tables of policies.md and backends.md name the options of the built-in plugins."""
    registry = Registry.load()
    for document, plugins in (("policies.md", registry.policies()), ("backends.md", registry.backends())):
        text = (DOCS / document).read_text()
        for plugin in plugins:
            if plugin.provider.kind != "built-in":
                continue
            section = re.search(rf"^#+ `?{plugin.name}`?\n(.*?)(?=^#|\Z)", text, re.M | re.S)
            assert section is not None, f"{document} has no section {plugin.name}"
            options = re.findall(r"^\| `(\w+)` \|", section[1], re.MULTILINE)
            assert sorted(options) == sorted(plugin.cls.Options.model_fields), plugin.name


# ---------------------------------------------------------------- signatures


def stubs(document: Path) -> Iterator[ast.stmt]:
    """The classes and functions in a document's `pyi` blocks."""
    for block in re.findall(r"^```pyi\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL):
        yield from ast.parse(block).body


def interface(node: ast.ClassDef) -> dict[str, str]:
    """The public methods and fields of a class, each as its header."""
    found = {}
    for item in node.body:
        if isinstance(item, ast.AnnAssign):
            found[ast.unparse(item.target)] = ast.unparse(item)
        elif isinstance(item, ast.FunctionDef):
            found[item.name] = header(item)
    private = [name for name in found if name.startswith("_") and name not in ("__iter__", "__len__")]
    return {name: text for name, text in found.items() if name not in private}


def header(function: ast.FunctionDef) -> str:
    decorators = "".join(f"@{ast.unparse(decorator)} " for decorator in function.decorator_list)
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    return f"{decorators}def {function.name}({ast.unparse(function.args)}){returns}"


def parsed(real: object) -> ast.stmt:
    return ast.parse(textwrap.dedent(inspect.getsource(real))).body[0]  # type: ignore[arg-type]  # class or function


STUBS = {
    node.name: node
    for document in sorted(DOCS.glob("*.md"))
    for node in stubs(document)
    if isinstance(node, ast.ClassDef)
}


@pytest.mark.parametrize("name", STUBS)
def test_a_class_is_shown_as_it_is(name: str) -> None:
    real = parsed(getattr(ttsflow, name))
    assert isinstance(real, ast.ClassDef)
    assert interface(STUBS[name]) == interface(real)


def test_what_a_plugin_author_needs_is_shown() -> None:
    assert {"Policy", "View", "Ready", "WorkerView", "Running", "WorkerSpec", "Costs"} <= set(STUBS)
    assert {"Backend", "Profile", "Step", "Voice", "ChunkJob", "AudioPiece", "Device"} <= set(STUBS)


@pytest.mark.parametrize("hook", ["ttsflow_policies", "ttsflow_backends"])
def test_a_hook_is_shown_as_it_is(hook: str) -> None:
    real = parsed(getattr(hookspecs, hook))
    assert isinstance(real, ast.FunctionDef)
    real.decorator_list.clear()
    shown = [
        header(node)
        for document in sorted(DOCS.glob("*.md"))
        for node in stubs(document)
        if isinstance(node, ast.FunctionDef) and node.name == hook
    ]
    assert set(shown) == {header(real)}


def test_every_hook_is_tested() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("ttsflow_")}
    assert hooks == set(HOOKS)


# ---------------------------------------------------------------- the way in


def test_the_reading_order_is_short_and_names_files_that_are_there() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    section = re.search(r"^## A reading order\n(.*?)^After that", text, re.M | re.S)
    assert section is not None
    files = re.findall(r"`((?:ttsflow|plugins)/[\w/]+\.py)`", section[1])
    assert len(files) >= 10
    assert sum(len((ROOT / file).read_text(encoding="utf-8").splitlines()) for file in files) <= 2_500
