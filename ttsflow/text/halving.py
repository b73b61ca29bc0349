"""Cutting one chunk's text in parts that may be spoken one after the other."""

from __future__ import annotations

from ttsflow.text.blocks import Block
from ttsflow.text.chunking import cut

SHARE = 0.6
"""of the text that a part may have at most: two are enough wherever a good place is near the middle"""


def halve(text: str, language: str) -> list[str]:
    """`text` in two or more parts, cut where a narrator would; empty where there is no such place."""
    whole = " ".join(text.split())
    chunks = cut([Block(whole)], language=language, max_chars=max(1, int(len(whole) * SHARE)))
    parts = [chunk.text for chunk in chunks]
    between_words = " ".join(parts) == whole or not any(part[-1].isalnum() for part in parts[:-1])
    spoken = [part for part in parts if any(char.isalnum() for char in part)]
    return spoken if between_words and len(spoken) > 1 else []
