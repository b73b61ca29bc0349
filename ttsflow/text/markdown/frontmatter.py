"""Front matter: data about a text that stands before it, as site generators have it."""

from __future__ import annotations

import re

# At the very top, between two lines of dashes (YAML) or of plus signs (TOML). It begins with a key, and
# behind a blank line of YAML is a key again: two breaks with paragraphs between them are none.
_BLANK = r"[^\S\n]*+\n(?=[^\S\n]*+\n|[\w-]+:\s|#|---|\.\.\.)"
_YAML = rf"---[ \t]*\n(?=\w[\w -]*:)(?P<yaml>(?:[^\S\n]*+\S[^\n]*+\n|{_BLANK})+?)(?:---|\.\.\.)"
_TOML = r"\+\+\+[ \t]*\n(?=\s*+(?:[\w\"'][^\n=]*=|\[|#))(?P<toml>(?:[^\n]*+\n)+?)\+\+\+"
_FRONT_MATTER = re.compile(rf"\A(?:{_YAML}|{_TOML})[ \t]*(?:\n|\Z)")


def split(text: str) -> tuple[list[str], str]:
    """The lines of the front matter, none where there is none; and the text behind it."""
    found = _FRONT_MATTER.match(text)
    if found is None:
        return [], text
    data = found["yaml"] or found["toml"]
    return [line.strip() for line in data.split("\n") if line.strip()], text[found.end() :]
