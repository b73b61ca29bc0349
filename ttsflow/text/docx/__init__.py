"""Documents of word processors in DOCX."""

from ttsflow.text.docx.reader import read_docx

__all__ = ["read_docx"]
