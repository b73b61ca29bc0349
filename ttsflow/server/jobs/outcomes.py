"""What becomes of the chunks of jobs, as it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ttsflow.interface.jobs import Outcome
from ttsflow.report import Unobserved

Tell = Callable[[Outcome], object]


class Outcomes(Unobserved):
    """An observer of an engine that tells of each chunk of certain streams, on the runner's thread."""

    def __init__(self) -> None:
        self._followed: dict[str, Tell] = {}

    @contextmanager
    def following(self, stream: str, tell: Tell) -> Iterator[None]:
        """Inside, `tell` is called for each chunk of this stream that is whole, in any order, or failed."""
        self._followed[stream] = tell
        try:
            yield
        finally:
            del self._followed[stream]

    def made(self, outcome: Outcome, now: float) -> None:
        self._tell(outcome)

    def ended(self, outcome: Outcome, now: float) -> None:
        if outcome.status == "failed":  # all others were told of when they were made
            self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        if (tell := self._followed.get(outcome.job.stream)) is not None:
            tell(outcome)
