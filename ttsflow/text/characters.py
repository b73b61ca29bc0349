"""Characters that nobody is to hear: they are left out before a text is cut, and so reach no engine."""

from __future__ import annotations

import re

from ttsflow.text.escapes import without_escapes

_ALWAYS = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # controls; those between are white space
    "\xad\u200b\u2060\ufeff\ufffe\uffff"  # soft hyphens, zero width spaces, word joiners, byte order marks
    "\u061c\u200e\u200f\u202a-\u202e\u2061-\u2069"  # directions, invisible operators
    "\u180e\ufff9-\ufffd"  # marks of annotations and objects, and what stands for a wrong byte
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u206a-\u206f\u2800\u3164\uffa0\ufff0-\ufff8"  # fillers
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
    "\ue000-\uf8ff\U000f0000-\U0010ffff"  # private use: the signs of one font, out of PDFs
)

# In a sequence of emoji these make one picture of several; in text they only choose how a letter looks.
_PICTURE_PARTS = "\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef"
_PICTURE = (
    "#*0-9©®\u203c\u2049\u20e3\u2100-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
    + "\ufe0f\U000e0020-\U000e007f"
)

# Joiners change how Arabic, Persian and Indic words are read; elsewhere they are stray.
_JOINED = "\u0600-\u1fff"

_UNHEARD = re.compile(
    f"[{_ALWAYS}]"
    f"|(?<![{_PICTURE}])[{_PICTURE_PARTS}]+"
    f"|(?<![{_JOINED}{_PICTURE}])[\u200c\u200d]"
    f"|[\u200c\u200d](?![{_JOINED}{_PICTURE}])"
)


def audible(text: str) -> str:
    """The text without invisible characters, controls and escape sequences of terminals.

    A word that they stood in is whole again.
    """
    return _UNHEARD.sub("", without_escapes(text))
