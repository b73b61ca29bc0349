"""Who may take how many tokens of one KV cache: the accounts of the rows, without their contents."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

PORTION = 32
"""tokens that a row takes at a time, 1.5 s of speech; small, because half a portion of each row is unused"""


@dataclass(slots=True)
class _Account:
    most: int
    held: int = 0


class Ledger:
    """Lends `tokens` of a cache to rows as they grow; a row that gets none waits, and keeps what it has.

    A row gets more only if afterwards, for each row, its greatest length fits beside what all younger rows
    hold. The growth of the oldest row changes this for no row, so it is never refused, and the oldest row
    always ends; then all of this still holds for the others, and the next oldest row becomes the oldest.

    It would not be enough to look at the oldest row only: the next oldest may need more than the oldest did.
    """

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self._rows: dict[Hashable, _Account] = {}  # the oldest first

    def join(self, row: Hashable, most: int) -> None:
        """Take in a row, the youngest, of at most `most` tokens. Raises ValueError if it can never fit."""
        if most > self.tokens:
            raise ValueError(f"{most} tokens do not fit into a cache of {self.tokens}")
        self._rows[row] = _Account(most)

    def leave(self, row: Hashable) -> None:
        """Take back what a row holds."""
        del self._rows[row]

    def grow(self, row: Hashable, length: int) -> int | None:
        """How many tokens a row holds now that it needs `length` of them; None if it must wait."""
        account = self._rows[row]
        if length <= account.held:
            return account.held
        before = account.held
        account.held = min(-(-length // PORTION) * PORTION, account.most)
        if self._is_safe():
            return account.held
        account.held = before
        return None

    def _is_safe(self) -> bool:
        younger = 0
        for account in reversed(self._rows.values()):
            if account.most + younger > self.tokens:
                return False
            younger += account.held
        return younger <= self.tokens
