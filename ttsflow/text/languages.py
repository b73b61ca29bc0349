"""Finding a backend's own tag for the language that is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAMES = """
    af afrikaans ar arabic bg bulgarian bn bengali ca catalan cs czech cy welsh da danish de german el greek
    en english eo esperanto es spanish et estonian eu basque fa persian fi finnish fr french ga irish
    gu gujarati he hebrew hi hindi hr croatian hu hungarian hy armenian id indonesian is icelandic it italian
    ja japanese ka georgian kk kazakh kn kannada ko korean la latin lt lithuanian lv latvian mk macedonian
    ml malayalam mr marathi ms malay mt maltese nb norwegian ne nepali nl dutch pa punjabi pl polish
    pt portuguese ro romanian ru russian sk slovak sl slovenian sq albanian sr serbian sv swedish sw swahili
    ta tamil te telugu th thai tr turkish uk ukrainian ur urdu vi vietnamese zh chinese
"""
_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")
_NO_LANGUAGES = frozenset(("und", "mul", "zxx", "mis"))  # ISO 639: unknown, many, none, another
_TAGS = dict(zip(_NAMES.split()[1::2], _NAMES.split()[::2], strict=True))


def tag_named(language: str) -> str | None:
    """The tag of a language that is called by its English name; None for a name that is not known."""
    return _TAGS.get(language.strip().lower())


def declared(language: str | None) -> str | None:
    """The tag of the language that a document says it is in; None where it says nothing that is one."""
    tag = tag_named(language or "") or (language or "").strip().replace("_", "-")
    return tag if _TAG.fullmatch(tag) and tag.lower().partition("-")[0] not in _NO_LANGUAGES else None


def nearest(wanted: str, spoken: Iterable[str]) -> str | None:
    """The tag of `spoken` that is nearest to `wanted`; None where none is near.

    Lookup of RFC 4647, section 3.4: case does not count, subtags are dropped from the right until a tag
    is found. `_` is read as `-`. What is found nowhere is spoken by the first language with the same
    primary subtag: "en-AU" by "en-gb", "zh" by "zh-cn".
    """
    by_name: dict[str, str] = {}
    for tag in spoken:
        by_name.setdefault(_normal(tag), tag)
    subtags = _normal(wanted).split("-")
    for length in range(len(subtags), 0, -1):
        found = by_name.get("-".join(subtags[:length]))
        if found is not None:
            return found
    kin = (tag for name, tag in by_name.items() if name.split("-")[0] == subtags[0])
    return next(kin, None)


def covers(tag: str, language: str) -> bool:
    """Whether what is said of the language `tag` holds for `language`: "en" and "en-US" for each other.

    It does not for two regions, such as "en-US" and "en-GB".
    """
    one, other = f"{_normal(tag)}-", f"{_normal(language)}-"
    return one.startswith(other) or other.startswith(one)


def _normal(tag: str) -> str:
    return tag.strip().replace("_", "-").lower()
