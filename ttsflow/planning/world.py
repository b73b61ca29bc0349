"""A world to plan in: the engine, its devices, and the chunks of a text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle

from ttsflow.config import Config, Settings, Situation
from ttsflow.config.model import TextSection, count_gpus, count_servers
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.profile import Profile
from ttsflow.planning.gpus import gpus_of, in_words, on_nodes, speeds_of
from ttsflow.planning.network import START_S, Network
from ttsflow.planning.recorded import Recorded
from ttsflow.profiles import Known, profiled
from ttsflow.registry import Registry
from ttsflow.scheduler.limits import Limits
from ttsflow.scheduler.placement import usable
from ttsflow.session.cast import rules_of
from ttsflow.session.setup import detect_for, foreseen, known_costs, work_of
from ttsflow.simulator import CostModel
from ttsflow.text import CutRules

MOST_PIECES = 20
"""more of a chunk would cost time to simulate, and tell nothing new"""


@dataclass(frozen=True, slots=True)
class World:
    """What a plan is made for. `profile` has the costs that are `known` from a profile file.

    `listening`: somebody hears the text as it is made; else it becomes a file. `text` says how it is cut and
    spoken, with the engine's own tag of the language. With `recorded` it is a run that is played again: with
    what its chunks took, and what happened in it. `network` connects the nodes of a cluster. `speeds` are of
    devices by id, where one is quicker or slower than the costs say: 0.2 is a fifth of the speed. `chars` is
    the length of the one text that is spoken, if there is one.
    """

    profile: Profile
    devices: Sequence[Device]
    listening: bool
    text: TextSection = field(default_factory=TextSection)
    known: Known = field(default_factory=Known)
    limits: Limits = field(default_factory=Limits)
    notices: Sequence[str] = ()
    recorded: Recorded | None = None
    network: Network | None = None
    speeds: Mapping[str, float] = field(default_factory=dict)
    chars: int | None = None

    def __str__(self) -> str:
        """For a person: "xtts (RTF 0.3, 4 slots: s = 1, 1.32, 1.53, 1.73) on 4 GPUs, a file"."""
        profile = self.profile
        costs = [f"RTF {profile.rtf:g}"]
        if profile.slots > 1:
            curve = ", ".join(f"{profile.slow(k):g}" for k in range(1, profile.slots + 1))
            costs.append(f"{profile.slots} slots: s = {curve}")
        unlike = in_words(self.speeds)
        return (
            f"{profile.backend} ({'; '.join(costs)}; {self.source}) on {_count(self.devices)}, "
            f"{f'{unlike}, ' if unlike else ''}{'a listener' if self.listening else 'a file'}"
        )

    @property
    def source(self) -> str:
        """Where the costs are from, in words."""
        return self.known.source or "the engine's own guesses"

    @property
    def situation(self) -> Situation:
        """What the rules of a policy file are asked about."""
        work_s = None if self.chars is None else work_of(self.chars, self.text, self.profile)
        return Situation.on(self.devices, self.listening, self.profile.slots, work_s)

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
        """The world's costs: every chunk takes what the profile predicts or a run recorded.

        So does its first piece.
        """
        first = self.known.costs.first_piece or 1.0
        pieces = min(math.ceil(1.0 / first), MOST_PIECES)
        model = CostModel.of(self.profile, self.load_s, pieces, first)
        if self.recorded is None:
            return model
        return replace(model, cost=self.recorded.work_s, audio=self.recorded.audio_s)

    @property
    def load_s(self) -> float:
        """Seconds from the wish for a worker until it speaks."""
        return (self.known.costs.load_s or 0.0) + (0.0 if self.network is None else START_S)

    @property
    def gain(self) -> float:
        """How many times the work of one chunk alone all devices do together, at their best.

        On each device it is the greatest k / s(k) of a worker, times that of its workers together.
        """
        profile = self.profile
        of_slots = max(k / profile.slow(k) for k in range(1, profile.slots + 1))
        return of_slots * sum(self._of_workers(device) * self.speed(device) for device in self.devices)

    def speed(self, device: Device) -> float:
        """How many times quicker a device is than the costs say."""
        return self.speeds.get(device.id, 1.0)

    def bound_s(self, jobs: Iterable[ChunkJob]) -> float:
        """Seconds below which no schedule can be: the longest chunk, and all work on all devices."""
        cost = self.model.cost
        longest = work = 0.0
        for job in jobs:
            if job.speakable:
                work_s = cost(job)
                longest, work = max(longest, work_s), work + work_s
        quickest = max(map(self.speed, self.devices))
        return self.load_s + max(longest / quickest, work / self.gain)

    def _of_workers(self, device: Device) -> float:
        profile = self.profile
        most = len(profile.workers) or math.ceil(profile.room(device))  # more of them do no more
        return max(count / profile.beside(count, device) for count in range(1, most + 1))


def world_of(
    settings: Settings,
    registry: Registry,
    gpus: str | None,
    *,
    listening: bool,
    nodes: int | None = None,
    network: Network | None = None,
) -> World:
    """The world of a configuration, with GPUs as `speeds_of` reads them, or this machine's devices.

    With `nodes` it is a cluster of so many, each with these GPUs, in a network.

    Its backend need not be installed where it is named alone. Raises UsageErrors.
    """
    config = settings.config
    backend, profile, text = foreseen(settings, registry)
    each = speeds_of(gpus or "1")
    if gpus is None and nodes is None:
        devices: Sequence[Device] = usable(detect_for(backend).devices, profile)
        each = (1.0,) * len(devices)
    else:
        devices = gpus_of(len(each), profile)
    if nodes is not None:
        devices = on_nodes(nodes, devices)
    speeds = {device.id: speed for device, speed in zip(devices, cycle(each), strict=False)}
    known = known_costs(config, profile, devices)
    notices = [note for note in (backend.fallback, known.notice) if note is not None]
    profile, network = profiled(profile, known.costs), None if nodes is None else network
    return World(
        profile, devices, listening, text, known, config.limits, notices, network=network, speeds=speeds
    )


def _count(devices: Sequence[Device]) -> str:
    if devices[0].kind == "cpu":
        cores = devices[0].cores or 1
        return "1 core" if cores == 1 else f"{cores} cores"
    count = (count_servers if devices[0].kind == "remote" else count_gpus)(len(devices))
    nodes = len({device.host for device in devices if device.host is not None})
    return f"{count} of {nodes:,} {'node' if nodes == 1 else 'nodes'}" if nodes else count
