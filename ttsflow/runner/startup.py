"""What workers that have not loaded yet are doing, for a person who waits for them."""

from __future__ import annotations


class Loading:
    """What each worker last said of itself, until it has loaded. Written by one thread, read by any.

    What comes of an older generation than the latest, which is ending, is not noted.
    """

    def __init__(self) -> None:
        self._generations: dict[str, int] = {}
        self._said: dict[str, str] = {}

    def started(self, worker: str, generation: int) -> None:
        """A generation begins; until it says something, the end of the one before is what is known."""
        self._generations[worker] = generation
        self._said.setdefault(worker, "has said nothing yet")

    def progress(self, worker: str, generation: int, what: str) -> None:
        """It says what it does next."""
        if generation == self._generations.get(worker):
            self._said[worker] = f"said {what!r}"

    def loaded(self, worker: str, generation: int) -> None:
        """It takes jobs now."""
        if generation == self._generations.get(worker):
            self._said.pop(worker, None)

    def ended(self, worker: str, generation: int, why: str) -> None:
        """It could not load, or died, or is killed."""
        if generation == self._generations.get(worker):
            self._said[worker] = f"ended: {why}"

    def __str__(self) -> str:
        return "; ".join(f"worker {worker} {said}" for worker, said in list(self._said.items()))
