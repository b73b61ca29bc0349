"""Streams that are being spoken: each has a name of its own, and its failed chunks are collected."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from ttsflow.errors import Drained, RunError, UsageError
from ttsflow.interface.jobs import Account, Outcome
from ttsflow.report import Unobserved
from ttsflow.report.units import chunks
from ttsflow.runner import StreamHandle
from ttsflow.session.request import Request

SETTLED_S = 1.0
"""seconds that a stream which was given up has to say what became of its chunks; its sink may block longer"""


class ChunksFailed(RunError):
    """Some chunks of a text could not be spoken; `outcomes` names each, `account` counts them all.

    `missing` is the file that was not written, because every chunk failed.
    """

    def __init__(self, outcomes: Sequence[Outcome], account: Account, missing: Path | None = None) -> None:
        self.outcomes, self.account, self.missing = list(outcomes), account, missing
        first = outcomes[0]
        no_file = "" if missing is None else f"; nothing is left to hear, so {missing} was not written"
        super().__init__(
            f"{account.failed} of {account.submitted} chunks failed{no_file}; the first is chunk "
            f"{first.job.index} {first.job.shown[:60]!r}: {first.why}"
        )


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

    def wait_all(self) -> None:
        """Wait as `wait` does. Raises ChunksFailed, too, where chunks could not be spoken."""
        account = self.wait()
        if self.failed:
            raise ChunksFailed(self.failed, account)

    def cancel(self) -> None:
        """Give up what is left of it; `wait` raises Drained soon after. Any thread may call it."""
        self._handle.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave(self._settled_s)

    def leave(self, settled_s: float | None) -> None:
        """Give up what is left of it, which has so many seconds to say what became of its chunks."""
        try:
            self._handle.cancel()
            if self._request is not None:
                self._request.leave()
            with suppress(Exception):  # its waiter has heard why it ended
                self._handle.wait(settled_s)
        finally:
            self._streams.remove(self._handle.stream)


class Stoppable:
    """Waits for streams, one after the other, until it is told to stop them. Any thread may tell it."""

    def __init__(self) -> None:
        self._speaking: Speaking | None = None
        self._stopped = False
        self._lock = Lock()

    def wait(self, speaking: Speaking) -> None:
        """Wait for the end of a stream, as its `wait` does."""
        with self._lock:
            self._speaking = speaking
            if self._stopped:
                speaking.cancel()
        speaking.wait()

    def stop(self) -> None:
        """Give up what is left of this stream, and of those that follow."""
        with self._lock:
            self._stopped = True
            if self._speaking is not None:
                self._speaking.cancel()
