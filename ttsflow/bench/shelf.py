"""What a measurement speaks is kept as in a run, and thrown away: keeping it takes a part of the machine."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from ttsflow.errors import OutputError, StoreError
from ttsflow.interface.jobs import AudioPiece, ChunkJob, Outcome
from ttsflow.store import Spoken, Store


class Shelf:
    """Keeps chunks in a store in a temporary folder, on a thread of its own; `close` removes the folder."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="ttsflow-bench-")
        self._waiting: SimpleQueue[tuple[ChunkJob, Sequence[AudioPiece]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._keep_all, name="store of the bench", daemon=True)
        self._thread.start()

    def keep(self, job: ChunkJob, pieces: Sequence[AudioPiece]) -> None:
        """Have a chunk kept; it is known by its index, which no other has."""
        self._waiting.put((job, pieces))

    def close(self) -> None:
        """Keep what waits, and remove everything."""
        self._waiting.put(None)
        self._thread.join()
        self._folder.cleanup()

    def _keep_all(self) -> None:
        path = Path(self._folder.name, "kept.ttsflow")
        with (
            suppress(StoreError, OutputError),
            Store.open(path) as store,
        ):  # a full disk is measured without it
            while (chunk := self._waiting.get()) is not None:
                job, pieces = chunk
                key = job.index.to_bytes(32, "big")
                store.commit([Spoken(key, Outcome(job, "ok"), pieces)])
