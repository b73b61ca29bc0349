"""Plans a text under one policy after the other, each chosen as a run would choose it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ttsflow.config import PolicyChoice, Settings, resolve_policy
from ttsflow.errors import PolicyError, TtsflowError
from ttsflow.interface.jobs import ChunkJob
from ttsflow.planning.crowd import Served, limit_of, most_seats, serve
from ttsflow.planning.patience import Watch, bounded
from ttsflow.planning.play import Played, play
from ttsflow.planning.text import Cut, PlannedText
from ttsflow.planning.world import World
from ttsflow.registry import Registry
from ttsflow.report import RunInfo
from ttsflow.session.request import Manner
from ttsflow.text import Document

MOST_PREDICTED = 20_000
"""chunks; about three seconds at the end of a run that took many minutes"""


Configured = Callable[[str | None], tuple[Settings, Registry]]
"""Gives the settings and the plugins with which a policy is asked for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What came of one policy; `asked` is how it was named, None for what the configuration chooses.

    `played` is of one text, `served` of a crowd of listeners; `error` says why there is nothing, or why it
    ended early.
    """

    asked: str | None
    choice: PolicyChoice | None = None
    played: Played | None = None
    served: Served | None = None
    error: TtsflowError | None = None

    @property
    def name(self) -> str:
        """What was asked for, and what it chose where that has another name."""
        asked = self.asked or "default"
        chosen = asked if self.choice is None else self.choice.plugin.name
        return asked if asked == chosen else f"{asked}: {chosen}"


def compare(
    asked: Iterable[str | None],
    configured: Configured,
    world: World,
    text: Cut,
    path: Path | None = None,
) -> Iterator[Plan]:
    """Plan a text under each policy that is asked for, cut and limited as its own file says.

    A policy that cannot be made, breaks or does not come back is an error in its plan: the others go on.
    `path` is a report of the plan, for a single policy. Raises OutputError and SinkError for it.
    """
    for plan, own in _chosen(asked, configured, world):
        if plan.choice is None:
            yield plan
            continue
        work = partial(play, plan.choice.make_here, own, text.jobs(own), _info(plan.choice, own), path)
        try:
            played = bounded(own.limits.timeouts.policy_s, work)
        except PolicyError as error:
            yield replace(plan, error=error)
        else:
            yield replace(plan, played=played, error=played.error)


def compare_crowds(
    asked: Iterable[str | None],
    configured: Configured,
    world: World,
    text: Cut,
    seats: int | None,
) -> Iterator[Plan]:
    """As `compare`, for so many listeners at a time; None: for the most that each policy can bear."""
    for plan, own in _chosen(asked, configured, world):
        if plan.choice is None:
            yield plan
            continue
        serving = partial(serve, plan.choice.make_here, own, text.jobs(own.unramped))
        try:
            served = _serve(serving, seats, own)
        except PolicyError as error:
            yield replace(plan, error=error)
        else:
            yield replace(plan, served=served, error=served.error)


def _serve(serving: Callable[[int, Watch], Served], seats: int | None, world: World) -> Served:
    def serve_seats(count: int) -> Served:
        return bounded(world.limits.timeouts.policy_s, partial(serving, count))

    return most_seats(serve_seats, limit_of(world)) if seats is None else serve_seats(seats)


def _chosen(
    asked: Iterable[str | None], configured: Configured, world: World
) -> Iterator[tuple[Plan, World]]:
    """The choice of each that is asked for, and the world as its configuration has it."""
    for name in asked:
        try:
            settings, registry = configured(name)
            own = world.under(settings.config)
            yield Plan(name, resolve_policy(settings, registry, world.situation)), own
        except TtsflowError as error:
            yield Plan(name, error=error), world


def predict(manner: Manner, document: Document, *, listening: bool) -> Played | None:
    """What a run over a whole text should come to, by the costs that are known before it.

    None for a text without words, with so many chunks that it would take long to play, or where the policy
    does not come back.
    """
    setup, limits = manner.setup, manner.setup.config.limits
    world = World(setup.profile, setup.devices, listening, manner.text, setup.known, limits)
    jobs = PlannedText(document, setup.rules).jobs(world, MOST_PREDICTED + 1)
    if not jobs or len(jobs) > MOST_PREDICTED:
        return None
    if not listening:  # a text that stands in several places is spoken once
        first: dict[object, ChunkJob] = {}
        for job in jobs:
            voice = (job.language, job.voice, job.references, job.speed)
            first.setdefault((job.text, voice) if job.speakable else job.index, job)
        jobs = list(first.values())
    try:
        return bounded(
            limits.timeouts.policy_s, partial(play, setup.policy.make_here, world, jobs, setup.info(), None)
        )
    except PolicyError:
        return None


def _info(choice: PolicyChoice, world: World) -> RunInfo:
    return RunInfo(
        policy=choice.plugin.name,
        backend=world.profile.backend,
        decided_by=choice.decided_by,
        policy_options=choice.options.model_dump(mode="json"),
        devices=world.devices,
        device_kind=world.devices[0].kind,
        reproducible=True,
    )
