"""Rules for `place` and `lane`, and for the class."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import Policy, WorkerSpec
from ttsflow.interface.profile import Profile
from ttsflow.testing.policies.patience import Stuck
from ttsflow.testing.policies.subject import PolicySubject, as_json, jobs, situations
from ttsflow.testing.rule import NotReached, Rule, rule

CONTRACT = "policies.md#the-contract"

MOST_WORKERS = 128
"""workers of one device that a policy may ask for: a machine with more cores is rare"""

MOST_SPECS = 2_000
"""that are taken of `place` before it counts as endless"""

T = TypeVar("T")


class _Failed(Exception):
    """A call raised, or did not come back."""


@rule("policies.md#a-first-policy")
def described(subject: PolicySubject) -> Iterator[str]:
    """The class has a docstring: its first line stands in lists."""
    if not subject.plugin.summary:
        yield f"{subject.plugin.cls.__name__} has none"


@rule("policies.md#options")
def options(subject: PolicySubject) -> Iterator[str]:
    """The options can be written as JSON: reports contain them."""
    try:
        as_json(subject.options)
        subject.plugin.cls.Options.model_json_schema()
        made = subject.make()
    except Exception as error:  # pydantic and the plugin may raise anything
        yield f"{type(error).__name__}: {' '.join(str(error).split())}"
        return
    if made.options != subject.options:
        yield "the policy does not keep the options that it was made with, in `options`"


@rule(CONTRACT)
def places(subject: PolicySubject) -> Iterator[str]:
    """place gives WorkerSpecs on the devices that it was given, at least one."""
    for name, devices, specs in _placements(subject):
        if isinstance(specs, str):
            yield f"{name}: {specs}"
            continue
        if not specs:
            yield f"{name}: no worker"
        for spec in specs:
            if not isinstance(spec, WorkerSpec):
                yield f"{name}: {spec!r} is no WorkerSpec"
            elif not isinstance(spec.device, Device) or spec.device not in devices:
                yield f"{name}: a worker on {getattr(spec.device, 'id', spec.device)!r}, which was not given"
            elif not isinstance(spec.slots, int) or isinstance(spec.slots, bool) or spec.slots < 1:
                yield f"{name}: {spec.slots!r} slots"


@rule(CONTRACT)
def places_few(subject: PolicySubject) -> Iterator[str]:
    """place asks for a number of workers that a device can have, 128 at most."""
    for name, devices, specs in _placements(subject):
        if isinstance(specs, list) and len(specs) > MOST_WORKERS * len(devices):
            many = "no end of" if len(specs) == MOST_SPECS else len(specs)
            yield f"{name}: {many} workers"


@rule(CONTRACT)
def places_slots(subject: PolicySubject) -> Iterator[str]:
    """place asks for no more slots than the backend has."""
    for situation in situations():
        specs = _place(subject, subject.make(), situation.devices, situation.profile)
        for spec in specs if isinstance(specs, list) else ():
            slots = getattr(spec, "slots", 1)
            if isinstance(slots, int) and slots > situation.profile.slots:
                yield f"{situation.name}: {slots} slots, and the backend has {situation.profile.slots}"


@rule(CONTRACT)
def places_again(subject: PolicySubject) -> Iterator[str]:
    """place asked again for the same devices wants the same workers."""
    for situation in situations():
        policy = subject.make()
        first, again = (_place(subject, policy, situation.devices, situation.profile) for _ in range(2))
        if isinstance(first, list) and first != again:
            yield f"{situation.name}: {_listed(first)}, then {_listed(again)}"


@rule(CONTRACT)
def places_after_loss(subject: PolicySubject) -> Iterator[str]:
    """After a device was lost, place uses the others; when it is back, it may be used again."""
    for situation in situations():
        devices = situation.devices
        if len(devices) < 2:
            continue
        policy = subject.make()
        for given in (devices, devices[1:], devices):
            specs = _place(subject, policy, given, situation.profile)
            if not isinstance(specs, list) or not specs:
                yield f"{situation.name}, {len(given)} of them left: {specs or 'no worker'}"
            elif strange := [spec for spec in specs if getattr(spec, "device", None) not in given]:
                where = getattr(getattr(strange[0], "device", None), "id", strange[0])
                yield f"{situation.name}, {len(given)} of them left: a worker on {where}"


@rule(CONTRACT)
def places_only(subject: PolicySubject) -> Iterator[str]:
    """A placement leaves the devices and the profile as they are."""
    for situation in situations():
        devices = list(situation.devices)
        _place(subject, subject.make(), devices, situation.profile)
        if tuple(devices) != situation.devices:
            yield f"{situation.name}: place changed the list of devices that it was given"


@rule(CONTRACT)
def lanes(subject: PolicySubject) -> Iterator[str]:
    """lane gives something that can be hashed, the same for the same job."""
    situation = next(each for each in situations() if each.name == "four GPUs, four slots")
    policy = subject.make()
    _place(subject, policy, situation.devices, situation.profile)
    for job in jobs(40):
        try:
            one, other = (_called(subject, partial(_lane, policy, job)) for _ in range(2))
        except _Failed as failed:
            yield f"lane({job}): {failed}"
            return
        if one != other:
            yield f"lane({job}) is {one!r}, then {other!r}"


def _lane(policy: Policy, job: ChunkJob) -> Hashable:
    lane = policy.lane(job)
    hash(lane)
    return lane


def _placements(
    subject: PolicySubject,
) -> Iterator[tuple[str, Sequence[Device], list[Any] | str]]:
    """The name of each situation, its devices, and what `place` gives, or how it fails."""
    for situation in situations():
        yield (
            situation.name,
            situation.devices,
            _place(subject, subject.make(), situation.devices, situation.profile),
        )


def _place(
    subject: PolicySubject, policy: Policy, devices: Sequence[Device], profile: Profile
) -> list[Any] | str:
    def place() -> list[Any]:
        wish: Any = policy.place(devices, profile)
        if not isinstance(wish, Iterable):
            raise TypeError(f"place returned {wish!r}, not WorkerSpecs")
        return list(islice(wish, MOST_SPECS))

    try:
        return _called(subject, place)
    except _Failed as failed:
        return str(failed)


def _called(subject: PolicySubject, function: Callable[[], T]) -> T:
    """What a call gives. Raises _Failed where it raises, or does not come back."""
    try:
        return subject.in_time(function, subject.call_s)
    except NotReached:
        raise
    except Stuck as stuck:
        raise _Failed(str(stuck)) from stuck
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit | Exception):  # foreign code may raise anything
            raise _Failed(f"raised {type(error).__name__}: {error}") from error
        raise


def _listed(specs: list[Any] | str) -> str:
    if isinstance(specs, str):
        return specs
    return ", ".join(f"{spec.device.id} with {spec.slots}" for spec in specs[:4]) or "none"


RULES: tuple[Rule[PolicySubject], ...] = (
    described, options, places, places_few, places_slots, places_again, places_after_loss, places_only, lanes,
)  # fmt: skip
