"""For authors of plugins: tests of the rules that policies and backends keep."""

from __future__ import annotations

from collections.abc import Callable

from ttsflow.interface.policy import Policy
from ttsflow.testing.fault_tester import Faults, run_sound
from ttsflow.testing.marks import RuleBroken, backend_checks, policy_checks

__all__ = ["RuleBroken", "backend_checks", "check_policy", "policy_checks"]

ROUGH = Faults(
    die=0.02, poison=0.01, fail=0.02, refuse=0.01, mute=0.01, bad=0.01, doubt=0.02, long=0.01, split=0.02,
    hang=0.01, freeze=0.01, numb=0.01, slow=0.01,
    memory=0.01, broken=0.01, lost=0.01, late=0.1, twice=0.05, cancel=0.1,
    devices=0.2,
)  # fmt: skip


def check_policy(policy: Callable[[], Policy], *, schedules: int = 200, first_seed: int = 0) -> None:
    """Run a policy through simulated worlds: random devices, texts, costs and streams, then faults too.

    `policy` is called with no arguments for each world: the class itself, or a function that makes
    an instance with other options. In the undisturbed worlds every chunk must be delivered; in the
    disturbed ones every chunk must be accounted for. Raises AssertionError with the seed of the
    world, which replays with `first_seed=SEED, schedules=1`.

        >>> from ttsflow.testing import check_policy
        >>> from ttsflow_plugins.sequential import Sequential
        >>> check_policy(Sequential, schedules=20)
    """
    for seed in range(first_seed, first_seed + schedules):
        for faults in (Faults(), ROUGH):
            run_sound(seed, lambda _: policy(), faults)
