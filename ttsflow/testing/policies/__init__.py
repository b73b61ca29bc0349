"""The rules for policies, checked in simulated worlds and in this process."""

from ttsflow.testing.policies import comparison, placement, purity, worlds
from ttsflow.testing.policies.subject import PolicySubject

GROUPS = {
    "placement": placement.RULES,
    "worlds": worlds.RULES,
    "decisions": purity.RULES,
    "comparison": comparison.RULES,
}
"""the rules by what they are about, in the order in which they are checked"""

RULES = tuple(rule for rules in GROUPS.values() for rule in rules)

__all__ = ["GROUPS", "RULES", "PolicySubject"]
