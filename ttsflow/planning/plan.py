"""Plans a text under one policy after the other, each chosen as a run would choose it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ttsflow.config import PolicyChoice, Settings, resolve_policy
from ttsflow.errors import TtsflowError
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import Policy
from ttsflow.planning.play import Played, play
from ttsflow.planning.world import World
from ttsflow.registry import Registry, calling
from ttsflow.report import RunInfo
from ttsflow.session.setup import Setup


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


def predict(setup: Setup, jobs: Sequence[ChunkJob], *, listening: bool) -> Played:
    """What a run with this setup should come to, by the costs that are known before it."""
    config = setup.config
    world = World(setup.profile, setup.devices, listening, config.text, setup.known, config.limits)
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
