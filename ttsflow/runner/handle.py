"""What whoever opened a stream holds of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from ttsflow.interface.jobs import Account
from ttsflow.runner.origin import Origin
from ttsflow.runner.waits import settle, wait_for


class StreamHandle:
    """A stream that was opened: its end can be waited for, and called for. Any thread may use it."""

    def __init__(self, stream: str, cancel: Callable[[], object]) -> None:
        self.stream = stream
        self._origin = Origin()
        self._cancel = cancel
        self._account: Account | None = None
        self._end: Future[None] = Future()

    @property
    def account(self) -> Account | None:
        """What became of the chunks, once that is settled: before `wait` is over, however the stream ended.

        None where the stream was refused, or the runner itself failed.
        """
        return self._account

    def wait(self, timeout: float | None = None) -> Account:
        """Wait until the sink is finished, or the store has all that it gets; the stream's account.

        Ctrl-C interrupts the wait. A stream that was cancelled gives its account too. Raises whatever
        else ended the stream: what its sink, its store or its source raised, PolicyError, WorkerError;
        TimeoutError after `timeout` seconds; RunError in a forked child.
        """
        self._origin.check()
        wait_for(self._end, timeout)
        assert self._account is not None  # a stream without one ends with an error
        return self._account

    def cancel(self) -> None:
        """Give up the rest of the stream; jobs that run are stopped. `wait` returns soon after."""
        self._cancel()

    def settle(self, account: Account) -> None:
        """Say what became of the chunks."""
        self._account = account

    def wake(self, error: BaseException | None) -> None:
        """End the wait, with an error if there is one, unless it was ended before."""
        settle(self._end, error)
