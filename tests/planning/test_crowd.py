"""Many listeners at a time: who is served, who stalls, and how many the devices can bear."""

from __future__ import annotations

import pytest

from ttsflow import ChunkJob, Device, Policy, PolicyError, Profile
from ttsflow.config.model import Ramp, TextSection
from ttsflow.planning import World
from ttsflow.planning.crowd import CONTENT, Served, limit_of, most_seats, serve
from ttsflow_plugins.adaptive import Adaptive
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.sequential import Sequential

XTTS = (1.0, 1.32, 1.53, 1.73)
SENTENCE = "A sentence of words, which goes on for some words more, until it comes to its end at last. "
JOBS = [
    ChunkJob("main", index, (SENTENCE * 3)[: 40 + 37 * index % 190].strip(), pause_s=0.2)
    for index in range(300)
]


def _world(gpus: int = 1, rtf: float = 0.25, ramp: Ramp | None = None) -> World:
    profile = Profile("made", 24_000, ("cuda",), slots=4, slowdown=XTTS, rtf=rtf, chars_per_s=15.0)
    devices = [Device(f"cuda:{number}", "cuda") for number in range(gpus)]
    return World(profile, devices, True, TextSection(ramp=ramp))


@pytest.mark.parametrize("policy", [Sequential, BoundedParallel, Adaptive])
def test_everybody_who_stays_hears_all_and_nobody_is_lost(policy: type[Policy]) -> None:
    served = serve(policy, _world(), JOBS, 3)
    assert served.error is None
    assert (len(served.first_s), len(served.stall_s), served.unheard) == (200, 200, 0)
    assert min(served.first_s) > 0.0
    assert served.first(5) <= served.first(50) <= served.first(95)


def test_one_listener_is_content() -> None:
    served = serve(Adaptive, _world(), JOBS, 1)
    assert served.content >= CONTENT
    assert served.stall(50) == 0.0


@pytest.mark.parametrize("most", [1, 2, 3, 7, 8, 100])
def test_the_most_that_can_be_borne_are_found(most: int) -> None:
    """Whoever is one too many makes all stall."""
    asked = []

    def serve_made_up(seats: int) -> Served:
        asked.append(seats)
        return Served(seats, [1.0], [0.0 if seats <= most else 5.0], 0)

    assert most_seats(serve_made_up).seats == most
    assert len(asked) < 16


@pytest.mark.usefixtures("quickly")
def test_no_more_are_borne_than_the_devices_can_speak_for() -> None:
    """Each listener needs 0.25 s of work a second: four slots give 4 / 1.73 times as much, for 9.2."""
    assert serve(Adaptive, _world(ramp=Ramp()), JOBS, 5).content >= CONTENT
    assert serve(Adaptive, _world(ramp=Ramp()), JOBS, 12).content < CONTENT


@pytest.mark.usefixtures("quickly")
def test_adaptive_bears_as_many_as_others_and_they_hear_sooner() -> None:
    world = _world(ramp=Ramp())
    assert serve(Adaptive, world, JOBS, 7).content >= CONTENT
    few = serve(Adaptive, world, JOBS, 2), serve(BoundedParallel, world, JOBS, 2)
    assert few[0].first(50) < 0.8 * few[1].first(50)


@pytest.mark.usefixtures("quickly")
def test_a_ramp_lets_them_hear_sooner() -> None:
    plain, ramped = (serve(Adaptive, _world(ramp=ramp), JOBS, 2) for ramp in (None, Ramp()))
    assert ramped.first(50) < 0.6 * plain.first(50)


@pytest.mark.usefixtures("quickly")
def test_where_nobody_can_be_borne_one_is_shown() -> None:
    served = most_seats(lambda seats: serve(Sequential, _world(rtf=3.0), JOBS, seats))
    assert served.seats == 1
    assert served.content < CONTENT


def test_whoever_hears_late_or_nothing_is_not_content() -> None:
    served = Served(1, [1.0, 10.0, 10.1, 1.0, 9.0], [0.0, 0.1, 0.0, 0.2, 3.0], unheard=3)
    assert served.content == 2 / 8
    assert (served.first(50), served.stall(50)) == (9.0, 0.1)


def test_nobody_is_content_where_it_ended_early() -> None:
    assert Served(1, [1.0], [0.0], 0, PolicyError("broken")).content == 0.0


@pytest.mark.parametrize("limit", [1, 2, 3, 8, 100, 2048])
def test_no_more_are_sought_than_the_limit(limit: int) -> None:
    assert most_seats(lambda seats: Served(seats, [1.0], [0.0], 0), limit).seats == limit


def test_the_limit_is_twice_what_the_devices_can_speak_for() -> None:
    assert limit_of(_world()) == 19  # 2 * 4 / 1.73 / 0.25
    assert limit_of(_world(gpus=4)) == 74
    assert limit_of(_world(rtf=30.0)) == 1


@pytest.mark.usefixtures("quickly")
def test_who_comes_first_is_served_first_and_the_search_ends() -> None:
    """Nobody stalls where only so many are served; the others wait for their first sound."""
    world = _world()
    asked = []

    def serve_seats(seats: int) -> Served:
        asked.append(seats)
        return serve(_First, world, JOBS, seats)

    assert most_seats(serve_seats, limit_of(world)).seats < 8
    assert len(asked) < 8


@pytest.mark.usefixtures("quickly")
def test_a_policy_that_breaks_with_many_ends_the_search() -> None:
    served = most_seats(lambda seats: serve(_Few, _world(rtf=0.05), JOBS, seats))
    assert served.seats <= 8
    assert "too many" in str(served.error)
    assert served.content == 0.0


class _First(Sequential):
    """The stream that came first has all of its chunks spoken first."""

    name = "first"

    def dispatch(self, view):  # type: ignore[no-untyped-def]
        for worker in view.free:
            if view.ready:
                yield min(view.ready, key=lambda job: (int(job.stream.split()[1]), job.index)), worker


class _Few(Sequential):
    """Raises with the fifth stream."""

    name = "few"

    def dispatch(self, view):  # type: ignore[no-untyped-def]
        if len({job.stream for job in view.ready}) > 4:
            raise RuntimeError("too many")
        return super().dispatch(view)


class _Broken(Policy):
    """Raises with the first job."""

    name = "broken"

    def place(self, devices, profile):  # type: ignore[no-untyped-def]
        return Sequential().place(devices, profile)

    def dispatch(self, view):  # type: ignore[no-untyped-def]
        raise RuntimeError("my mistake")


def test_a_policy_that_breaks_is_named() -> None:
    assert "my mistake" in str(serve(_Broken, _world(), JOBS, 2).error)
