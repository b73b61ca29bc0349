"""The list of abbreviations in running text, and how many of them a way to cut sentences holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("abbreviations.txt")


@dataclass(frozen=True, slots=True)
class Held:
    """How many of a language's sentences stay whole."""

    language: str
    held: int
    of: int


def read_abbreviations() -> list[tuple[str, str]]:
    """Languages and sentences, one for each abbreviation."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("\t") for line in lines if not line.startswith("#"))
    return [(language, text) for language, _, text in pairs]


def held_by(is_whole: Callable[[str, str], bool]) -> list[Held]:
    """For each language, how many of its sentences are whole for `is_whole(text, language)`."""
    listed = read_abbreviations()
    return [
        Held(
            language,
            sum(is_whole(text, code) for code, text in listed if code == language),
            sum(code == language for code, _ in listed),
        )
        for language in dict.fromkeys(code for code, _ in listed)
    ]
