"""A limit for the calls to a policy: one that does not come back must not hold up the plans of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

from ttsflow.errors import PolicyError
from ttsflow.runner.watchdog import Watchdog
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.messages import Driven

Plan = TypeVar("Plan")
Watch = Callable[[Callable[[], Driven]], Driven]
"""Makes a scheduler, and sees to it that it comes back from each call."""


def unwatched(make: Callable[[], Driven]) -> Driven:
    """A scheduler that may take as long as it likes."""
    return make()


def bounded(patience_s: float, work: Callable[[Watch], Plan]) -> Plan:
    """Do `work` with schedulers that may take so long for each call. Raises what it raises.

    Raises PolicyError where one does not come back. Nothing can end it then: its thread is left behind, and
    ends with the program.
    """
    ended: SimpleQueue[tuple[Plan | None, BaseException | None]] = SimpleQueue()
    watched: list[_Watched] = []

    def stuck(where: str) -> None:
        doing = watched[-1].doing if watched else "a policy"
        ended.put((None, PolicyError(f"{doing} does not come back: it is stuck in {where}")))

    def watch(make: Callable[[], Driven]) -> Driven:
        watched.append(_Watched(watchdog, make))
        return watched[-1]

    def do() -> None:
        try:
            ended.put((work(watch), None))
        except BaseException as error:  # the caller's thread raises it
            ended.put((None, error))

    watchdog = Watchdog(patience_s, stuck, lambda error: ended.put((None, error)))
    watchdog.start()
    Thread(target=do, name="ttsflow plan", daemon=True).start()
    plan, error = ended.get()
    watchdog.end()
    if error is not None:
        raise error
    return plan  # type: ignore[return-value]  # there is one where there is no error


class _Watched:
    """A scheduler that a watchdog looks at while it is made and called."""

    def __init__(self, watchdog: Watchdog, make: Callable[[], Driven]) -> None:
        self._watchdog = watchdog
        with watchdog:
            self._scheduler = make()

    @property
    def doing(self) -> str:
        return self._scheduler.doing

    def start(self, now: float) -> list[msg.Command]:
        with self._watchdog:
            return self._scheduler.start(now)

    def feed(self, events: Iterable[msg.Event], now: float) -> list[msg.Command]:
        with self._watchdog:
            return self._scheduler.feed(events, now)
