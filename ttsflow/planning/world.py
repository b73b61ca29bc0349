"""A world to plan in: the engine, its devices, and the chunks of a text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from ttsflow.config import Config, Settings, Situation
from ttsflow.config.model import TextSection
from ttsflow.devices import detect
from ttsflow.errors import UsageError
from ttsflow.interface.costs import Costs as Predicted
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.profile import Profile
from ttsflow.profiles import Known, profiled
from ttsflow.registry import Registry
from ttsflow.scheduler.limits import Limits
from ttsflow.scheduler.placement import usable
from ttsflow.session.request import rules_of
from ttsflow.session.setup import foreseen, known_costs
from ttsflow.simulator import CostModel
from ttsflow.text import CutRules

MOST_GPUS = 10_000
MOST_PIECES = 20
"""more of a chunk would cost time to simulate, and tell nothing new"""


@dataclass(frozen=True, slots=True)
class World:
    """What a plan is made for. `profile` has the costs that are `known` from a profile file.

    `listening`: somebody hears the text as it is made; else it becomes a file. `text` says how it is cut and
    spoken, with the engine's own tag of the language.
    """

    profile: Profile
    devices: Sequence[Device]
    listening: bool
    text: TextSection = field(default_factory=TextSection)
    known: Known = field(default_factory=Known)
    limits: Limits = field(default_factory=Limits)
    notices: Sequence[str] = ()

    def __str__(self) -> str:
        """For a person: "xtts (RTF 0.3, 4 slots: s = 1, 1.32, 1.53, 1.73) on 4 GPUs, a file"."""
        profile = self.profile
        costs = [f"RTF {profile.rtf:g}"]
        if profile.slots > 1:
            curve = ", ".join(f"{profile.slow(k):g}" for k in range(1, profile.slots + 1))
            costs.append(f"{profile.slots} slots: s = {curve}")
        return (
            f"{profile.backend} ({'; '.join(costs)}; {self.source}) on {_count(self.devices)}, "
            f"{'a listener' if self.listening else 'a file'}"
        )

    @property
    def source(self) -> str:
        """Where the costs are from, in words."""
        return self.known.source or "the engine's own guesses"

    @property
    def situation(self) -> Situation:
        """What the rules of a policy file are asked about."""
        count = sum(device.kind != "cpu" for device in self.devices)
        return Situation(count, self.listening, self.profile.slots)

    @property
    def rules(self) -> CutRules:
        """How long the chunks of the text may be."""
        return rules_of(self.text, self.profile)

    def under(self, config: Config) -> World:
        """The same world with the text cut, and the scheduler limited, as another configuration says."""
        text = config.text.model_copy(update={"language": self.text.language})
        return replace(self, text=text, limits=config.limits)

    @property
    def unramped(self) -> World:
        """The same world without a ramp."""
        return replace(self, text=self.text.model_copy(update={"ramp": None}))

    @property
    def model(self) -> CostModel:
        """The world's costs: every chunk takes what the profile predicts, and so does its first piece."""
        first = self.known.costs.first_piece or 1.0
        pieces = min(math.ceil(1.0 / first), MOST_PIECES)
        return CostModel.of(self.profile, self.known.costs.load_s or 0.0, pieces, first)

    @property
    def gain(self) -> float:
        """How many times the work of one chunk alone all devices do together, at their best.

        On each device it is the greatest k / s(k) of a worker, times that of its workers together.
        """
        profile = self.profile
        of_slots = max(k / profile.slow(k) for k in range(1, profile.slots + 1))
        return of_slots * sum(map(self._of_workers, self.devices))

    def bound_s(self, jobs: Iterable[ChunkJob]) -> float:
        """Seconds below which no schedule can be: the longest chunk, and all work on all devices."""
        predicted = Predicted(self.profile)
        longest = work = 0.0
        for job in jobs:
            if job.speakable:
                cost = predicted.cost(job)
                longest, work = max(longest, cost), work + cost
        return (self.known.costs.load_s or 0.0) + max(longest, work / self.gain)

    def _of_workers(self, device: Device) -> float:
        profile = self.profile
        most = len(profile.workers) or math.ceil(profile.room(device))  # more of them do no more
        return max(count / profile.beside(count, device) for count in range(1, most + 1))


def world_of(settings: Settings, registry: Registry, gpus: int | None, *, listening: bool) -> World:
    """The world of a configuration, with so many GPUs or this machine's devices.

    Its backend need not be installed where it is named alone. Raises UsageErrors.
    """
    config = settings.config
    backend, profile, text = foreseen(settings, registry)
    devices = usable(detect().devices, profile) if gpus is None else _gpus(gpus, profile)
    known = known_costs(config, profile, devices)
    notices = [note for note in (backend.fallback, known.notice) if note is not None]
    return World(profiled(profile, known.costs), devices, listening, text, known, config.limits, notices)


def _gpus(count: int, profile: Profile) -> tuple[Device, ...]:
    """So many GPUs that nobody else uses. Raises UsageError for an engine without, and an odd number."""
    kind = next((kind for kind in profile.device_kinds if kind != "cpu"), None)
    if kind is None:
        raise UsageError(
            f"backend {profile.backend} uses no GPU; leave --gpus out to plan for this machine's cores, "
            f"or choose another --backend"
        )
    if not 1 <= count <= MOST_GPUS:
        raise UsageError(
            f"--gpus is {count:,}, but must be from 1 to {MOST_GPUS:,}; leave it out to plan for this machine"
        )
    return tuple(Device(f"{kind}:{number}", kind) for number in range(count))


def _count(devices: Sequence[Device]) -> str:
    if devices[0].kind == "cpu":
        cores = devices[0].cores or 1
        return "1 core" if cores == 1 else f"{cores} cores"
    return "1 GPU" if len(devices) == 1 else f"{len(devices):,} GPUs"
