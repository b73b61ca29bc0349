"""Rules for what comes of a policy in simulated worlds: nothing is lost, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from ttsflow.testing.fault_tester import Faults
from ttsflow.testing.policies.patience import PATIENCE_S, Stuck
from ttsflow.testing.policies.subject import PolicySubject, decisions, live_seeds
from ttsflow.testing.rule import DoesNotApply, Rule, rule

TESTING = "policies.md#testing-a-policy"
MISBEHAVING = "policies.md#when-a-policy-misbehaves"

WORLDS = 40
"""of each kind"""


@rule(MISBEHAVING)
def delivers(subject: PolicySubject) -> Iterator[str]:
    """Every chunk is spoken where nothing goes wrong."""
    yield from _told(subject, range(2 * WORLDS), Faults())


@rule(MISBEHAVING)
def listeners(subject: PolicySubject) -> Iterator[str]:
    """Every chunk is spoken to those who listen."""
    yield from _told(subject, live_seeds(WORLDS), Faults())


@rule(TESTING)
def deaths(subject: PolicySubject) -> Iterator[str]:
    """Nothing is lost where workers die, hang or are stopped."""
    yield from _told(subject, range(WORLDS), Faults(die=0.05, poison=0.02, hang=0.02, freeze=0.02, numb=0.02))


@rule(TESTING)
def failures(subject: PolicySubject) -> Iterator[str]:
    """Nothing is lost where chunks fail, are split or sound wrong."""
    faults = Faults(
        fail=0.05, refuse=0.02, mute=0.02, bad=0.02, doubt=0.05, long=0.02, split=0.05, memory=0.02
    )
    yield from _told(subject, range(WORLDS), faults)


@rule(TESTING)
def losses(subject: PolicySubject) -> Iterator[str]:
    """Nothing is lost where devices go, come back, and hold less than before."""
    yield from _told(subject, range(WORLDS), Faults(lost=0.05, devices=0.5, memory=0.02))


@rule(TESTING)
def cancellations(subject: PolicySubject) -> Iterator[str]:
    """Nothing is lost where streams are cancelled, and messages come late and twice."""
    yield from _told(subject, range(WORLDS), Faults(cancel=0.4, late=0.2, twice=0.1, slow=0.02))


@rule(TESTING)
def repeats(subject: PolicySubject) -> Iterator[str]:
    """The same world twice gives the same decisions: there is no clock and no chance in them."""
    try:
        again = subject.in_time(lambda: decisions(subject.make))
        yield from _differences(subject.in_time(lambda: subject.decisions), again, "the second time")
    except Stuck as stuck:
        yield str(stuck)


@rule(TESTING)
def repeats_elsewhere(subject: PolicySubject) -> Iterator[str]:
    """The same world gives the same decisions in another process, where strings hash otherwise."""
    if subject.elsewhere is None:
        raise DoesNotApply("the policy is in no module or file that another process can import")
    there = list(subject.elsewhere(subject.plugin, subject.options, min(2 * PATIENCE_S, subject.left_s)))
    yield from _differences(subject.decisions, there, "in another process")


def _told(subject: PolicySubject, seeds: Sequence[int], faults: Faults) -> Iterator[str]:
    wrong = subject.run_sound(seeds, faults)
    if wrong is not None:
        yield wrong


def _differences(one: Sequence[str], other: Sequence[str], when: str) -> Iterator[str]:
    for here, there in zip_longest(one, other, fillvalue="nothing"):
        if here != there:
            yield f"{here.strip()!r}, and {when} {there.strip()!r}"
            return


RULES: tuple[Rule[PolicySubject], ...] = (
    delivers, listeners, deaths, failures, losses, cancellations, repeats, repeats_elsewhere,
)  # fmt: skip
