"""Finding a backend's own tag for the language that is asked for."""

from __future__ import annotations

from collections.abc import Iterable


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


def _normal(tag: str) -> str:
    return tag.strip().replace("_", "-").lower()
