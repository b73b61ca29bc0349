"""The worker process. From its start on, it ends when its coordinator ends.

A `Child` runs it as `python -m ttsflow.workers.main FD`, in a process group of its own. FD is its end of the
connection. Its standard input is a pipe to which nothing is written; the pipe closes when the process that
has started it ends, for any reason: the coordinator, or on a node of a cluster an actor. Standard output and
error are for the output of the model's libraries.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import sys
import threading
from contextlib import ExitStack

from ttsflow.workers.garbage import collected_seldom

LOOK_S = 1.0
"""seconds from one look to the next whether the coordinator is still there"""


def main() -> None:
    """Run the worker whose end of the connection is the file descriptor `sys.argv[1]`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator handles Ctrl-C
    end_with_coordinator()
    last = ExitStack()
    atexit.register(last.close)  # called after what the engine registers, since it is registered before
    # Not earlier: on a busy machine these imports take seconds, in which the worker would outlive its run.
    with collected_seldom():
        from ttsflow.workers.service import serve

    serve(int(sys.argv[1]))
    # After the handlers of `atexit` Python would take every object apart: a second with torch, in which the
    # program waits for the end of its worker.
    last.callback(os._exit, 0)


def end_with_coordinator() -> None:
    """Kill this process, and all processes that it has started, as soon as the coordinator has ended.

    Standard input ends with it at once, unless a child that the coordinator has forked holds the other end.

    For the rest of the process standard input is empty, so a library that asks a question does not wait
    for an answer.
    """
    coordinator = os.getppid()
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch() -> None:
        while os.getppid() == coordinator:
            ended, _, _ = select.select([lifeline], [], [], LOOK_S)
            if ended and not os.read(lifeline, 1):
                break
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


if __name__ == "__main__":
    main()
