"""A cluster in virtual time: workers start later, and their audio shares the coordinator's link."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.planning.made import RTF, at_once, played, world
from ttsflow import Device
from ttsflow.planning import Network, World
from ttsflow.planning.network import LATENCY_S, START_S

CHUNKS, AUDIO_S = 12, 10.0
BYTES = AUDIO_S * 24_000 * 4


def cluster(gbit_per_s: float, nodes: int = 4) -> World:
    devices = [Device(f"node{number}/cuda:0", "cuda", host=f"node{number}") for number in range(nodes)]
    here = world([1.0], listening=False)
    return replace(here, devices=devices, network=Network(gbit_per_s))


def test_a_wide_link_costs_the_start_of_actors_alone() -> None:
    made = played(at_once(4), cluster(1_000.0), [AUDIO_S] * CHUNKS)
    rounds = CHUNKS // 4
    assert made.summary.makespan_s == pytest.approx(START_S + rounds * AUDIO_S * RTF, abs=0.05)
    assert made.over_bound == pytest.approx(1.0, abs=0.01)


def test_where_the_link_is_narrow_more_nodes_do_not_help() -> None:
    gbit_per_s = 0.001
    sending_s = BYTES * 8 / (gbit_per_s * 1e9)
    for nodes in (4, 12):
        made = played(at_once(nodes), cluster(gbit_per_s, nodes), [AUDIO_S] * CHUNKS)
        in_turn_s = START_S + AUDIO_S * RTF + CHUNKS * sending_s
        assert made.summary.makespan_s == pytest.approx(in_turn_s, abs=10 * LATENCY_S)


def test_the_coordinators_load_is_counted() -> None:
    load = played(at_once(4), cluster(10.0), [AUDIO_S] * CHUNKS).load
    assert load is not None
    assert load.bytes == pytest.approx(CHUNKS * BYTES)
    assert load.busy_s == pytest.approx(CHUNKS * BYTES * 8 / 10e9)
    assert (load.workers, load.messages) == (4, 4 + 2 * CHUNKS)


def test_on_one_machine_there_is_no_link() -> None:
    assert played(at_once(1), world([1.0], listening=False), [AUDIO_S]).load is None
