"""What the documents promise of the code itself: what is public, what plugins may use, and its size."""

from __future__ import annotations

import ast
import importlib
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import ttsflow
from tests.docs.conftest import ROOT

CORE = sorted((ROOT / "ttsflow").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_public_names_are_sorted_and_there() -> None:
    assert ttsflow.__all__ == sorted(ttsflow.__all__)
    for name in ttsflow.__all__:
        assert getattr(ttsflow, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        ttsflow.nonsense  # noqa: B018  # looking it up is what is tested


def test_type_checkers_see_the_same_names() -> None:
    """The imports under TYPE_CHECKING are __all__, each from the module that it loads from."""
    imports = {
        alias.name: node.module
        for node in ast.walk(tree(ROOT / "ttsflow" / "__init__.py"))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ttsflow.")
        for alias in node.names
    }
    assert sorted(imports) == ttsflow.__all__
    for name, module in imports.items():
        assert getattr(importlib.import_module(str(module)), name) is getattr(ttsflow, name)


@pytest.mark.parametrize("path", PLUGINS, ids=name_of)
def test_plugins_use_public_names_only(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            assert not [alias.name for alias in node.names if alias.name.startswith("ttsflow.")]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert not (node.module or "").startswith("ttsflow."), f"line {node.lineno}"
            if node.module == "ttsflow":
                assert {alias.name for alias in node.names} <= set(ttsflow.__all__), f"line {node.lineno}"


def silent(node: ast.ClassDef | ast.FunctionDef) -> bool:
    return not node.name.startswith("_") and not ast.get_docstring(node)


def is_property(function: ast.FunctionDef) -> bool:
    return any(ast.unparse(decorator) == "property" for decorator in function.decorator_list)


def undocumented(module: ast.Module) -> Iterator[str]:
    """The module, its public functions and classes that say nothing of themselves."""
    if not ast.get_docstring(module):
        yield "the module"
    for node in module.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and silent(node):
            yield node.name


def undocumented_methods(module: ast.Module) -> Iterator[str]:
    """The methods that say nothing, of classes that are exported; properties are told of by their class."""
    for node in module.body:
        if isinstance(node, ast.ClassDef) and node.name in ttsflow.__all__:
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and silent(item) and not is_property(item):
                    yield f"{node.name}.{item.name}"


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_what_is_public_says_what_it_is(path: Path) -> None:
    module = tree(path)
    assert [*undocumented(module), *undocumented_methods(module)] == []


def test_every_package_is_shipped() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = [
        ".".join(init.parent.relative_to(root).parts)
        for root in (ROOT, ROOT / "plugins")
        for init in root.glob("ttsflow*/**/__init__.py")
    ]
    assert sorted(project["tool"]["setuptools"]["packages"]) == sorted([*packages, "ttsflow.policies"])


WALL_CLOCK = {"time", "time_ns", "localtime", "gmtime", "ctime", "strftime", "now", "utcnow", "today"}
SHOWN_TO_PEOPLE = {
    "ttsflow/cli/bench.py": {"strftime"},
    "ttsflow/session/recording.py": {"strftime"},
    "ttsflow/output/lease.py": {"strftime"},
    "ttsflow/server/jobs/intake.py": {"time"},
}
"""when a run or a job began, for people who are told of it, and for the order of jobs after a restart; the
day on which something was measured"""


@pytest.mark.parametrize("path", [*CORE, *PLUGINS], ids=name_of)
def test_the_wall_clock_decides_nothing(path: Path) -> None:
    """Nobody asks what time it is: intervals are measured on the monotonic clock."""
    asked = {
        node.attr
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("time", "datetime", "date")
        and node.attr in WALL_CLOCK
    }
    assert asked == SHOWN_TO_PEOPLE.get(path.relative_to(ROOT).as_posix(), set())
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            assert not {alias.name for alias in node.names} & WALL_CLOCK
