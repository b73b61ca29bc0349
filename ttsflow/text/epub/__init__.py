"""Books in EPUB 2 and 3."""

from ttsflow.text.epub.reader import read_epub

__all__ = ["read_epub"]
