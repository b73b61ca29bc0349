"""The outlet of a stream that is stored: a thread that puts its finished chunks into a store."""

from __future__ import annotations

from collections.abc import Sequence
from queue import Empty
from typing import Protocol

from ttsflow.interface.jobs import AudioPiece, Outcome
from ttsflow.runner.outlet_thread import OutletThread
from ttsflow.scheduler.messages import Commit, Committed


class StoreWriter(Protocol):
    """Keeps the audio of a stored stream."""

    def keep(self, chunks: Sequence[tuple[Outcome, Sequence[AudioPiece]]]) -> None:
        """Keep all of these chunks or none; after the return, they survive a power failure.

        Called on the stream's own thread; it may block. An exception ends the stream.
        """


class StoreWriterThread(OutletThread[Commit]):
    """Stores all finished chunks in one commit, and reports each as Committed.

    So one slow sync of the disk is enough for all chunks that were finished meanwhile. Chunks taken before
    `end` are still stored, even if the stream was cancelled, unless the store has failed.
    """

    stored = True

    def __init__(self, stream: str, store: StoreWriter) -> None:
        super().__init__(f"store of {stream}")
        self._stream, self._store = stream, store

    def _run(self) -> None:
        failure: BaseException | None = None
        last = False
        while not last:
            commits, last = self._take_all()
            if not commits or failure is not None:
                continue
            try:
                self._store.keep([(commit.outcome, commit.payloads) for commit in commits])
            except BaseException as error:  # a store may raise anything, and no other code would see it
                failure = error
                self._fail(error)
            else:
                for commit in commits:
                    self._report(Committed(self._stream, commit.outcome.job.index))
        self._wake(self._error or failure)

    def _take_all(self) -> tuple[list[Commit], bool]:
        """All waiting commits, at least one unless it is the end; and whether they are the last."""
        commits: list[Commit] = []
        command = self._commands.get()
        while command is not None:
            commits.append(command)
            try:
                command = self._commands.get_nowait()
            except Empty:
                return commits, False
        return commits, True
