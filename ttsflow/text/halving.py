"""Cutting one chunk's text in parts that may be spoken one after the other."""

from __future__ import annotations

from ttsflow.text.chunking import cut
from ttsflow.text.document import Block

SHARE = 0.6
"""of the text that a part may have at most: two are enough wherever a good place is near the middle"""


def halve(text: str, language: str) -> list[str]:
    """`text` in two or more parts, cut where a narrator would; empty where it cannot be parted."""
    cap = int(len(text) * SHARE)
    if cap < 1:
        return []
    parts = [chunk.text for chunk in cut([Block(text)], language=language, max_chars=cap) if chunk.speakable]
    return parts if len(parts) > 1 else []
