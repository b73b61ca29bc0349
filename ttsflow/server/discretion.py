"""What a plugin says of a text, without the words of the text: so it may stand in the log."""

from __future__ import annotations

import re

HIDDEN = "…"


def without_words(said: str, text: str) -> str:
    """What was said, with `…` for each word that is in the text, or begins one there.

    So is every word with other letters than ASCII's: not all scripts have spaces between words.
    """
    heard = text.casefold()

    def hide(word: re.Match[str]) -> str:
        return word[0] if word[0].isascii() and word[0].casefold() not in heard else HIDDEN

    return re.sub(rf"{HIDDEN}(\s+{HIDDEN})+", HIDDEN, re.sub(r"\w+", hide, said))
