"""Work that takes minutes, beside an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def on_own_thread(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Do work on a thread of its own, called `name`; what it gives or raises.

    Not on one of a pool: the end of the program would wait for it, and so would all else that the pool does.
    """
    done: Future[T] = Future()

    def run() -> None:
        done.set_running_or_notify_cancel()  # whoever waits may leave, and it is no error
        try:
            done.set_result(work())
        except BaseException as error:  # whoever waits gets it
            done.set_exception(error)

    Thread(target=run, name=name, daemon=True).start()
    return asyncio.wrap_future(done)
