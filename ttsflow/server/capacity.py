"""What the workers that are there can do, and what a text will cost them."""

from __future__ import annotations

from collections import defaultdict

from ttsflow.interface.costs import Costs
from ttsflow.interface.jobs import ChunkJob, Outcome
from ttsflow.report import Unobserved, WorkerInfo
from ttsflow.server.fleet import Fleet
from ttsflow.session.setup import Setup


class Capacity(Unobserved):
    """Predicts from the profile and from the chunks that were spoken, which it observes.

    Told on the runner's thread; any thread may ask it.
    """

    def __init__(self, setup: Setup, fleet: Fleet) -> None:
        self._profile, self._fleet = setup.profile, fleet
        self._devices = {device.id: device for device in setup.devices}
        self._costs = Costs(setup.profile)

    @property
    def gain(self) -> float:
        """How many seconds of work of one chunk alone all workers do in a second; 0 where none is ready."""
        on: dict[str, list[WorkerInfo]] = defaultdict(list)
        for info in self._fleet.ready:
            on[info.device].append(info)
        return sum(
            sum(map(self._of_slots, infos)) / self._profile.beside(len(infos), self._devices.get(device))
            for device, infos in on.items()
        )

    def audio_s(self, text: str, language: str, speed: float) -> float:
        """How long a text is likely to be, in seconds."""
        return self._costs.audio(ChunkJob("", 0, text, language, speed=speed))

    def work_s(self, text: str, language: str, speed: float) -> float:
        """How many seconds of work it is likely to be, one chunk after the other."""
        return self._costs.cost(ChunkJob("", 0, text, language, speed=speed))

    def ended(self, outcome: Outcome, now: float) -> None:
        if outcome.status == "ok" and outcome.started_s is not None and outcome.finished_s is not None:
            at_once = 1 + self._fleet.at_work(outcome.worker)  # its own attempt has ended
            self._costs.observe(outcome.job, outcome.audio_s, outcome.finished_s - outcome.started_s, at_once)

    def _of_slots(self, info: WorkerInfo) -> float:
        return max(k / self._costs.slow(k) for k in range(1, info.slots + 1))
