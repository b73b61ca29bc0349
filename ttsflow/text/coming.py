"""A text that still comes, from a language model or a pipe: pulled piece by piece, and cut as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Semaphore, Thread
from typing import Protocol

from ttsflow.errors import InputError, UsageError
from ttsflow.text.chunker import Chunk
from ttsflow.text.cutting import Cutting, Ended, Flush, Piece
from ttsflow.text.encodings import check_characters, sound_part
from ttsflow.text.live import LiveCutter

ROOM = 64
"""pieces that may wait to be cut; then the source waits"""


class Watch(Protocol):
    """Looks at a text that comes, for what a person should know of it.

    `doubtful`: that is why it may not be heard as it is meant.
    """

    doubtful: bool

    def see(self, piece: str, *, last: bool = False) -> str | None:
        """What is found with this piece; the `last` one ends the text."""


class Coming:
    """The pieces of text that `source` gives, which messages call `name`; they are read as plain text.

    The source is iterated once, on a thread of its own, and may block as long as it likes: what is there is
    spoken meanwhile. One that is asynchronous comes in an event loop (`ttsflow.text.arriving`). What a source
    gave before it raised is spoken to its end, and then `check_whole` raises that. `doubts` say why it may
    not be heard as it is meant, as far as it has come.
    """

    def __init__(
        self,
        source: Iterable[str | Flush] | AsyncIterable[str | Flush],
        name: str = "text",
        watches: Sequence[Watch] = (),
    ) -> None:
        self.name, self.source = name, source
        self.doubts: list[str] = []
        self._watches = watches
        self._tell: Callable[[str], object] = lambda notice: None
        self._came = 0  # characters
        self._pieces: SimpleQueue[Piece] = SimpleQueue()
        self._puller: Puller | None = None
        self._cutting: Cutting | None = None
        self._left = self._begun = False
        self._lock = Lock()

    def heed(self, tell: Callable[[str], object]) -> None:
        """Have `tell` called with what the watches find, which a person should know.

        It is called where the source is pulled, so that no chunk waits for it.
        """
        self._tell = tell

    def begin(self) -> None:
        """Have the source pulled. Raises InputError where this is called a second time, and UsageError where
        the source is asynchronous."""
        if not isinstance(self.source, Iterable):
            raise UsageError(f"{self.name} comes in an event loop: have it spoken by an AsyncEngine there")
        self.claim()
        self._puller = Puller(self, self.source, self._pieces.put)

    def claim(self) -> None:
        """The source is about to be pulled. Raises InputError where it was before."""
        with self._lock:
            if self._begun:
                raise InputError(f"{self.name} comes only once: it has been spoken, or is being spoken")
            self._begun = True

    def chunks(self, cutter: LiveCutter, flush_s: float) -> Iterator[Chunk]:
        """The chunks, each as soon as its end is certain; `flush_s` seconds without a piece end one, too.

        `begin` comes first. Where not one chunk has come this raises what `check_whole` would, or InputError
        because there is nothing to speak.
        """
        assert self._puller is not None
        cutting = self.cutting(cutter)
        while not (cutting.over or self._left):
            try:
                piece = self._pieces.get(timeout=cutting.patience_s(flush_s))
            except Empty:
                yield from cutting.flush()
                continue
            if not self._left:
                self._puller.taken()
                yield from cutting.take(piece)

    def check_whole(self) -> None:
        """Raise what has broken the text off; to be called when its chunks have been spoken.

        That is whatever the source raised, or InputError where it gave a NUL, half of a character, what
        is no text, or a mark that cannot be followed.
        """
        if self._cutting is not None and self._cutting.broken_by is not None:
            raise self._cutting.broken_by

    def leave(self) -> None:
        """Nobody wants the rest: the chunks end now, and the source is asked for nothing more."""
        self._left = True
        self._pieces.put(Ended())
        if self._puller is not None:
            self._puller.leave()

    # ------------------------------------------------------------ for whoever pulls it, and cuts it

    def cutting(self, cutter: LiveCutter) -> Cutting:
        """What makes chunks of the pieces."""
        self._cutting = Cutting(self.name, cutter)
        return self._cutting

    def sound(self, given: object) -> Iterator[str | Flush]:
        """What can be spoken of what the source gave. Raises InputError after that if it is not all of it."""
        if isinstance(given, Flush):
            yield given
            return
        if not isinstance(given, str):
            raise InputError(f"{self.name} gave {type(given).__name__} where text was to come")
        if given:  # an empty piece must not look like text that comes
            yield sound_part(given)
        check_characters(given, self.name, earlier=self._came)
        self._came += len(given)

    def look(self, piece: str | Flush, *, last: bool = False) -> None:
        """Have the watches look at a piece."""
        if isinstance(piece, Flush):
            return
        for watch in self._watches:
            notice = watch.see(piece, last=last)
            if notice is not None:
                if watch.doubtful:
                    self.doubts.append(notice)
                self._tell(notice)


class Puller:
    """A thread that pulls the source of a text, and puts its pieces, at most ROOM of them in advance.

    It may block for ever; then it stays as a daemon thread. A generator that is left is closed.
    """

    def __init__(self, text: Coming, source: Iterable[str | Flush], put: Callable[[Piece], object]) -> None:
        self._text, self._source, self._put = text, source, put
        self._room = Semaphore(ROOM)
        self._left = False
        Thread(target=self._run, name=f"pulls {text.name}", daemon=True).start()

    def taken(self) -> None:
        """A piece was taken: there is room for another one."""
        self._room.release()

    def leave(self) -> None:
        """Nobody wants the rest: the source is asked for nothing more."""
        self._left = True
        self._room.release()

    def _run(self) -> None:
        try:
            self._pull()
        except BaseException as error:  # a source may raise anything, and no other code would see it
            self._put(Ended(error))
        finally:
            if isinstance(self._source, Generator):  # which may hold a connection open
                with suppress(Exception):
                    self._source.close()

    def _pull(self) -> None:
        for given in self._source:
            for piece in self._text.sound(given):
                self._room.acquire()
                if self._left:
                    return
                self._put(piece)
                self._text.look(piece)
        self._text.look("", last=True)
        self._put(Ended())
