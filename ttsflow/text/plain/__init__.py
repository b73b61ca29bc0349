"""Plain text: its lines to blocks."""

from ttsflow.text.plain.lines import Portion, paragraphs, plain_blocks, portioned_blocks

__all__ = ["Portion", "paragraphs", "plain_blocks", "portioned_blocks"]
