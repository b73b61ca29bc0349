"""Plans a text under one policy after the other, each chosen as a run would choose it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ttsflow.config import PolicyChoice, Settings, resolve_policy
from ttsflow.errors import TtsflowError
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import Policy
from ttsflow.planning.play import Played, play
from ttsflow.planning.world import World, jobs_of
from ttsflow.registry import Registry, calling
from ttsflow.report import RunInfo
from ttsflow.session.request import Manner
from ttsflow.text import Document

MOST_PREDICTED = 20_000
"""chunks; about three seconds at the end of a run that took many minutes"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What came of one policy; `asked` is how it was named, None for what the configuration chooses.

    `error` says why there is nothing in `played`, or why it ended early.
    """

    asked: str | None
    choice: PolicyChoice | None = None
    played: Played | None = None
    error: TtsflowError | None = None

    @property
    def name(self) -> str:
        """What was asked for, and what it chose where that has another name."""
        asked = self.asked or "default"
        chosen = asked if self.choice is None else self.choice.plugin.name
        return asked if asked == chosen else f"{asked}: {chosen}"


def compare(
    asked: Iterable[str | None],
    configured: Callable[[str | None], tuple[Settings, Registry]],
    world: World,
    jobs: Sequence[ChunkJob],
    path: Path | None = None,
) -> Iterator[Plan]:
    """Plan the jobs under each policy that is asked for; `configured` gives its settings and plugins.

    A policy that cannot be made, or breaks, is an error in its plan: the others go on. `path` is a report of
    the plan, for a single policy. Raises OutputError and SinkError for it.
    """
    for name in asked:
        try:
            settings, registry = configured(name)
            choice = resolve_policy(settings, registry, world.situation)
        except TtsflowError as error:
            yield Plan(name, error=error)
            continue
        played = play(_maker(choice), world, jobs, _info(choice, world), path)
        yield Plan(name, choice, played, played.error)


def predict(manner: Manner, document: Document, *, listening: bool) -> Played | None:
    """What a run over a whole text should come to, by the costs that are known before it.

    None for a text without words, or with so many chunks that it would take long to play.
    """
    setup, limits = manner.setup, manner.setup.config.limits
    world = World(setup.profile, setup.devices, listening, manner.text, setup.known, limits)
    jobs = list(islice(jobs_of(document, world), MOST_PREDICTED + 1))
    if not jobs or len(jobs) > MOST_PREDICTED:
        return None
    if not listening:  # a text that stands in several places is spoken once
        first: dict[str | int, ChunkJob] = {}
        for job in jobs:
            first.setdefault(job.text if job.speakable else job.index, job)
        jobs = list(first.values())
    return play(_maker(setup.policy), world, jobs, setup.info())


def _maker(choice: PolicyChoice) -> Callable[[], Policy]:
    def make() -> Policy:
        with calling(choice.plugin, "__init__", "policy"):
            return choice.plugin.cls(choice.options)

    return make


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
