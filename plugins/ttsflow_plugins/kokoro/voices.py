"""The voices of Kokoro: which language each speaks, and blends of several."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ttsflow import UnknownNameError, UsageError, Voice

LANGUAGES = {
    "a": ("en", "en-us"), "b": ("en", "en-gb"), "e": ("es",), "f": ("fr",), "h": ("hi",), "i": ("it",),
    "j": ("ja",), "p": ("pt",), "z": ("zh",),
}  # fmt: skip
"""by the first letter of a voice's name"""

ALL = tuple(dict.fromkeys(code for codes in LANGUAGES.values() for code in codes))

_ACCENTS = {
    "a": "American English", "b": "British English", "e": "Spanish", "f": "French", "h": "Hindi",
    "i": "Italian", "j": "Japanese", "p": "Brazilian Portuguese", "z": "Mandarin",
}  # fmt: skip
_GENDERS = {"f": "female", "m": "male"}

FIRST = ("af_heart", "bf_emma")
"""the best voices of American and British English, by the grades of Kokoro's authors"""

HINT = "They are listed by: ttsflow voices --backend kokoro"


@dataclass(frozen=True, slots=True)
class Blend:
    """Voices, and how much of each, together 1: "af_bella:0.6+af_sky:0.4"; one voice is a blend, too."""

    parts: Mapping[str, float]

    @classmethod
    def of(cls, text: str, known: Iterable[str]) -> Blend:
        """Read a blend. Raises UnknownNameError for an unknown voice, UsageError for a wrong weight."""
        known = list(known)
        parts: dict[str, float] = {}
        for part in text.split("+"):
            name, colon, weight = part.strip().partition(":")
            if name not in known:
                raise UnknownNameError("voice", name, known, HINT)
            try:
                value = float(weight) if colon else 1.0
            except ValueError:
                value = math.nan
            if not (value > 0 and math.isfinite(value)):
                raise UsageError(
                    f"voice {text!r}: {weight!r} is no weight; a blend is like af_bella:0.6+af_sky:0.4"
                )
            parts[name] = parts.get(name, 0.0) + value
        total = sum(parts.values())
        return cls({name: value / total for name, value in parts.items()})

    @property
    def letter(self) -> str:
        """The first letter of the first voice, which says how English is pronounced."""
        return next(iter(self.parts))[:1]

    def speaks(self, language: str) -> bool:
        """Whether each of its voices speaks a language."""
        return all(language in LANGUAGES.get(name[:1], ALL) for name in self.parts)


def described(name: str) -> Voice:
    """A voice as a person chooses it; one of an unknown kind speaks all languages."""
    accent, gender = _ACCENTS.get(name[:1], ""), _GENDERS.get(name[1:2], "")
    return Voice(name, LANGUAGES.get(name[:1], ()), ", ".join(filter(None, (accent, gender))))


def spoken(names: Iterable[str]) -> tuple[str, ...]:
    """The languages that some of these voices speak, in the order of `ALL`."""
    codes = {code for name in names for code in LANGUAGES.get(name[:1], ALL)}
    return tuple(code for code in ALL if code in codes)


def default(names: Iterable[str], language: str, *, accents: bool) -> str | None:
    """The voice of a text that names none; None if none speaks its language. `accents`: then any will do."""
    ordered = sorted(names, key=lambda name: name not in FIRST)
    speaking = [name for name in ordered if language in LANGUAGES.get(name[:1], ALL)]
    return next(iter(speaking or (ordered if accents else ())), None)
