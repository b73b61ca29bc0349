"""The third extension point: a text rule, which words a text otherwise before an engine speaks it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ttsflow.interface.options import PluginOptions


class TextRule(ABC):
    """Says how a text is spoken that is written otherwise: a normaliser of numbers, a list of names.

    A configuration names rules in `text.rules`. They are asked in this order, after `text.replace` and the
    lexicon, each for the text of one chunk. What a rule gives is spoken, and is a part of what the chunk's
    audio is kept under: so the same text must always get the same answer, whatever was asked before.
    """

    name: ClassVar[str]

    class Options(PluginOptions):
        """No options."""

    options: PluginOptions

    def __init__(self, options: PluginOptions | None = None) -> None:
        self.options = self.Options() if options is None else options

    @abstractmethod
    def spoken(self, text: str, language: str) -> str:
        """The text as it is spoken; the same string for one that the rule leaves as it is.

        `language` is the tag by which the backend knows it. Called on one thread at a time.
        """
