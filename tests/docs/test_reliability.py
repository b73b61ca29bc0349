"""reliability.md: every fault has a test that exists, every limit the default that it has."""

from __future__ import annotations

import ast
import re

import yaml

from tests.docs.conftest import ROOT
from ttsflow.scheduler.limits import Limits

TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
FAULTS = re.findall(r"^\| (\d+) \|.*\|.*\| (.*) \|$", TEXT, re.MULTILINE)


def functions(path: str) -> set[str]:
    """The test functions at the top of a file."""
    module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in module.body if isinstance(node, ast.FunctionDef)}


def test_every_fault_has_a_test() -> None:
    assert [int(number) for number, _ in FAULTS] == list(range(1, 34))
    for number, tests in FAULTS:
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", tests)
        assert len(named) == tests.count("`") // 2 > 0, f"fault {number}"
        for path, name in named:
            assert name in functions(path), f"fault {number}: {path}::{name}"


def test_every_limit_has_its_default() -> None:
    rows = re.findall(r"^\| `limits\.([\w.]+)` \| (\S+) \|", TEXT, re.MULTILINE)
    assert rows
    for key, default in rows:
        value: object = Limits()
        for name in key.split("."):
            value = getattr(value, name)
        assert value == (None if default == "none" else yaml.safe_load(default)), key
