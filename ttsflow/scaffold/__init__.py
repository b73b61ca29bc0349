"""Writes plugins that work at once, for their authors to change."""

from ttsflow.scaffold.names import Names
from ttsflow.scaffold.writing import write_file, write_package

__all__ = ["Names", "write_file", "write_package"]
