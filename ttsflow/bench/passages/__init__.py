"""Passages to measure with where no text is given: prose of this project, about 2,000 characters each."""

from __future__ import annotations

from importlib import resources


def languages() -> list[str]:
    """The languages in which there is a passage."""
    files = resources.files(__name__).iterdir()
    return sorted(file.name.removesuffix(".txt") for file in files if file.name.endswith(".txt"))


def passage(language: str) -> str | None:
    """The passage for a language tag such as "en" or "en-gb"; None where there is none."""
    primary = language.partition("-")[0].lower()
    if primary not in languages():
        return None
    return (resources.files(__name__) / f"{primary}.txt").read_text("utf-8")
