"""Plain text: its lines to blocks."""

from ttsflow.text.plain.lines import paragraphs, plain_blocks

__all__ = ["paragraphs", "plain_blocks"]
