"""The worker process: loads one backend on one device, then speaks jobs until it is told to end.

Started by `ttsflow.workers.process` as `python -m ttsflow.workers.main FD`, at the head of a process
group of its own; FD is its end of the wire. Its standard input is a pipe that nobody writes to: it
ends when the coordinator does, however that died. Standard output and error are for whatever the
model's libraries print.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection

from pydantic import ValidationError

from ttsflow.errors import UsageError
from ttsflow.workers.failures import kind_of
from ttsflow.workers.loop import JobLoop, one_line
from ttsflow.workers.progress import Progress
from ttsflow.workers.wire import NotLoaded, Ready, Setup

logger = logging.getLogger(__name__)

NO_USE_TO_RETRY = (UsageError, ImportError, ValidationError)

MAY_PASS = ("out of memory", "broken worker")
"""kinds of failure after which a later process may load, in whatever error the backend has wrapped them"""


def main() -> None:
    """Run the worker whose end of the wire is the file descriptor named in `sys.argv[1]`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the coordinator's to answer
    end_with_coordinator()
    fd = int(sys.argv[1])
    os.set_inheritable(fd, False)
    with Connection(fd) as wire:
        # A forked child that kept the wire open would hide this process's death.
        os.register_at_fork(after_in_child=wire.close)
        sys.path[:] = wire.recv()
        began = time.monotonic()
        try:
            setup: Setup = wire.recv()
            backend = setup.recipe.build()
            sample_rate = backend.describe(backend.options).sample_rate
            with Progress(wire, backend):
                backend.load(setup.device, setup.slots)
        except Exception as error:  # whatever keeps a model from loading is told, and ends the worker
            logger.exception("the backend cannot be loaded")
            permanent = isinstance(error, NO_USE_TO_RETRY) and kind_of(error) not in MAY_PASS
            wire.send(NotLoaded(one_line(error), permanent))
            return
        load_s = time.monotonic() - began
        wire.send(Ready(os.getpid(), load_s, os.environ.get("CUDA_VISIBLE_DEVICES")))
        JobLoop(wire, backend, sample_rate).run()
        backend.close()


def end_with_coordinator() -> None:
    """Kill this process, and what it has started, as soon as standard input ends.

    Afterwards standard input is empty, so that a library that asks a question gets no answer
    instead of waiting for one.
    """
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch() -> None:
        while os.read(lifeline, 1):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


if __name__ == "__main__":
    main()
