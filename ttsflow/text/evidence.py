"""Evidence that a text which is read as plain text is written in something else."""

from __future__ import annotations

import re

_ENOUGH = 100_000
"""characters of a text that are looked at"""

_FIRST_LOOK = 200
"""characters of a text that still comes, before anybody looks at it"""

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
            f"{name} looks like HTML, and its tags are spoken: add `text.format: html` to have its text "
            f"read, or `text.format: text` to read it as it is"
        )
    kinds = [kind for kind, pattern in _PATTERNS.items() if pattern.search(beginning)]
    if len(kinds) < 2:
        return None
    return (
        f"{name} looks like Markdown ({', '.join(kinds[:3])}): add `text.format: markdown`, "
        f"or `text.format: text` to read it as it is"
    )


class Watch:
    """Looks for evidence in a text that still comes, and that messages call `name`.

    It looks when the text is twice as long as the last time, so that all looks together take linear time.
    """

    doubtful = False

    def __init__(self, name: str) -> None:
        self._name = name
        self._pieces: list[str] = []
        self._came = 0  # characters
        self._next_look = _FIRST_LOOK
        self._over = False

    def see(self, piece: str, *, last: bool = False) -> str | None:
        """What `suspicion` says of all that has come with this piece, once; the `last` one ends the text."""
        if self._over:
            return None
        self._pieces.append(piece)
        self._came += len(piece)
        if not last and self._came < self._next_look:
            return None
        notice = suspicion("".join(self._pieces), self._name)
        self._next_look = 2 * self._came
        self._over = last or notice is not None or self._came >= _ENOUGH
        if self._over:
            self._pieces.clear()
        return notice
