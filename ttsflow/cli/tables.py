"""Text in columns, as wide as the terminal; whole lines where something other than a person reads them."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

GAP = "  "
NARROWEST = 20  # characters that the last column has, however narrow the terminal


def print_table(rows: Iterable[Sequence[str]]) -> None:
    """Print rows as aligned columns; at a terminal the last column wraps."""
    cells = list(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for *first, last in cells:
        start = "".join(cell.ljust(width) + GAP for cell, width in zip(first, widths, strict=False))
        click.echo(fit(start, last))


def aligned(rows: Sequence[Sequence[str]], columns: int | None) -> str:
    """Rows as aligned columns; of what does not fit into so many characters the last column shows its end."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for *first, last in rows:
        start = "".join(cell.ljust(width) + GAP for cell, width in zip(first, widths, strict=False))
        room = None if columns is None else max(columns - len(start), NARROWEST)
        shown = last if room is None or len(last) <= room else f"...{last[3 - room :]}"
        lines.append(f"{start}{shown}".rstrip())
    return "\n".join(lines)


def fit(start: str, text: str) -> str:
    """`start` and `text` in a line, or at a terminal in as many as needed, with `text` indented."""
    if not sys.stdout.isatty():
        return (start + text).rstrip()
    room = max(shutil.get_terminal_size().columns - len(start), NARROWEST)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    return f"\n{' ' * len(start)}".join([(start + lines[0]).rstrip(), *lines[1:]])


def option_rows(schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A row for each option in a JSON Schema: its name, and what it is."""
    required = schema.get("required", ())
    rows = []
    for name, option in schema.get("properties", {}).items():
        facts = [_kind(option)]
        if name in required:
            facts.append("required")
        elif "default" in option:
            facts.append(f"default: {_value(option['default'])}")
        rows.append((name, f"{option.get('description', '')}  [{'; '.join(facts)}]".strip()))
    return rows


def _kind(schema: Mapping[str, Any]) -> str:
    """What values a JSON Schema allows, in words: "whole number > 0 | auto"."""
    if "anyOf" in schema:
        kinds = [_kind(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " | ".join(dict.fromkeys(kinds))
    if "enum" in schema or "const" in schema:
        return " | ".join(_value(value) for value in schema.get("enum", [schema.get("const")]))
    if schema.get("format") == "path":
        return "path"
    names = {
        "integer": "whole number",
        "number": "number",
        "string": "text",
        "boolean": "true | false",
        "array": "list",
    }
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema]
    return " ".join([names.get(schema.get("type", ""), "mapping"), " and ".join(bounds)]).strip()


def _value(value: object) -> str:
    """A value as one writes it after `--set KEY=`."""
    if value is None:
        return "unset"
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
