"""The handle of an open stream, for the caller that opened it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from ttsflow.interface.jobs import Account
from ttsflow.runner.origin import Origin
from ttsflow.runner.waits import settle, wait_for


class StreamHandle:
    """An open stream: a caller can wait for its end, or cancel it. Any thread may use it."""

    def __init__(self, stream: str, cancel: Callable[[], object]) -> None:
        self.stream = stream
        self._origin = Origin()
        self._cancel = cancel
        self._account: Account | None = None
        self._end: Future[None] = Future()

    @property
    def account(self) -> Account | None:
        """The counts of the chunks. They are set before `wait` returns, however the stream ended.

        None if the stream was refused, or the runner itself failed.
        """
        return self._account

    def wait(self, timeout: float | None = None) -> Account:
        """Wait until the sink is finished, or the store has all chunks. Returns the stream's account.

        Ctrl-C interrupts the wait. A cancelled stream returns its account too. Raises the error that ended
        the stream: an exception of its sink, its store or its source, PolicyError or WorkerError. Raises
        TimeoutError after `timeout` seconds, and RunError in a forked child.
        """
        self._origin.check()
        wait_for(self._end, timeout)
        assert self._account is not None  # a stream without one ends with an error
        return self._account

    def cancel(self) -> None:
        """Cancel the rest of the stream and stop its running jobs. `wait` returns soon after."""
        self._cancel()

    def settle(self, account: Account) -> None:
        """Set the counts of the chunks."""
        self._account = account

    def wake(self, error: BaseException | None) -> None:
        """End the wait, with an error if there is one, unless it has already ended."""
        settle(self._end, error)
