"""The coordinator's side of a worker: starts its process, reads its messages, detects its death."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import zlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from ttsflow.interface.jobs import AudioPiece, ChunkJob
from ttsflow.interface.policy import WorkerSpec
from ttsflow.report import WorkerInfo
from ttsflow.scheduler.messages import Died, Event, LoadFailed, Piece, WorkerLoading
from ttsflow.workers.wire import (
    AudioHeader,
    Cancel,
    Close,
    Loading,
    NotLoaded,
    Ready,
    Recipe,
    Setup,
    Start,
    receive_samples,
)

logger = logging.getLogger(__name__)

INTERPRETER_FLAGS = ("-P", "-u", "-X", "faulthandler")
"""nothing is imported from the current folder; the last output is not lost in a buffer; crashes print a
traceback"""

TAIL_LINES = 20
"""lines of a worker's output that are kept to explain its death"""

LET_GO_S = 5.0
"""seconds for a process to end after it has closed its end of the connection, before it is killed"""

OUTPUT_GRACE_S = 2.0
"""seconds to read the output of a dead process; a process that left its group may hold the pipe open"""


BUFFER_BYTES = 2**20
"""of audio on its way from a worker; systems may allow less"""


class WorkerProcess:
    """One generation of a worker: a process, and a thread that posts its messages as scheduler events.

    It posts WorkerLoading when the backend reports progress, and a WorkerInfo when the model is loaded.
    `post` is called on that thread. The last event is always LoadFailed or Died; `join` must be called
    after it. All methods are for one thread, the owner's, and only `join` waits for the worker. Raises
    OSError if no process can be started, and an exception of pickle if the recipe cannot be pickled.
    """

    def __init__(
        self,
        worker: str,
        generation: int,
        spec: WorkerSpec,
        recipe: Recipe,
        post: Callable[[Event | WorkerInfo], object],
    ) -> None:
        self.worker, self.generation, self.spec = worker, generation, spec
        self.info: WorkerInfo | None = None
        """set before it is posted"""
        self._post = post
        setup = pickle.dumps(Setup(recipe, spec.device, spec.slots))
        self._wire, theirs = Pipe()
        _widen(theirs)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, *INTERPRETER_FLAGS, "-m", "ttsflow.workers.main", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=os.environ | dict(spec.device.binding),
                process_group=0,  # a terminal's Ctrl-C must not reach the worker
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            )
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        name = f"{worker}#{generation}"
        self._output = threading.Thread(target=self._listen, name=f"output of {name}", daemon=True)
        self._reader = threading.Thread(target=self._read, name=f"reader of {name}", daemon=True)
        self._send(pickle.dumps(sys.path))
        self._send(setup)
        self._output.start()
        self._reader.start()

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

    def kill(self) -> None:
        """End the process, and whatever it has started itself, at once."""
        if self._process.poll() is None:
            self._kill_group()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; whether process and threads are gone."""
        self._reader.join(timeout)
        if self._reader.is_alive():
            return False
        self._wire.close()
        if self._process.stdin:
            self._process.stdin.close()
        return True

    def _send(self, message: bytes) -> None:
        # Never blocks: only a few small messages (one per slot) are on the way to a worker, and the socket
        # buffers them. If the worker is dead, the reader reports it.
        with suppress(OSError):
            self._wire.send_bytes(message)

    def _read(self) -> None:
        not_loaded: NotLoaded | None = None
        try:
            while True:
                match self._wire.recv():
                    case AudioHeader(token, number, sample_rate, count):
                        samples = receive_samples(self._wire, count)
                        audio = AudioPiece(samples, sample_rate)
                        self._post(Piece(token, number, count / sample_rate, audio, zlib.crc32(samples.data)))
                    case Loading(what):
                        self._post(WorkerLoading(self.worker, self.generation, what))
                    case Ready() as ready:
                        self.info = self._describe(ready)
                        self._post(self.info)
                    case NotLoaded() as not_loaded:
                        pass
                    case event:
                        self._post(event)
        except (EOFError, OSError):  # every complete message has been read
            ending = self._bury()
        except Exception as error:  # a message that cannot be read may raise anything; the worker is lost
            self.kill()
            ending = f"sent a message that cannot be read ({error}); {self._bury()}"
        logger.debug("worker %s#%d: %s", self.worker, self.generation, ending)
        if not_loaded is None:
            self._post(Died(self.worker, self.generation, ending))
        else:
            self._post(LoadFailed(self.worker, self.generation, not_loaded.why, not_loaded.permanent))

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

    def _listen(self) -> None:
        """Keep the last lines of the output of the process; the model's libraries print a lot."""
        assert self._process.stdout
        with self._process.stdout as output:
            while line := output.readline(4096):
                if line := line.rstrip():
                    self._tail.append(line)
                    logger.debug("%s#%d: %s", self.worker, self.generation, line)

    def _bury(self) -> str:
        """Wait for the end of the process, and end the processes it had started. Returns how it ended."""
        try:
            code = self._process.wait(LET_GO_S)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        # The system does not reuse the number of the process group while a process is left in it.
        self._kill_group()
        self._output.join(OUTPUT_GRACE_S)
        if code < 0:
            names = {number.value: number.name for number in signal.Signals}
            return f"killed by signal {-code} ({names.get(-code, 'real-time')})"
        return f"exit code {code}: {self._tail[-1]}" if self._tail else f"exit code {code}"

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):  # gone already
            os.killpg(self._process.pid, signal.SIGKILL)


def _widen(wire: Connection) -> None:
    """Let a worker send a whole chunk and speak on, while the coordinator still reads."""
    with socket.socket(fileno=os.dup(wire.fileno())) as end, suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
