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


def name_hosts(text: str) -> str:
    """The text with the name of the host ("example.org") where an address stood.

    The marks behind an address belong to the sentence, as in "See https://example.org/a."
    """
    return _ADDRESS.sub(lambda found: found["host"], text)
