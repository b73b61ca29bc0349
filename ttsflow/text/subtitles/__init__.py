"""Subtitles in SubRip (SRT) and WebVTT."""

from ttsflow.text.subtitles.reader import read_subtitles

__all__ = ["read_subtitles"]
