"""Observers of plugins that are slow: they hold up nobody, and what they miss is counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ttsflow import RunBegun, RunEvent, RunObserver
from ttsflow.registry import Plugin, Provider
from ttsflow.report.onlookers import ROOM, Onlooker


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


class Waits(RunObserver):
    """Waits for the test at each event."""

    name = "waits"
    released: threading.Event

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.seen = threading.Event(), list[RunEvent]()

    def observe(self, event: RunEvent) -> None:
        self.begun.set()
        self.released.wait()
        self.seen.append(event)


def onlooker(observer: RunObserver, notices: list[str]) -> Onlooker:
    provider = Provider("file", "/waits.py", path=Path("/waits.py"))
    watched = Onlooker(Plugin(observer.name, type(observer), provider), observer, notices.append)
    watched.begin()
    return watched


def event(number: int) -> RunEvent:
    return RunBegun("policy", str(number), ())


def test_what_comes_while_a_slow_one_is_full_is_dropped_and_counted(released: threading.Event) -> None:
    observer, notices = Waits(), list[str]()
    observer.released = released
    watched = onlooker(observer, notices)
    watched.tell(event(0))
    observer.begun.wait()
    for number in range(1, ROOM + 8):
        watched.tell(event(number))
    assert notices == ["observer 'waits' is slow: from now on it may miss events"]
    released.set()
    watched.end()
    watched.close(time.monotonic() + 3600)
    assert observer.seen == [event(number) for number in range(ROOM + 1)]
    assert notices[1:] == ["observer 'waits' has missed 7 events"]


def test_one_that_does_not_come_to_an_end_is_left_with_its_line(released: threading.Event) -> None:
    observer, notices = Waits(), list[str]()
    observer.released = released
    watched = onlooker(observer, notices)
    watched.tell(event(0))
    observer.begun.wait()
    watched.tell(event(1))
    watched.end()
    watched.close(time.monotonic())
    place, missed = notices
    assert place.startswith("observer 'waits' does not come to an end: it is at ")
    assert missed == "observer 'waits' has missed 1 events"
