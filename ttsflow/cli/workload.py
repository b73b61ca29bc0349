"""How much there is of many texts: what is open is counted, the rest is guessed by its size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from threading import Lock

from ttsflow.cli.progress import Amount
from ttsflow.session.backlog import Waiting
from ttsflow.store import Counts

PLAIN = ("", ".txt", ".text", ".md", ".markdown")
"""kinds of texts of which a byte is about a character; of others that shows when the first one is open"""


class Workload:
    """The characters of texts, of which few are open at a time. Any thread may tell what becomes of them.

    Of a text that is not open yet they are guessed from its size, by how many there are in a byte of those of
    its kind that were opened. Where `alike`, all texts are about as long, as samples are.
    """

    def __init__(self, waiting: Iterable[Waiting], *, alike: bool = False) -> None:
        self._sizes = {each.name: ("", 1) if alike else (each.kind, each.size) for each in waiting}
        self._plain = () if alike else PLAIN
        self._unread = defaultdict[str, int](int)  # bytes, by kind
        for kind, size in self._sizes.values():
            self._unread[kind] += size
        self._read = defaultdict[str, list[int]](lambda: [0, 0])  # bytes and characters, by kind
        self._open: dict[str, Counts] = {}
        self._left = self._kept = 0  # characters
        self._lock = Lock()

    def begun(self, name: str, counts: Counts) -> None:
        """A text is open, with so much of it kept."""
        with self._lock:
            kind, size = self._take(name)
            known = self._read[kind]
            known[0] += size
            known[1] += counts.chars
            self._open[name] = counts
            self._left += counts.chars - counts.kept_chars
            self._kept += counts.kept_chars

    def ended(self, name: str, counts: Counts | None) -> None:
        """A text is over; `counts` are of its end, None where it could not be read."""
        with self._lock:
            self._take(name)
            before = self._open.pop(name, None)
            if before is not None and counts is not None:
                self._left -= before.chars - counts.kept_chars  # what nobody will speak

    @property
    def amounts(self) -> tuple[Amount | None, Amount]:
        """What this run has to speak, None while nobody can tell, and what was kept before."""
        with self._lock:
            left = float(self._left)
            for kind, size in self._unread.items():
                if size:
                    read, chars = self._read[kind]
                    if not read and kind not in self._plain:
                        return None, Amount(self._kept)
                    left += size * (chars / read if read else 1.0)
            return Amount(round(left), 0), Amount(self._kept)

    def _take(self, name: str) -> tuple[str, int]:
        """The kind and the size of a text, which is not unread any more."""
        kind, size = self._sizes.pop(name, ("", 0))
        self._unread[kind] -= size
        return kind, size
