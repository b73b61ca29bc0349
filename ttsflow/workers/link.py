"""The coordinator's side of a worker: gives it jobs, reads its messages, detects its death."""

from __future__ import annotations

import logging
import pickle
import threading
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from multiprocessing.connection import Connection

from ttsflow.errors import Unforeseen
from ttsflow.interface.jobs import AudioPiece, ChunkJob
from ttsflow.interface.policy import WorkerSpec
from ttsflow.report import WorkerInfo
from ttsflow.scheduler.messages import Alive, Died, Event, LoadFailed, Piece, WorkerLoading
from ttsflow.threads import WatchedThread
from ttsflow.workers.wire import (
    AudioHeader,
    Beat,
    Cancel,
    Close,
    Loading,
    NotLoaded,
    Ready,
    Start,
    receive_samples,
)

logger = logging.getLogger(__name__)


class NotStarted(Exception):
    """A worker has never begun to speak with its coordinator; `permanent`: nor would another one there."""

    def __init__(self, why: str, *, permanent: bool) -> None:
        super().__init__(why)
        self.permanent = permanent


class Link(ABC):
    """One generation of a worker, wherever it runs: a thread that posts its messages as scheduler events.

    It posts WorkerLoading when the backend reports progress, a WorkerInfo when the model is loaded, and from
    then on Alive each second.
    `post` is called on that thread. The last event is always LoadFailed or Died; `join` must be called
    after it. All methods are for one thread, the owner's, and only `join` waits for the worker.
    """

    def __init__(
        self, worker: str, generation: int, spec: WorkerSpec, post: Callable[[Event | WorkerInfo], object]
    ) -> None:
        self.worker, self.generation, self.spec = worker, generation, spec
        self.name = f"{worker}#{generation}"
        self.info: WorkerInfo | None = None
        """set before it is posted"""
        self._post = post
        self._reader = WatchedThread(self._read, name=f"reader of {self.name}", lost=self._lose)

    def start_job(self, token: int, job: ChunkJob) -> None:
        """Give the worker a job."""
        self._send(pickle.dumps(Start(token, job)))

    def cancel_job(self, token: int) -> None:
        """Ask the worker to stop a job."""
        self._send(pickle.dumps(Cancel(token)))

    def close(self) -> None:
        """Ask the worker to end by itself; one that is still loading has nothing to finish, and is killed."""
        if self.info is None:
            self.kill()
        else:
            self._send(pickle.dumps(Close()))

    @abstractmethod
    def kill(self) -> None:
        """End the worker, and whatever it has started itself, at once."""

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; whether worker and threads are gone."""
        self._reader.join(timeout)
        return not self._reader.is_alive()

    @abstractmethod
    def _reach(self) -> Connection:
        """The connection, on which the setup was sent, when there is one. Raises NotStarted, OSError."""

    @abstractmethod
    def _send(self, message: bytes) -> None:
        """Send a message to the worker, without waiting for it. If it is dead, the reader reports that."""

    @abstractmethod
    def _bury(self) -> str:
        """Wait for the end of a worker that has closed the connection. Returns how it ended."""

    def _read(self) -> None:
        not_loaded: NotLoaded | None = None
        try:
            wire = self._reach()
            while True:
                match wire.recv():
                    case AudioHeader(token, number, sample_rate, count):
                        samples = receive_samples(wire, count)
                        audio = AudioPiece(samples, sample_rate)
                        self._post(Piece(token, number, count / sample_rate, audio, zlib.crc32(samples.data)))
                    case Beat():
                        self._post(Alive(self.worker, self.generation))
                    case Loading(what):
                        self._post(WorkerLoading(self.worker, self.generation, what))
                    case Ready() as ready:
                        self.info = self._describe(ready)
                        self._post(self.info)
                    case NotLoaded() as not_loaded:
                        pass
                    case event:
                        self._post(event)
        except NotStarted as error:
            ending = str(error)
            not_loaded = NotLoaded(ending, error.permanent, may_pass=not error.permanent)
        except (EOFError, OSError):  # every complete message has been read
            ending = self._bury()
        except Exception as error:  # a message that cannot be read may raise anything; the worker is lost
            self.kill()
            why = (str(error) or type(error).__name__).strip().splitlines()[-1]
            ending = f"sent a message that cannot be read ({why}); {self._bury()}"
        logger.debug("worker %s: %s", self.name, ending)
        if not_loaded is None:
            self._post(Died(self.worker, self.generation, ending))
        else:
            why, permanent, may_pass = not_loaded.why, not_loaded.permanent, not_loaded.may_pass
            self._post(LoadFailed(self.worker, self.generation, why, permanent, may_pass))

    def _lose(self, error: Unforeseen) -> None:
        """A thread of it has ended: without it, the worker is of no use."""
        self.kill()
        if threading.current_thread() is self._reader:
            self._post(Died(self.worker, self.generation, str(error)))

    def _describe(self, ready: Ready) -> WorkerInfo:
        return WorkerInfo(
            worker=self.worker,
            generation=self.generation,
            device=self.spec.device.id,
            slots=self.spec.slots,
            cuda_visible_devices=ready.cuda_visible_devices,
            load_s=ready.load_s,
            pid=ready.pid,
        )
