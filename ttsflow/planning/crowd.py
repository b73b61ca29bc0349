"""Many listeners at a time, in virtual time: how long each waits, and how many the devices can bear."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ttsflow.errors import TtsflowError
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import Policy
from ttsflow.planning.patience import Watch, unwatched
from ttsflow.planning.play import Player
from ttsflow.planning.world import World
from ttsflow.report import Unobserved
from ttsflow.report.metrics import Playback
from ttsflow.scheduler import messages as msg
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.messages import Driven
from ttsflow.text import Chunk, Ramp

STALL_S = 0.1
"""seconds of silence in all that nobody minds"""

FIRST_S = 10.0
"""seconds to the first sound that nobody minds"""

MOST_SEATS = 2048
"""more would take long to play"""

PEOPLE, ROUNDS = 200, 4
"""listeners that come in all, and on each seat, at the least"""

CONTENT = 0.95
"""share of the listeners who must hear soon, and not stall, where a number of them can be borne"""


@dataclass(frozen=True, slots=True)
class Crowd:
    """`seats` people listen at a time; who is done is followed by the next, until `people` have come.

    Each hears a stretch of the text, of so many `chunks`, from the least to the most, and by chance
    `leaving` of them hang up in the middle of what they hear, once they hear something. `seed` decides
    all chances.
    """

    seats: int
    people: int
    chunks: tuple[int, int] = (4, 20)
    leaving: float = 0.1
    seed: int = 0


@dataclass(slots=True)
class Heard:
    """One listener: when he came, and what he has heard; seconds from the beginning.

    `patience_s` after the first sound he hangs up.
    """

    came_s: float
    patience_s: float | None = None
    playback: Playback = field(default_factory=Playback)
    left: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """What listeners heard: of each seconds to the first sound, and seconds of stalls, in the same order.

    Those to whom no sound came are counted in `unheard` alone. `error` ended it early.
    """

    seats: int
    first_s: Sequence[float]
    stall_s: Sequence[float]
    unheard: int
    error: TtsflowError | None = None

    def first(self, percent: int) -> float:
        """A percentile of the seconds to the first sound."""
        return _percentile(self.first_s, percent)

    def stall(self, percent: int) -> float:
        """A percentile of the seconds of stalls."""
        return _percentile(self.stall_s, percent)

    @property
    def content(self) -> float:
        """The share of all listeners who soon heard something, and did not stall; 0 where it ended early."""
        if self.error is not None:
            return 0.0
        heard = zip(self.first_s, self.stall_s, strict=True)
        good = sum(first <= FIRST_S and stall <= STALL_S for first, stall in heard)
        return good / max(1, len(self.first_s) + self.unheard)

    @property
    def borne(self) -> bool:
        """Whether the devices can bear so many."""
        return self.content >= CONTENT


def serve(
    policy: Callable[[], Policy],
    world: World,
    jobs: Sequence[ChunkJob],
    seats: int,
    watch: Watch = unwatched,
) -> Served:
    """Let so many people at a time listen to stretches of a text; the workers are loaded before they come.

    `watch` makes the scheduler.
    """
    crowd = Crowd(seats, max(PEOPLE, ROUNDS * seats))
    try:
        scheduler = watch(lambda: Scheduler(policy(), world.devices, world.profile, world.limits))
        hall = _Hall(scheduler, world, jobs, crowd)
        result = hall.run({}, live=True)
    except TtsflowError as error:
        return Served(crowd.seats, [], [], 0, error)
    playbacks = [heard.playback for heard in hall.heard.values()]
    first_s = [it.first_audio_s for it in playbacks if it.first_audio_s is not None]
    stall_s = [it.stall_s for it in playbacks if it.first_audio_s is not None]
    return Served(crowd.seats, first_s, stall_s, len(playbacks) - len(first_s), result.error)


def limit_of(world: World) -> int:
    """More listeners than any policy can bear: twice as many as the devices can speak for without a break."""
    return max(1, min(math.ceil(2.0 * world.gain / max(world.profile.rtf, 1e-9)), MOST_SEATS))


def most_seats(serve_seats: Callable[[int], Served], limit: int = MOST_SEATS) -> Served:
    """The largest crowd, at most `limit`, that can be borne, by doubling and halving.

    The smallest one where none can; where a policy breaks, the crowd with which it does.
    """
    best = serve_seats(1)
    if not best.borne:
        return best
    low, high = 1, limit + 1
    while high - low > 1:
        served = serve_seats(min(2 * low, (low + high) // 2))
        if served.error is not None:
            return served
        if served.borne:
            low, best = served.seats, served
        else:
            high = served.seats
    return best


def _percentile(values: Iterable[float], percent: int) -> float:
    ascending = sorted(values)
    return ascending[percent * (len(ascending) - 1) // 100] if ascending else 0.0


class _Hall(Player):
    """A simulator to which listeners come, and which they leave."""

    def __init__(self, scheduler: Driven, world: World, jobs: Sequence[ChunkJob], crowd: Crowd) -> None:
        super().__init__(scheduler, world, Unobserved())
        self._jobs, self._text = [job for job in jobs if job.speakable], world.text
        self._crowd, self._rng = crowd, random.Random(crowd.seed)
        self._audio = self._model.audio
        self.heard: dict[str, Heard] = {}
        span_s = 2.0 * self._stretch_s()  # so that they do not all come at once
        for _ in range(crowd.seats):
            delay = self._model.load_s + self._rng.uniform(0.0, span_s if crowd.seats > 1 else 0.0)
            self.at(delay, self._come)

    def _stretch_s(self) -> float:
        """How long the audio of a stretch of a middle length is."""
        mean_s = sum(map(self._audio, self._jobs)) / len(self._jobs)
        return mean_s * sum(self._crowd.chunks) / 2.0

    def _come(self) -> Iterable[msg.Event]:
        """The next listener comes, if there is one."""
        if len(self.heard) >= self._crowd.people:
            return ()
        name = f"listener {len(self.heard)}"
        heard = self.heard[name] = Heard(self.now)
        count = self._rng.randint(*self._crowd.chunks)
        first = self._rng.randrange(max(1, len(self._jobs) - count))
        stretch = list(self._cut(name, self._jobs[first : first + count]))
        if self._rng.random() < self._crowd.leaving:
            heard.patience_s = self._rng.random() * sum(self._audio(job) + job.pause_s for job in stretch)
        self.supply(name, stretch)
        return (msg.OpenStream(name, live=True),)

    def _cut(self, name: str, jobs: Sequence[ChunkJob]) -> Iterator[ChunkJob]:
        """A stretch of the text as the text of a request, which begins with a ramp of its own."""
        chunks: Iterable[Chunk] = (Chunk(job.text, job.pause_s, job.speakable) for job in jobs)
        if (ramp := self._text.ramp) is not None:
            chunks = Ramp(ramp.first_s, ramp.growth).shorten(chunks, self._world.rules)
        for index, chunk in enumerate(chunks):
            yield replace(jobs[0], stream=name, index=index, text=chunk.text, pause_s=chunk.pause_s)

    def _hang_up(self, name: str) -> Iterable[msg.Event]:
        heard = self.heard[name]
        if heard.left:
            return ()
        heard.left = True
        self.at(self.now, self._come)
        return (msg.CancelStream(name),)

    def deliver(self, command: msg.Deliver) -> None:
        super().deliver(command)
        heard = self.heard[command.stream]
        if command.audio_s:
            if heard.playback.first_audio_s is None and heard.patience_s is not None:
                self.at(self.now + heard.patience_s, lambda: self._hang_up(command.stream))
            heard.playback.arrived(command.audio_s, self.now - heard.came_s)
        if command.outcome is not None:
            heard.playback.paused(command.outcome.job.pause_s)

    def finish(self, stream: str) -> None:
        """All of a stream was delivered: the next one comes when this listener has heard it."""
        heard = self.heard[stream]
        if not heard.left:
            self.at(heard.came_s + heard.playback.plays_until_s, lambda: self._done(stream))

    def _done(self, stream: str) -> Iterable[msg.Event]:
        heard = self.heard[stream]
        if heard.left:
            return ()
        heard.left = True
        return self._come()
