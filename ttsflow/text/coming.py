"""A text that still comes, from a language model or a pipe: pulled piece by piece, and cut as it comes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Semaphore, Thread
from typing import Protocol

from ttsflow.errors import InputError
from ttsflow.text.chunker import Chunk
from ttsflow.text.encodings import check_characters, sound_part
from ttsflow.text.live import LiveCutter

ROOM = 64
"""pieces that may wait to be cut; then the source waits"""


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


class Watch(Protocol):
    """Looks at a text that comes, for what a person should know of it."""

    def see(self, piece: str, *, last: bool = False) -> str | None:
        """What is found with this piece; the `last` one ends the text."""


class Coming:
    """The pieces of text that `source` gives, which messages call `name`; they are read as plain text.

    The source is iterated once, on a thread of its own, and may block as long as it likes: what is there is
    spoken meanwhile. A source with a method `leave()` is told so when nobody wants its text any more. What a
    source gave before it raised is spoken to its end, and then `check_whole` raises that.
    """

    def __init__(self, source: Iterable[str], name: str = "text", watches: Sequence[Watch] = ()) -> None:
        self.name = name
        self._source = source
        self._watches = watches
        self._tell: Callable[[str], object] = lambda notice: None
        self._pieces: SimpleQueue[str | _Failed | None] = SimpleQueue()  # None: there are no more
        self._room = Semaphore(ROOM)
        self._left = False
        self._begun = False
        self._broken_by: BaseException | None = None
        self._lock = Lock()

    def heed(self, tell: Callable[[str], object]) -> None:
        """Have `tell` called with what the watches find, which a person should know.

        It is called on the thread of the source, so that no chunk waits for it.
        """
        self._tell = tell

    def begin(self) -> None:
        """Have the source pulled. Raises InputError where this is called a second time."""
        with self._lock:
            if self._begun:
                raise InputError(f"{self.name} comes only once: it has been spoken, or is being spoken")
            self._begun = True
        Thread(target=self._pull, name=f"pulls {self.name}", daemon=True).start()

    def chunks(self, cutter: LiveCutter, flush_s: float) -> Iterator[Chunk]:
        """The chunks, each as soon as its end is certain; `flush_s` seconds without a piece end one, too.

        `begin` comes first. Where not one chunk has come this raises what `check_whole` would, or InputError
        because there is nothing to speak.
        """
        empty = True
        for chunk in self._cut(cutter, flush_s):
            empty = False
            yield chunk
        if empty and not self._left:
            self.check_whole()
            raise InputError(f"{self.name} is empty: there is nothing to speak.")

    def check_whole(self) -> None:
        """Raise what has broken the text off; to be called when its chunks have been spoken.

        That is whatever the source raised, or InputError where it gave a NUL, half of a character, or what
        is no text.
        """
        if self._broken_by is not None:
            raise self._broken_by

    def leave(self) -> None:
        """Nobody wants the rest: the chunks end now, and the source is asked for nothing more."""
        self._left = True
        self._room.release()
        self._pieces.put(None)
        leave = getattr(self._source, "leave", None)
        if leave is not None:
            leave()

    def _cut(self, cutter: LiveCutter, flush_s: float) -> Iterator[Chunk]:
        while True:
            try:
                piece = self._pieces.get(timeout=flush_s if cutter.holds_back else None)
            except Empty:
                yield from cutter.flush()
                continue
            if piece is None or self._left:
                break
            if isinstance(piece, _Failed):
                self._broken_by = piece.error
                break
            self._room.release()
            yield from cutter.feed(piece)
        if not self._left:
            yield from cutter.finish()

    def _pull(self) -> None:
        try:
            for piece in self._sound_pieces():
                self._room.acquire()
                if self._left:
                    return
                self._pieces.put(piece)
                self._look(piece)
            self._look("", last=True)
            self._pieces.put(None)
        except BaseException as error:  # a source may raise anything, and no other code would see it
            self._pieces.put(_Failed(error))
        finally:
            if isinstance(self._source, Generator):  # which may hold a connection open
                with suppress(Exception):
                    self._source.close()

    def _sound_pieces(self) -> Iterator[str]:
        """The pieces of the source; of one that cannot be spoken first the part before its fault."""
        came = 0
        for piece in self._source:
            if not isinstance(piece, str):
                raise InputError(f"{self.name} gave {type(piece).__name__} where text was to come")
            if piece:  # an empty one must not look like text that comes
                yield sound_part(piece)
            check_characters(piece, self.name, earlier=came)
            came += len(piece)

    def _look(self, piece: str, *, last: bool = False) -> None:
        for watch in self._watches:
            notice = watch.see(piece, last=last)
            if notice is not None:
                self._tell(notice)
