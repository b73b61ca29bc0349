"""Books in FictionBook 2 (FB2)."""

from ttsflow.text.fb2.reader import read_fb2

__all__ = ["read_fb2"]
