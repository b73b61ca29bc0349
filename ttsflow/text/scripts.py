"""The script that a text is in: most languages are written in one only, and an engine reads no other well."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import islice

_BEGINNING = 2_000
"""letters of a text that are looked at: what stands above it in another language does not decide"""

_FIRST_LETTERS = 200
"""the same of a text that still comes"""

_LATIN = frozenset({"LATIN"})

# By the first word of the Unicode names of its letters: how a person calls them, and the languages that are
# written in them, of which the first is an example. What is in no list is written in Latin letters, and so
# are those of `_LATIN_TOO` as well.
_SCRIPTS = {
    "LATIN": ("Latin letters", "en"),
    "CYRILLIC": ("Cyrillic letters", "ru uk be bg mk sr hbs kk ky tg tt ba cv mn os ce udm sah ab av kv"),
    "GREEK": ("Greek letters", "el grc"),
    "CJK": ("Chinese characters", "zh cmn yue hak nan wuu lzh ja"),
    "HIRAGANA": ("Japanese characters", "ja"),
    "KATAKANA": ("Japanese characters", "ja ain"),
    "BOPOMOFO": ("Bopomofo", "zh cmn"),
    "HANGUL": ("Korean letters", "ko"),
    "ARABIC": ("Arabic letters", "ar fa ur ps sd ug ckb ku arz apc pnb ks"),
    "HEBREW": ("Hebrew letters", "he iw yi"),
    "DEVANAGARI": ("Devanagari letters", "hi mr ne kok sa mai bho doi sd ks"),
    "BENGALI": ("Bengali letters", "bn as bpy mni"),
    "GURMUKHI": ("Gurmukhi letters", "pa"),
    "GUJARATI": ("Gujarati letters", "gu"),
    "ORIYA": ("Odia letters", "or"),
    "TAMIL": ("Tamil letters", "ta"),
    "TELUGU": ("Telugu letters", "te"),
    "KANNADA": ("Kannada letters", "kn"),
    "MALAYALAM": ("Malayalam letters", "ml"),
    "SINHALA": ("Sinhala letters", "si"),
    "THAI": ("Thai letters", "th"),
    "LAO": ("Lao letters", "lo"),
    "KHMER": ("Khmer letters", "km"),
    "MYANMAR": ("Burmese letters", "my shn"),
    "TIBETAN": ("Tibetan letters", "bo dz"),
    "ETHIOPIC": ("Ethiopic letters", "am ti"),
    "ARMENIAN": ("Armenian letters", "hy hyw"),
    "GEORGIAN": ("Georgian letters", "ka"),
    "CHEROKEE": ("Cherokee letters", "chr"),
    "THAANA": ("Thaana letters", "dv"),
    "SHAVIAN": ("Shavian letters", "en-shaw"),
}
_LATIN_TOO = frozenset(("chr", "hbs", "kk", "kok", "ku", "mn", "mni", "nan", "sr", "tt"))
_BY_SUBTAG = {"latn": _LATIN, "cyrl": frozenset({"CYRILLIC"}), "arab": frozenset({"ARABIC"})}


def strangeness(text: str, language: str, name: str) -> str | None:
    """What a person should know where most letters at the beginning are of no script of the language.

    Messages call the text `name`.
    """
    beginning = text[: 10 * _BEGINNING]  # which may have few letters
    return _judge(Counter(islice(_scripts_of(beginning), _BEGINNING)), language, name)


class ScriptWatch:
    """The same of a text that still comes, once its first letters are there."""

    doubtful = True

    def __init__(self, name: str, language: str) -> None:
        self._name, self._language = name, language
        self._letters = Counter[str]()
        self._over = False

    def see(self, piece: str, *, last: bool = False) -> str | None:
        """What is to be said, once; the `last` piece ends the text."""
        if self._over:
            return None
        self._letters.update(islice(_scripts_of(piece), _FIRST_LETTERS - self._letters.total()))
        self._over = last or self._letters.total() == _FIRST_LETTERS
        return _judge(self._letters, self._language, self._name) if self._over else None


def _judge(letters: Counter[str], language: str, name: str) -> str | None:
    usual = _scripts_for(language)
    own = sum(letters[script] for script in usual)
    if 2 * own >= letters.total():
        return None
    script = max(letters.keys() - usual, key=lambda each: letters[each])
    words, languages = _SCRIPTS.get(script, (f"{script.capitalize()} letters", ""))
    example = f", such as {languages.split()[0]!r}" if languages else ""
    return (
        f"{name} is in {words}, in which language {language!r} is not written: say which language it is "
        f"(text.language){example}"
    )


def _scripts_for(language: str) -> frozenset[str]:
    """The scripts in which a language is written."""
    tag = language.strip().replace("_", "-").lower()
    primary, *subtags = tag.split("-")
    for subtag in subtags:
        if subtag in _BY_SUBTAG:
            return _BY_SUBTAG[subtag]
    found = frozenset(
        script
        for script, (_, languages) in _SCRIPTS.items()
        if primary in languages.split() or tag in languages.split()
    )
    return found | _LATIN if not found or primary in _LATIN_TOO else found


def _scripts_of(text: str) -> Iterator[str]:
    """The script of each letter; modifier letters are of none."""
    for char in filter(str.isalpha, text):
        if unicodedata.category(char) != "Lm":
            plain = unicodedata.normalize("NFKC", char)[0]
            yield unicodedata.name(plain, "UNKNOWN").partition(" ")[0]
