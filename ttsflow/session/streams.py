"""Streams that are being spoken: each has a name of its own, and its failed chunks are collected."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from types import TracebackType
from typing import Self

from ttsflow.errors import Drained, UsageError
from ttsflow.interface.jobs import Account, Outcome
from ttsflow.report import Unobserved
from ttsflow.report.units import chunks
from ttsflow.runner import StreamHandle
from ttsflow.session.request import Request

SETTLED_S = 1.0
"""seconds that a stream which was given up has to say what became of its chunks; its sink may block longer"""


class OpenStreams(Unobserved):
    """An observer that collects the failed chunks of the streams that are open. Any thread may use it."""

    def __init__(self) -> None:
        self._failed: dict[str, list[Outcome]] = {}
        self._lock = Lock()

    def add(self, name: str) -> list[Outcome]:
        """The list to which the failed chunks of a new stream are added.

        Raises UsageError where a stream of that name is open.
        """
        with self._lock:
            self.check_free(name)
            return self._failed.setdefault(name, [])

    def check_free(self, name: str) -> None:
        """Raise UsageError where a stream of that name is open."""
        if name in self._failed:
            raise UsageError(
                f"a request named {name!r} is being spoken already; wait for its end, or use another name"
            )

    def __contains__(self, name: str) -> bool:
        """Whether a stream of that name is open."""
        return name in self._failed

    def remove(self, name: str) -> None:
        """The stream has ended."""
        with self._lock:
            del self._failed[name]

    def ended(self, outcome: Outcome, now: float) -> None:
        if outcome.status == "failed":
            self._failed.get(outcome.job.stream, []).append(outcome)


class Speaking:
    """A stream that is being spoken, and its chunks that have failed so far.

    Whatever is left of it when its `with` block is left is given up. Where it is `stored`, all that was
    finished is in the store then; else its sink may still be blocked. The text of a `request` may still come.
    """

    def __init__(
        self,
        handle: StreamHandle,
        streams: OpenStreams,
        failed: list[Outcome],
        *,
        stored: bool,
        request: Request | None = None,
    ) -> None:
        self.failed = failed
        self._settled_s = None if stored else SETTLED_S
        self._handle = handle
        self._streams = streams
        self._request = request

    @property
    def account(self) -> Account | None:
        """What became of its chunks, once it has ended; None where nobody knows."""
        return self._handle.account

    def wait(self) -> Account:
        """Wait for its end. Raises what ended it early: the RunErrors, and what its sink raised.

        Raises Drained where not all of its chunks were reached; what broke its text off, when all that
        came before has been spoken.
        """
        account = self._handle.wait()
        if account.not_reached:
            raise Drained(f"the engine was drained: not spoken: {chunks(account.not_reached)}")
        if self._request is not None:
            self._request.check_whole()
        return account

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._handle.cancel()
            if self._request is not None:
                self._request.leave()
            with suppress(Exception):  # its waiter has heard why it ended
                self._handle.wait(self._settled_s)
        finally:
            self._streams.remove(self._handle.stream)
