"""The worker process, which ends with its coordinator from the first moment on.

Started by `ttsflow.workers.process` as `python -m ttsflow.workers.main FD`, at the head of a process
group of its own; FD is its end of the wire. Its standard input is a pipe that nobody writes to: it
ends when the coordinator does, however that died. Standard output and error are for whatever the
model's libraries print.
"""

from __future__ import annotations

import os
import signal
import sys
import threading


def main() -> None:
    """Run the worker whose end of the wire is the file descriptor named in `sys.argv[1]`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the coordinator's to answer
    end_with_coordinator()
    # Not before: on a busy machine these imports take seconds, for which a worker would outlive its run.
    from ttsflow.workers.service import serve

    serve(int(sys.argv[1]))


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
