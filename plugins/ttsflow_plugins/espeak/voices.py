"""The voices and languages of eSpeak NG, read from its data files without loading the library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ttsflow import Voice

# Languages that have another code in ttsflow, or for which eSpeak NG ranks an unusual voice first.
_PREFERRED = {"en": "en-us", "zh-cn": "cmn"}

# The voice of the lowest rank speaks a language. The data files give ranks from 1 to 10.
_BY_NAME = 0
_UNSAID = 5  # the rank of a voice whose file gives none
_BY_FAMILY = 100  # "es-419" can speak "es", even if its file does not list "es"


@dataclass(frozen=True)
class Catalogue:
    """The voices of eSpeak NG.

    `files` maps a voice to its file, relative to the folder `lang`. `by_language` maps a language code
    to the voice that speaks it by default. `variants` can be combined with every voice.
    """

    voices: tuple[Voice, ...]
    files: dict[str, str]
    by_language: dict[str, str]
    variants: tuple[Voice, ...]

    def find(self, voice: str | None, language: str) -> str | None:
        """The name for the library, "FILE" or "FILE+VARIANT"; None if there is no such voice.

        `voice` is a voice ("en-gb"), a variant ("f3"), both ("en-gb+f3") or None. Without a voice, the
        default voice of `language` is used.
        """
        name, _, variant = (voice or "").partition("+")
        known = {other.name for other in self.variants}
        if not variant and name in known:
            name, variant = "", name
        file = self.files.get(name or self.by_language.get(language, ""))
        if file is None or (variant and variant not in known):
            return None
        return f"{file}+{variant}" if variant else file


def read_catalogue(data: Path) -> Catalogue:
    """Read all voices from the folder `data` ("espeak-ng-data"): a few hundred small files."""
    voices: list[Voice] = []
    files: dict[str, str] = {}
    ranks: dict[str, tuple[int, str]] = {}
    for path in sorted((data / "lang").rglob("*")):
        if path.is_dir():
            continue
        facts = list(_facts(path))
        spoken = _languages(facts)
        if not _has_dictionary(data, facts, spoken):
            continue
        name = next(iter(spoken))
        if name in files:
            name = path.name.lower()
        spoken[name] = _BY_NAME
        spoken.setdefault(name.partition("-")[0], _BY_FAMILY)
        spoken |= {code: _BY_NAME for code, preferred in _PREFERRED.items() if preferred == name}
        for code, rank in spoken.items():
            ranks[code] = min(ranks.get(code, (rank, name)), (rank, name))
        files[name] = path.relative_to(data / "lang").as_posix()
        title = next((value for key, value in facts if key == "name"), "")
        voices.append(Voice(name, tuple(spoken), title))
    voices.sort(key=lambda voice: voice.name)
    by_language = {code: name for code, (_, name) in sorted(ranks.items())}
    return Catalogue(tuple(voices), files, by_language, tuple(_variants(data)))


def _languages(facts: list[tuple[str, str]]) -> dict[str, int]:
    """The language codes in a voice file, each with its rank. Such a line reads "language en-gb 2"."""
    ranks = {}
    for key, value in facts:
        if key == "language":
            code, _, rank = value.partition(" ")
            ranks[code.lower()] = int(rank) if rank else _UNSAID
    return ranks


def _has_dictionary(data: Path, facts: list[tuple[str, str]], spoken: dict[str, int]) -> bool:
    """Whether the data contain the dictionary of a voice. A voice without its dictionary is silent."""
    of_language = next(iter(spoken)).partition("-")[0]
    name = next((value for key, value in facts if key == "dictionary"), of_language)
    return (data / f"{name}_dict").exists()


def _variants(data: Path) -> Iterator[Voice]:
    for path in sorted((data / "voices" / "!v").iterdir()):
        genders = (value.lower().split()[0] for key, value in _facts(path) if key == "gender")
        gender = next(genders, "")
        yield Voice(path.name, description=f"variant, {gender}" if gender else "variant")


def _facts(path: Path) -> Iterator[tuple[str, str]]:
    """The lines "KEY VALUE" of a voice file, with single spaces and without comments."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.partition("//")[0].split()
        if len(words) > 1:
            yield words[0], " ".join(words[1:])
