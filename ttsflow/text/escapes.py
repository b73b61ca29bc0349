"""Escape sequences of terminals: colours, moves of the cursor, titles of windows. Nobody is to hear them."""

from __future__ import annotations

import re

# ECMA-48. What is broken off, by a line end or the text's end, is a sequence as far as it goes. The bounds
# are far above what programs write, and keep a stray character from hiding a whole text.
_ESCAPE = re.compile(
    r"\x1b(?:"
    r"\[[0-?]{0,256}[ -/]{0,4}[@-~]?"  # a control sequence, such as a colour
    r"|[]PX^_][^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,4096}\x07?"  # a string for the terminal, such as a title
    r"|[!-/]{0,4}[0-~]?"  # one more character, as a rule; the end of a string is such a sequence, too
    r")"
)


def without_escapes(text: str) -> str:
    """The text without the sequences."""
    return _ESCAPE.sub("", text)


def begun_escape(text: str) -> str:
    """The sequence at the very end of the text, which more text may continue; "" where there is none."""
    at = text.rfind("\x1b")
    return text[at:] if at >= 0 and _ESCAPE.fullmatch(text, at) else ""
