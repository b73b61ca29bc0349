"""Markdown as it is read aloud."""

from ttsflow.text.markdown.blocks import markdown_blocks

__all__ = ["markdown_blocks"]
