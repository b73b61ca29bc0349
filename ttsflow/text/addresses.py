"""Addresses in a text: a listener is told whose they are, and not their letters and slashes."""

from __future__ import annotations

import re

_NEVER = r"\s<>\"“”«»，。、；：！？（）「」『』"  # noqa: RUF001  # marks of Chinese and Japanese end an address
_MARKS = r".,;:!?'*_~()\[\]{}"
_WITHIN = rf"[^{_NEVER}]"
_LAST = rf"[^{_NEVER}{_MARKS}]"
_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9])(?:https?|ftp)://"
    rf"(?:[^{_NEVER}/?#@]*@)?(?:www\.)?"
    rf"(?P<host>(?:[^{_NEVER}{_MARKS}/?#@]|[.\-_](?={_LAST}))+)"
    rf"(?:[:/?#]{_WITHIN}*{_LAST}|/)?",
    re.IGNORECASE,
)
_LOCAL = "[A-Za-z0-9._+-]"
_MAIL = re.compile(rf"(?<!{_LOCAL})(?:mailto:)?{_LOCAL}++@(?P<host>[\w-]+(?:\.[\w-]+)+)", re.IGNORECASE)
_BEGUN = re.compile(
    rf"(?:(?<![A-Za-z0-9])(?:https?|ftp)://{_WITHIN}*+|(?<!{_LOCAL})(?:(?:https?|ftp):/?|{_LOCAL}++(?:@[\w.-]*+)?))\Z",
    re.IGNORECASE,
)
_LONGEST = 2_000
"""characters of an address that still comes"""


def name_hosts(text: str) -> str:
    """The text with the name of the host ("example.org") where the address of a page stood.

    The marks behind an address belong to the sentence, as in "See https://example.org/a."
    """
    return _ADDRESS.sub(lambda found: found["host"], text)


def name_all_hosts(text: str) -> str:
    """As `name_hosts`, for mail addresses too."""
    return _MAIL.sub(lambda found: found["host"], name_hosts(text))


def begun_address(text: str) -> str:
    """The end of the text, where that is an address or may become one as more text comes; else ""."""
    begun = _BEGUN.search(text[-_LONGEST:])
    return begun[0] if begun else ""
