"""Evidence that a text which is read as plain text is written in something else."""

from __future__ import annotations

import re

_ENOUGH = 100_000
"""characters of a text that are looked at"""

_MARKS = {
    "headings": r"^#{1,6} +\S",
    "**bold**": r"(?<![\w*])\*\*(?![\s*])[^*\n]{1,200}(?<!\s)\*\*(?!\*)",
    "links": r"\[[^\[\]\n]{1,200}\]\([^()\s]{1,1000}\)",
    "`code`": r"(?<!`)`[^`'\n]{1,200}`(?!`)|^```",
    "tables": r"^\|? *:?---+:? *\|",
    "lists": r"^ {0,8}[*+-] +\S[^\n]*\n\s*[*+-] +\S",
    "footnotes": r"\[\^[\w-]{1,50}\]",
}
_PATTERNS = {kind: re.compile(pattern, re.MULTILINE) for kind, pattern in _MARKS.items()}
_HTML_START = re.compile(r"\s*+(?:<!doctype html|<html\b)", re.IGNORECASE)
_HTML_END_TAG = re.compile(
    r"</(?:a|b|body|div|em|h[1-6]|head|i|li|p|script|span|strong|style|table|td|tr|ul)>", re.IGNORECASE
)
_MANY = 10
"""end tags in plain text that are no example of a tag"""


def suspicion(text: str, name: str) -> str | None:
    """What a person should know about a text that messages call `name`; None if it looks like plain text.

    One kind of marks is no evidence: plain text has lists and asterisks, too.
    """
    beginning = text[:_ENOUGH]
    if _HTML_START.match(beginning) or len(_HTML_END_TAG.findall(beginning)) >= _MANY:
        return (
            f"{name} looks like HTML, and its tags are spoken: convert it, for example with "
            f"`pandoc -f html -t plain`, or add --input-format text to read it as it is"
        )
    kinds = [kind for kind, pattern in _PATTERNS.items() if pattern.search(beginning)]
    if len(kinds) < 2:
        return None
    return (
        f"{name} looks like Markdown ({', '.join(kinds[:3])}): add --input-format markdown, "
        f"or --input-format text to read it as it is"
    )
