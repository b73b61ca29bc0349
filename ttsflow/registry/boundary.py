"""The boundary to plugins in the foreground: how long a call may take, and where its words go."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, TypeVar

from ttsflow.errors import TtsflowError
from ttsflow.registry.providers import Provider

T = TypeVar("T")

PATIENCE_S = 60.0
"""seconds in which a plugin is imported, or answers; `limits.timeouts.plugin_s` says otherwise"""

Hearing = Callable[[str], AbstractContextManager[object]]
"""Gives, for the name of a plugin that is called, a context in which somebody hears what it prints."""


class Misdeed(Exception):
    """What a plugin did that it must not do, in words."""


class Raised(Misdeed):
    """It raised: the message has the error, with the plugin's line."""


class Stuck(Misdeed):
    """It does not come back: the message says for how long, and where it is."""


class Breach(Misdeed):
    """What it gave breaks a rule: the message says what came, and the rule."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """What calls into plugins may cost.

    A call runs on a thread of its own, and whoever made it waits for `patience_s` seconds at most: so a
    signal ends the wait at any time, and what never comes back is left behind. With None the call runs on the
    caller's thread, for as long as it takes: so in a worker, which is ended from outside.
    """

    patience_s: float | None = PATIENCE_S
    hearing: Hearing = nullcontext

    def call(self, provider: Provider, name: str, work: Callable[[], T]) -> T:
        """What `work` returns, which is code of the plugin `name`. Raises TtsflowErrors, and Misdeed."""
        with self.hearing(name):
            if self.patience_s is None:
                return _foreign(provider, work)
            return _within(self.patience_s, provider, work)

    def without_end(self, provider: Provider, name: str, work: Callable[[], T]) -> T:
        """As `call`, for what asks a person or downloads: on the caller's thread, until it is interrupted."""
        with self.hearing(name):
            return _foreign(provider, work)


def _foreign(provider: Provider, work: Callable[[], T]) -> T:
    """Code of a plugin, on this thread: Ctrl-C goes through."""
    try:
        return work()
    except (TtsflowError, Misdeed):
        raise
    except (Exception, SystemExit) as error:  # foreign code may raise anything
        raise Raised(provider.explain(error)) from error


class _Answer(Generic[T]):
    """What a call has come to, on a thread of its own."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._value: T
        self._error: BaseException | None = None
        self.there = threading.Event()

    def work(self) -> None:
        try:
            self._value = self._work()
        except BaseException as error:  # foreign code may raise anything
            self._error = error
        finally:
            self.there.set()

    def take(self, provider: Provider) -> T:
        error = self._error
        if error is None:
            return self._value
        if isinstance(error, TtsflowError | Misdeed):
            raise error
        raise Raised(provider.explain(error)) from error  # KeyboardInterrupt, too: Ctrl-C does not come here


def _within(patience_s: float, provider: Provider, work: Callable[[], T]) -> T:
    answer = _Answer(work)
    thread = threading.Thread(target=answer.work, name=f"call of {provider.name}", daemon=True)
    thread.start()
    if not answer.there.wait(patience_s):
        frame = sys._current_frames().get(thread.ident or 0)
        raise Stuck(f"has not come back within {patience_s:g} s; it is at {provider.line_of(frame)}")
    return answer.take(provider)
