"""Writes an output beside the workers: what they have spoken is compressed while they speak on."""

from __future__ import annotations

import logging
from contextlib import suppress
from threading import Event
from types import TracebackType
from typing import Self

from ttsflow.errors import SinkError, Unforeseen
from ttsflow.output.file import FileSink
from ttsflow.output.pool import give_way
from ttsflow.store.assembly import Written, add
from ttsflow.store.chunks import Audio
from ttsflow.store.places import Place, silence_behind
from ttsflow.store.store import Store
from ttsflow.threads import WatchedThread

logger = logging.getLogger(__name__)


class Follower:
    """Inside its `with` block a thread writes to the sink what is in the store, in text order, as it comes.

    Nothing else may read the store or use the sink meanwhile. The thread waits at a place whose audio is
    not there. It gives way to workers, and nobody waits for it. Afterwards `written` says how much is in the
    sink, for `build` to go on with. Whatever goes wrong only means that nothing is: `build` begins again
    then, and meets with it too, or does not.
    """

    def __init__(self, store: Store, sink: FileSink) -> None:
        self.written: Written | None = None
        self._store, self._sink = store, sink
        self._news = Event()
        self._ended = False
        self._thread = WatchedThread(self._run, name=f"follower of {store.path.name}", lost=self._lose)

    @property
    def follows(self) -> bool:
        """Whether it still does, or at least waits."""
        return self._thread.is_alive()

    def look(self) -> None:
        """Something was committed to the store; for any thread."""
        self._news.set()

    def __enter__(self) -> Self:
        with suppress(SinkError):  # such as a full disk
            self._sink.restart(alone=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread.ident is None:
            return
        self._ended = True
        self._news.set()
        self._sink.interrupt()
        self._thread.join()

    def _lose(self, error: Unforeseen) -> None:
        """Nothing is missing: `build` begins again."""

    def _run(self) -> None:
        give_way()
        try:
            self.written = self._follow()
        except Exception as error:  # `build` meets with it again, and tells of it
            logger.debug("the output is not written beside the workers: %s", error)
            with suppress(SinkError):
                self._sink.restart()  # what it has taken of a full disk is for the store

    def _follow(self) -> Written:
        written = Written()
        for place in self._store.places():
            audio = self._audio(place)
            if self._ended:
                break
            add(self._sink, place, audio)
            written.add(place.key, silence_behind(place.job), None if audio is None else audio.seal)
        return written

    def _audio(self, place: Place) -> Audio | None:
        """The audio of a place, once it is there; None where it has none, or nothing more is wanted."""
        while place.key is not None and not self._ended:
            self._news.clear()
            if self._ended:  # it was told so just before, and nobody would call again
                return None
            if (audio := self._store.read(place.key)) is not None:
                return audio
            self._news.wait()
        return None
