"""The public interface, as griffe reads it from the source: python -m tests.interface.public > FILE."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe

ROOT = Path(__file__).parents[2]


def interface(root: Path = ROOT) -> str:
    """The public names of ttsflow in the form of a stub, each with what a user may call and name of it."""
    loader = griffe.GriffeLoader(search_paths=[str(root)], allow_inspection=False)
    package: Any = loader.load("ttsflow", try_relative_path=False)
    loader.resolve_aliases()
    names = sorted(str(name) for name in package.exports if _is_public(str(name)))
    things = [package[name].final_target for name in names]
    return "\n".join("\n".join(_stub(thing)) for thing in things) + "\n"


def _stub(thing: Any) -> Iterator[str]:
    if thing.is_function:
        yield from (f"@{decorator.value}" for decorator in thing.decorators if decorator.value in _KINDS)
        yield f"def {thing.signature()}: ..."
    elif thing.is_class:
        bases = ", ".join(map(str, thing.bases))
        yield f"class {thing.name}({bases}):"
        members = [member for name, member in thing.members.items() if _is_public(name) or name == "__init__"]
        lines = [line for member in members for line in _stub(member)]
        yield textwrap.indent("\n".join(lines or ["..."]), "    ")
    elif thing.is_attribute:
        kind = "" if thing.annotation is None else f": {thing.annotation}"
        value = "" if thing.value is None else f" = {thing.value}"
        yield f"{thing.name}{kind}{value}" if kind or value else f"{thing.name}: object"


_COLOURS = re.compile(r"\x1b\[\d+m")
_KINDS = ("classmethod", "staticmethod", "property")


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def breaks(before: str, after: str) -> list[str]:
    """What worked with an interface and does not with a later one."""
    found = griffe.find_breaking_changes(_parsed(before), _parsed(after))
    return [_COLOURS.sub("", change.explain(griffe.ExplanationStyle.ONE_LINE)) for change in found]


def _parsed(stub: str) -> griffe.Module:
    return griffe.visit("ttsflow", filepath=Path("ttsflow.pyi"), code=stub)


if __name__ == "__main__":
    sys.stdout.write(interface(*map(Path, sys.argv[1:])))
