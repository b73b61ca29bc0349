"""Cutting the text of one chunk into parts, which can be spoken one after the other."""

from __future__ import annotations

from ttsflow.text.blocks import Block
from ttsflow.text.chunking import cut

SHARE = 0.6
"""greatest share of the text in one part; two parts are enough if there is a good place near the middle"""


def halve(text: str, language: str) -> list[str]:
    """Cut `text` into two or more parts, where a narrator would pause. Empty if there is no such place."""
    whole = " ".join(text.split())
    chunks = cut([Block(whole)], language=language, max_chars=max(1, int(len(whole) * SHARE)))
    parts = [chunk.text for chunk in chunks]
    between_words = " ".join(parts) == whole or not any(part[-1].isalnum() for part in parts[:-1])
    spoken = [part for part in parts if any(char.isalnum() for char in part)]
    return spoken if between_words and len(spoken) > 1 else []
