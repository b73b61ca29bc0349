"""LanguageTool's rules for the ends of sentences, in the SRX format, as `choppa-srx` ships them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from choppa import SrxDocument
    from choppa.structures import Rule

AHEAD = 64
"""characters after an end that the rules see"""

# And before it. Some rules look for brackets in nested loops: without a bound they take milliseconds for
# one end in texts made of short sentences. No abbreviation in the rules is as long.
_BEHIND = 48

_CONSTRUCT = 100  # what choppa takes for the longest repetition in a lookbehind, its own default


class _Pattern(Protocol):
    def match(self, text: str, at: int) -> object | None: ...


class _Rule(NamedTuple):
    """Where a sentence ends, and the exceptions that come before this rule in the document."""

    ends: _Pattern
    exceptions: tuple[_Pattern, ...]

    def allows(self, text: str, at: int) -> bool:
        return bool(self.ends.match(text, at)) and not any(each.match(text, at) for each in self.exceptions)


def allows(before: str, after: str, code: str) -> bool:
    """Whether the rules let a sentence of the language end between `before` and `after`.

    They see the space between the two as a part of `before`. True for a language without rules.
    """
    rules = _rules(code)
    before = before[-_BEHIND:]
    text = before + after[:AHEAD]
    return not rules or any(rule.allows(text, len(before)) for rule in rules)


def load_rules(language: str) -> None:
    """Have the rules of a language at hand: to load them takes some 0.2 s, once."""
    _rules(language.lower().partition("-")[0])


@cache
def _rules(code: str) -> tuple[_Rule, ...]:
    """The language's rules; none where the document has only those for all languages, as for Turkish."""
    document = _document()
    of_all, of_language = (document.get_language_rule_list(f"{each}_two") for each in ("xx", code))
    if all(rules in of_all for rules in of_language):
        return ()
    return tuple(_in_order(document, [rule for rules in of_language for rule in rules.rules]))


def _in_order(document: SrxDocument, rules: Sequence[Rule]) -> Iterator[_Rule]:
    """What choppa's rule manager gives, except that each exception is compiled once, not again for each rule
    after it: half of the time."""
    from choppa.rule_manager import RuleManager
    from choppa.utils import finitize

    write = RuleManager(document, [], _CONSTRUCT).create_exception_pattern_string
    compiled: tuple[_Pattern, ...] = ()
    written: list[str] = []
    for rule in rules:
        if not rule.is_break:
            written.append(write(rule))
            continue
        if written:
            compiled += (document.compile("|".join(written)),)
            written = []
        ends = f"(?<={finitize(rule.before_pattern, _CONSTRUCT)})(?={rule.after_pattern})"
        yield _Rule(document.compile(ends), compiled)


@cache
def _document() -> SrxDocument:
    # Here, since it takes time, which nobody should pay who only asks for help.
    with _Later("xmlschema").in_place():
        from choppa import DEFAULT_SRX_RULESET, SrxDocument

    return SrxDocument(ruleset=DEFAULT_SRX_RULESET)


class _Later(ModuleType):
    """A module that is loaded when something of it is used.

    choppa imports the validator of rules, which takes as long as to read its own rules, and these need none.
    """

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Who imports the module in the `with` block has this one, unless the module is loaded already."""
        sys.modules.setdefault(self.__name__, self)
        try:
            yield
        finally:
            self._leave()

    def __getattr__(self, name: str) -> object:
        self._leave()
        return getattr(import_module(self.__name__), name)

    def _leave(self) -> None:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
