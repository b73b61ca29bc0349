"""The text rules of plugins, as one: what a chunk becomes before it is spoken."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from threading import Lock

from ttsflow.config import TextRuleChoice
from ttsflow.errors import PluginError
from ttsflow.interface.textrule import TextRule
from ttsflow.registry import Plugin, made, worded
from ttsflow.text.languages import nearest


class _OneAtATime(TextRule):
    """A rule that is asked for one text at a time, and for none while one does not come back."""

    name = "one at a time"

    def __init__(self, plugin: Plugin[TextRule], rule: TextRule) -> None:
        super().__init__(rule.options)
        self._rule = rule
        # without ears for each of thousands of calls: what a rule prints has no name
        self._plugin = replace(plugin, boundary=replace(plugin.boundary, hearing=nullcontext))
        self._turn = Lock()
        self._inside: str | None = None  # the text that it is at, also when nobody waits for it any more

    def __call__(self, text: str, language: str) -> str:
        """The text as the rule has it spoken. Raises PluginError."""
        with self._turn:
            if (earlier := self._inside) is not None:
                rule = f"{self._plugin.label} of {self._plugin.provider}"
                busy = (
                    f"is still at {reprlib.repr(earlier)}, and is asked for nothing else until it comes back"
                )
                raise PluginError(f"{rule} {busy}")
            return worded(self._plugin, self, text, language)

    def spoken(self, text: str, language: str) -> str:
        """On the thread of the call, which may be left behind."""
        self._inside = text
        try:
            return self._rule.spoken(text, language)
        finally:
            self._inside = None


class TextRules:
    """Asks each rule in turn, on whatever thread. Raises PluginError."""

    def __init__(self, choices: Sequence[TextRuleChoice] = ()) -> None:
        self._rules = [
            (choice.language, _OneAtATime(choice.plugin, made(choice.plugin, choice.options)))
            for choice in choices
        ]

    def __bool__(self) -> bool:
        return bool(self._rules)

    def __call__(self, text: str, language: str) -> str:
        """The text as it is spoken."""
        for only, rule in self._rules:
            if only is None or nearest(only, [language]) is not None:
                text = rule(text, language)
        return text
