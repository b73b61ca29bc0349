"""Keeping: a thread that puts the finished chunks of one stream into its store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Protocol

from ttsflow.interface.jobs import AudioPiece, Outcome
from ttsflow.scheduler.messages import Commit


class Keeper(Protocol):
    """Where the audio of a stored stream is kept."""

    def keep(self, chunks: Sequence[tuple[Outcome, Sequence[AudioPiece]]]) -> None:
        """Keep these chunks, all or none; when it returns, they survive a power failure.

        May block. Whatever it raises ends the stream.
        """


class KeeperThread:
    """Takes commits without waiting, and has the keeper keep them: all that are there at a time.

    So one slow sync of the disk serves whatever was finished meanwhile. `kept` and `failed` are called
    on the thread. What was taken before `end` is still kept, whatever became of the stream.
    """

    def __init__(
        self,
        name: str,
        keeper: Keeper,
        kept: Callable[[Outcome], object],
        failed: Callable[[BaseException], object],
    ) -> None:
        self._keeper, self._kept, self._failed = keeper, kept, failed
        self._commits: SimpleQueue[Commit | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def take(self, command: Commit) -> None:
        """Have a chunk kept."""
        self._commits.put(command)

    def end(self) -> None:
        """Nothing more will come."""
        self._commits.put(None)

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def join(self, until: float) -> bool:
        """Wait for the end until this time on the monotonic clock; whether it has come."""
        self._thread.join(max(0.0, until - time.monotonic()))
        return self.ended

    def _run(self) -> None:
        while (first := self._commits.get()) is not None:
            commits: list[Commit] = [first]
            last = False
            try:
                while not last:
                    more = self._commits.get_nowait()
                    if more is None:
                        last = True
                    else:
                        commits.append(more)
            except Empty:
                pass
            try:
                self._keeper.keep([(commit.outcome, commit.payloads) for commit in commits])
            except BaseException as error:  # a keeper may raise anything, and nobody else would hear of it
                self._failed(error)
                return
            for commit in commits:
                self._kept(commit.outcome)
            if last:
                return
