"""Documents in PDF that hold text."""

from ttsflow.text.pdf.reader import read_pdf

__all__ = ["read_pdf"]
