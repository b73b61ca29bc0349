"""How a text that comes becomes chunks, whoever waits for its pieces; it has no thread and no clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ttsflow.errors import InputError
from ttsflow.text.chunker import Chunk
from ttsflow.text.live import LiveCutter


@dataclass(frozen=True, slots=True)
class Flush:
    """Stands among the strings of a text that comes: all before it is to be spoken now, as it is.

    What comes next begins a sentence.
    """


@dataclass(frozen=True, slots=True)
class Ended:
    """What comes last: there are no more pieces, maybe because of an error."""

    error: BaseException | None = None


Piece = str | Flush | Ended


class Cutting:
    """The chunks of a text that messages call `name`, each as soon as its end is certain.

    When it is `over`, nothing more is to be given to it. `broken_by` is what has broken the text off: all
    that came before has been cut.
    """

    def __init__(self, name: str, cutter: LiveCutter) -> None:
        self.over = False
        self.broken_by: BaseException | None = None
        self._name, self._cutter = name, cutter
        self._empty = True

    def patience_s(self, flush_s: float) -> float | None:
        """How long to wait for the next piece before `flush`; None for as long as it takes."""
        return flush_s if self._cutter.holds_back else None

    def take(self, piece: Piece) -> Iterator[Chunk]:
        """The chunks that are certain now that this has come.

        Where not one chunk has come at the end, this raises what has broken the text off, or InputError
        because there is nothing to speak.
        """
        match piece:
            case str():
                yield from self._cut(self._cutter.feed(piece))
            case Flush():
                yield from self._cut(self._cutter.complete())
            case Ended(error):
                self.broken_by = error
                yield from self._cut(self._cutter.finish())
                self.over = True
        if self.over and self._empty:
            raise self.broken_by or InputError(f"{self._name} is empty: there is nothing to speak.")

    def flush(self) -> Iterator[Chunk]:
        """The chunks of what is held back: nothing has come for a while."""
        yield from self._cut(self._cutter.flush())

    def _cut(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        try:
            for chunk in chunks:
                self._empty = False
                yield chunk
        except InputError as error:  # a mark in the text is wrong: what stands before it has been cut
            self.broken_by = InputError(f"{self._name}: {error}")
            self.over = True
