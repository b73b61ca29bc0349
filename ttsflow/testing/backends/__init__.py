"""The rules for backends, each checked in processes as a run has them."""

from ttsflow.testing.backends import audio, costs, foreground, promises, voices
from ttsflow.testing.backends.subject import BUDGET_S, BackendSubject

GROUPS = {
    "foreground": foreground.RULES,
    "audio": audio.RULES,
    "promises": promises.RULES,
    "voices": voices.RULES,
    "profile": costs.RULES,
}
"""the rules by what they are about, in the order in which they are checked"""

RULES = tuple(rule for rules in GROUPS.values() for rule in rules)

__all__ = ["BUDGET_S", "GROUPS", "RULES", "BackendSubject"]
