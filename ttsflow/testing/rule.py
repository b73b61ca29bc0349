"""A rule that a plugin must keep, and what came of checking it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Literal, TypeVar

from ttsflow.errors import TtsflowError

Result = Literal["kept", "broken", "does not apply", "not reached"]

MOST_SEEN = 3
"""instances of a broken rule that are told; more of them say nothing new"""

S = TypeVar("S")


class DoesNotApply(Exception):
    """Raised by a check: the rule has no meaning for this plugin. The message says why."""


class NotReached(Exception):
    """Raised by a check: what it looks at was not there. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Note:
    """Given by a check beside what breaks the rule: what was measured."""

    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one rule: in words what broke it (`seen`), what was measured (`notes`)."""

    rule: str
    says: str
    page: str
    result: Result
    seen: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """For a person whose plugin breaks it: the rule, what was seen, where it is explained."""
        lines = [f"{self.rule} is {self.result}: {self.says}"]
        lines += [f"  seen: {each}" for each in self.seen]
        lines += [f"  measured: {each}" for each in self.notes]
        return "\n".join([*lines, f"  explained in {self.page}"])


@dataclass(frozen=True, slots=True)
class Rule(Generic[S]):
    """A rule by its name; `says` is the rule in a sentence, `page` where the documents explain it.

    `check` looks at a plugin, and gives each thing that breaks the rule in words, and notes.
    """

    name: str
    says: str
    page: str
    check: Callable[[S], Iterable[str | Note]]

    def judge(self, subject: S) -> Verdict:
        """Check the rule on a plugin."""
        seen: list[str] = []
        notes: list[str] = []
        result: Result
        try:
            for found in self.check(subject):
                if isinstance(found, Note):
                    notes.append(found.text)
                    continue
                seen.append(found)
                if len(seen) == MOST_SEEN:
                    break
            result = "broken" if seen else "kept"
        except DoesNotApply as why:
            result = "does not apply"
            notes.append(str(why))
        except (NotReached, TtsflowError) as why:
            result = "broken" if seen else "not reached"
            (notes if seen else seen).append(str(why))
        return Verdict(self.name, self.says, self.page, result, tuple(seen), tuple(notes))


Check = Callable[[S], Iterable[str | Note]]


def rule(page: str) -> Callable[[Check[S]], Rule[S]]:
    """Make a rule of the function that checks it: with its name, and its docstring for a sentence."""

    def of(check: Check[S]) -> Rule[S]:
        says = " ".join((check.__doc__ or "").split())
        return Rule(check.__name__.replace("_", "-"), says, f"docs/{page}", check)

    return of


def chosen(rules: Iterable[Rule[S]], names: Iterable[str]) -> list[Rule[S]]:
    """The rules with these names, in their order. Raises UnknownNameError."""
    from ttsflow.errors import UnknownNameError

    by_name = {each.name: each for each in rules}
    wanted = list(names)
    for name in wanted:
        if name not in by_name:
            raise UnknownNameError("rule", name, by_name)
    return [each for name, each in by_name.items() if name in wanted]


def first(things: Iterable[S], most: int = MOST_SEEN) -> list[S]:
    """The first few."""
    return list(islice(things, most))
