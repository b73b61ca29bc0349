"""Figures as a Markdown table, and its place in the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.pairs import Bound, Figure

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def markdown(figures: Sequence[Figure], caption: str) -> str:
    """The caption and one line for each figure."""
    lines = ["| what | measured (least to greatest) | bound | how |", "|---|---|---|---|"]
    for figure in figures:
        lines.append(f"| {figure.name} | {measured(figure)} | {bound(figure)} | {figure.how} |")
    return "\n".join([caption, "", *lines])


def measured(figure: Figure) -> str:
    """The median, the extremes, and what is behind them."""
    spread = figure.spread
    if figure.unit:
        return f"**{spread.median:,.0f}** ({spread.low:,.0f} to {spread.high:,.0f}) {figure.unit}"
    note = f": {figure.note}" if figure.note else ""
    return f"**{spread.median:.2f}** ({spread.low:.2f} to {spread.high:.2f}){note}"


def bound(figure: Figure) -> str:
    """The bound, and a word where the median does not keep to it."""
    match figure.bound:
        case None:
            return "reported"
        case Bound(kind, limit):
            missed = "" if figure.bound.holds(figure.spread.median) else ", **missed**"
            return f"{kind} {limit:g}{missed}"


def write_into(page: Path, table: str) -> None:
    """Put the table between the page's two markers. Raises ValueError where it does not have both."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has no {BEGIN} and {END} to write between")
    page.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
