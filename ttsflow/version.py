"""The version of ttsflow."""

__version__ = "0.1.0"
