"""The fifth extension point: a reader, which makes text of files that ttsflow itself does not read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from ttsflow.interface.options import PluginOptions


class TextReader(ABC):
    """Makes text of the bytes of a file, found by its suffix.

    `suffixes` are those of its files, such as ".odt", in lower case; none that ttsflow reads itself. `gives`
    says in which format the text is: what follows from that, such as headings and chapters, is as for a file
    of this format.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    gives: ClassVar[Literal["text", "markdown", "html"]] = "text"

    class Options(PluginOptions):
        """A reader has no options yet."""

    options: PluginOptions

    def __init__(self, options: PluginOptions | None = None) -> None:
        self.options = self.Options() if options is None else options

    @abstractmethod
    def read(self, data: bytes, name: str) -> str:
        """The text in the bytes of a file that messages call `name`. Raises InputError for what is none."""
