"""The punctuation that cutting goes by, in the scripts that have their own."""

# ruff: noqa: RUF001  # look-alikes of Latin marks are what this module is about

import re

OPENING = "“‘«‹„‚「『（(["
CLOSING = "”’»›」』）)]"
STRAIGHT = "\"'"

_CLOSED = f"[{re.escape(CLOSING + STRAIGHT)}]*+"

CLAUSE_ENDS = (
    re.compile(rf"[;:]{_CLOSED}(?= )|[；：؛。！？]++{_CLOSED}"),
    re.compile(rf",{_CLOSED}(?= )|[，、،—]++{_CLOSED}"),
)
"""Where a sentence may be cut, the best first. Latin marks count before a space only: "12:30" is one."""

SPACE = re.compile(r"(?<!«)(?= (?![!?:;»]))")
"""A space between words; French also sets spaces between a word and its marks."""
