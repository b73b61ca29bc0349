"""Ending a command early: what Ctrl-C does, other signals do too."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from ttsflow.cli.stdout import plugin_is_heard

LAST_S = 0.6
"""seconds for the interpreter to end when all is done, or for a plugin that is called when a signal comes"""


class Terminated(KeyboardInterrupt):
    """A signal that asks the program to end; everything is cleaned up as after Ctrl-C."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"ended by {signal.Signals(signum).name}")
        self.signum = signum


def end_on_signals() -> None:
    """Take SIGTERM and SIGHUP like Ctrl-C, unless whoever started the program has them ignored."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminate)


def exit_code(stop: KeyboardInterrupt) -> int:
    """128 + the signal's number, as shells have it."""
    return 128 + (stop.signum if isinstance(stop, Terminated) else signal.SIGINT)


def end_for_sure(code: object, still: Callable[[], bool] = lambda: True) -> None:
    """End the process with this exit code soon, if it has not ended and is `still` in the way of that.

    A plugin may have left a thread behind that the interpreter waits for, or catch what should end it.
    """
    number = code if isinstance(code, int) else int(code is not None)

    def end() -> None:
        time.sleep(LAST_S)
        if still():
            os._exit(number)

    threading.Thread(target=end, name="last resort", daemon=True).start()


def _terminate(signum: int, frame: FrameType | None) -> None:
    end_for_sure(128 + signum, still=plugin_is_heard)
    raise Terminated(signum)
