"""Ending a command early: what Ctrl-C does, other signals do too."""

from __future__ import annotations

import signal
from types import FrameType


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


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise Terminated(signum)
