"""Front matter: data about a text that stands before it, as site generators have it."""

from __future__ import annotations

import re

# At the very top, between two lines of dashes (YAML) or of plus signs (TOML). It begins with a key;
# YAML has no blank line, so that a break before the first paragraph is none.
_YAML = r"---[ \t]*\n(?=\w[\w -]*:)(?P<yaml>(?:[^\S\n]*+\S[^\n]*+\n)+?)(?:---|\.\.\.)"
_TOML = r"\+\+\+[ \t]*\n(?=\s*+(?:[\w\"'][^\n=]*=|\[|#))(?P<toml>(?:[^\n]*+\n)+?)\+\+\+"
_FRONT_MATTER = re.compile(rf"\A(?:{_YAML}|{_TOML})[ \t]*(?:\n|\Z)")


def split(text: str) -> tuple[list[str], str]:
    """The lines of the front matter, none where there is none; and the text behind it."""
    found = _FRONT_MATTER.match(text)
    if found is None:
        return [], text
    data = found["yaml"] or found["toml"]
    return [line.strip() for line in data.split("\n") if line.strip()], text[found.end() :]
