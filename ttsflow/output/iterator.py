"""One stream's audio as an iterator, for callers who play or send it themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from threading import Semaphore

from ttsflow.interface.jobs import AudioPiece, Outcome


class IteratorSink:
    """Hands pieces over to whoever iterates it; holds at most `room` of them, then waits.

    A pause is a piece of silence. The iteration ends with the stream, however that ended. `leave`
    tells the sink that nobody iterates any more: it raises BrokenPipeError from then on.
    """

    def __init__(self, sample_rate: int, room: int = 8) -> None:
        self._sample_rate = sample_rate
        self._room = Semaphore(room)
        self._pieces: SimpleQueue[AudioPiece | None] = SimpleQueue()
        self.left = self._let_go = False

    def __iter__(self) -> Iterator[AudioPiece]:
        while (piece := self._pieces.get()) is not None:
            self._room.release()
            yield piece

    def leave(self) -> None:
        """Nobody wants any more; whoever iterates comes to an end."""
        self.left = True
        self._room.release()
        self._pieces.put(None)

    def let_go(self) -> None:
        """Wait for nobody, and drop what comes: whoever ends the stream says so to the one who iterates."""
        self._let_go = True
        self._room.release()

    def open(self) -> None:
        """Nothing has to be made."""

    def write(self, pieces: Sequence[AudioPiece]) -> None:
        """Hand the pieces over. Raises BrokenPipeError after `leave`."""
        for piece in pieces:
            if self._let_go:
                return
            self._room.acquire()
            if self.left:
                raise BrokenPipeError("nobody takes the audio any more")
            self._pieces.put(piece)

    def end_chunk(self, outcome: Outcome) -> None:
        """Hand the pause over."""
        for silence in pause_after(outcome, self._sample_rate):
            self.write([silence])

    def finish(self) -> None:
        """End the iteration."""
        self._pieces.put(None)

    def abort(self) -> None:
        """End the iteration; the stream's waiter hears why."""
        self._pieces.put(None)


def pause_after(outcome: Outcome, sample_rate: int) -> Iterator[AudioPiece]:
    """The pause after a chunk as silence, in pieces of a second at most: a pause may last an hour."""
    import numpy as np  # here, because starting the program must not load it

    left = round(outcome.job.pause_s * sample_rate)
    while left > 0:
        samples = min(left, sample_rate)
        yield AudioPiece(np.zeros(samples, np.float32), sample_rate)
        left -= samples
