"""The work of a worker, from its first message to its last: load one backend, then speak jobs."""

from __future__ import annotations

import logging
import os
import sys
import time
from multiprocessing.connection import Connection

from pydantic import ValidationError

from ttsflow.errors import UsageError
from ttsflow.workers.failures import kind_of
from ttsflow.workers.garbage import collected_seldom
from ttsflow.workers.loop import JobLoop, one_line
from ttsflow.workers.progress import Progress
from ttsflow.workers.pulse import Pulse
from ttsflow.workers.wire import Line, NotLoaded, Ready, Setup

logger = logging.getLogger(__name__)

NO_USE_TO_RETRY = (UsageError, ImportError, ValidationError)

MAY_PASS = ("out of memory", "broken worker")
"""kinds of failure after which a later process may load, also if the backend has wrapped the error"""


def serve(fd: int) -> None:
    """Run the worker whose end of the connection is this file descriptor, until Close comes."""
    os.set_inheritable(fd, False)
    with Connection(fd) as wire:
        # A forked child that kept the connection open would hide the death of this process.
        os.register_at_fork(after_in_child=wire.close)
        if (path := wire.recv()) is not None:
            sys.path[:] = path
        began = time.monotonic()
        try:
            with collected_seldom():
                setup: Setup = wire.recv()
                backend = setup.recipe.build()
                sample_rate = backend.describe(backend.options).sample_rate
                with Progress(wire, backend):
                    backend.load(setup.device, setup.slots)
        except Exception as error:  # any error in loading is reported, and ends the worker
            logger.exception("the backend cannot be loaded")
            may_pass = kind_of(error) in MAY_PASS
            permanent = isinstance(error, NO_USE_TO_RETRY) and not may_pass
            wire.send(NotLoaded(one_line(error), permanent, may_pass))
            return
        load_s = time.monotonic() - began
        wire.send(Ready(os.getpid(), load_s, os.environ.get("CUDA_VISIBLE_DEVICES")))
        line = Line(wire)
        with Pulse(line):
            JobLoop(line, backend, sample_rate, trim=setup.trim).run()
        backend.close()
