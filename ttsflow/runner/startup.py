"""What the workers that are still loading report, for a person who waits for them."""

from __future__ import annotations


class Loading:
    """The last report of each worker until it has loaded. Written by one thread, read by any thread.

    Reports of a generation older than the latest are ignored.
    """

    def __init__(self) -> None:
        self._generations: dict[str, int] = {}
        self._said: dict[str, str] = {}

    def started(self, worker: str, generation: int) -> None:
        """A generation begins. Until its first report, the end of the previous one is kept."""
        self._generations[worker] = generation
        self._said.setdefault(worker, "has said nothing yet")

    def progress(self, worker: str, generation: int, what: str) -> None:
        """The worker reports its next step."""
        if generation == self._generations.get(worker):
            self._said[worker] = f"said {what!r}"

    def loaded(self, worker: str, generation: int) -> None:
        """The worker has loaded its model."""
        if generation == self._generations.get(worker):
            self._said.pop(worker, None)

    def ended(self, worker: str, generation: int, why: str) -> None:
        """The worker could not load, died, or was killed."""
        if generation == self._generations.get(worker):
            self._said[worker] = f"ended: {why}"

    def __str__(self) -> str:
        return "; ".join(f"worker {worker} {said}" for worker, said in list(self._said.items()))
