"""What is said of a cluster, or of nodes, that cannot be used."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import ttsflow
from tests.cli.program import HIDING, Program, sim
from tests.cluster.nodes import HOST, Nodes
from tests.fakes.fake_nvml import environment

PICKY = '''
import os
from ttsflow import hookimpl
from ttsflow_plugins.sim import Sim

class Picky(Sim):
    """Is installed where a variable says so."""
    name = "picky"
    @classmethod
    def missing(cls):
        return None if "PICKY" in os.environ else "export PICKY=1"

@hookimpl
def ttsflow_backends():
    return [Picky]
'''


@pytest.fixture(scope="module")
def odd(nodes: Nodes, fake_nvml: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Beside alpha and beta: one without eSpeak NG, without ttsflow, with another one, with little memory."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "sitecustomize.py").write_text(HIDING)
    shutil.copytree(Path(ttsflow.__file__).parent, folder / "older" / "ttsflow")
    with (folder / "older" / "ttsflow" / "version.py").open("a") as version:
        version.write('__version__ = "0.0.9"\n')
    environments = {
        "mute": {"PYTHONPATH": str(folder), "HIDDEN_MODULES": "espeakng_loader"},
        "empty": {"PYTHONPATH": str(folder), "HIDDEN_MODULES": "ttsflow"},
        "older": {"PYTHONPATH": str(folder / "older")},
        "small": environment(fake_nvml, gpus=1, free_gib=1, base={}),
    }
    added = [nodes.add(name, gpus=1, cpus=1, env=env) for name, env in environments.items()]
    yield nodes
    for node in added:
        nodes.remove(node)


def test_nodes_that_differ_are_named_and_the_others_speak(program: Program, odd: Nodes) -> None:
    given = ["--backend", "espeak", "--cluster", odd.address]
    told = program("run", "--text", "Good night.", "-o", "night.wav", *given).err
    assert "node mute is not used: backend 'espeak' is not installed there:" in told
    assert "node empty is not used: ttsflow is not installed there; install ttsflow" in told
    assert f"node older is not used: it has ttsflow 0.0.9, and this machine {ttsflow.__version__}" in told
    assert "small" not in told


def test_what_does_not_fit_into_a_nodes_memory_is_not_started_there(program: Program, odd: Nodes) -> None:
    given = [*sim(device="cuda", memory_bytes=2 * 1024**3), "--cluster", odd.address, "--policy", "adaptive"]
    told = program("run", "--text", "Good night.", "-o", "night.wav", *given).err
    assert "small/cuda:0 has 1.00 GiB of its memory free: refused" in told


def test_the_devices_of_all_nodes_are_listed(program: Program, odd: Nodes) -> None:
    shown = program("devices", "--cluster", odd.address).text
    for device in ("alpha/cuda:0", "alpha/cuda:1", "alpha/cpu", "beta/cuda:1", "mute/cuda:0"):
        assert device in shown
    assert "small/cuda:0" in shown
    assert "1.0 of 24.0 GiB free" in shown
    assert "note: node older is not used: it has ttsflow 0.0.9" in shown


def test_where_no_node_has_the_engine_each_is_named(program: Program, odd: Nodes) -> None:
    program.write("plugins/picky.py", PICKY)
    program.env["PICKY"] = "1"
    given = ["--plugins-dir", "plugins", "--backend", "picky", "--cluster", odd.address]
    told = program("run", "--text", "Good night.", "-o", "night.wav", *given, code=2).err
    for node in ("alpha", "beta", "mute", "small"):
        assert f"{node}: backend 'picky' is not installed there: export PICKY=1" in told
    assert not (program.folder / "night.wav").exists()


def test_a_cluster_without_gpus_is_of_no_use_to_an_engine_that_needs_one(program: Program) -> None:
    given = [*sim(device="cuda"), "--cluster", "local"]
    told = program("run", "--text", "Good night.", "-o", "night.wav", *given, code=2).err
    assert "backend 'sim' needs a device of kind cuda; found: " in told
    assert "/cpu" in told
    program.await_end()


def test_an_address_where_nobody_answers(program: Program) -> None:
    with socket.socket() as mute:
        mute.bind((HOST, 0))  # and does not listen: meanwhile nobody else is given the port
        address = f"{HOST}:{mute.getsockname()[1]}"
        told = program("devices", "--cluster", address, code=2).err
    assert f"cluster '{address}' cannot be joined: nobody answers there" in told
    told = program("devices", "--cluster", "alpha:door", code=2).err
    assert "cluster 'alpha:door' cannot be joined: the port is not a number" in told
    told = program("devices", "--cluster", "ray://alpha:10001", code=2).err
    assert "run this program on one of its machines" in told
    told = program("devices", "--cluster", "nearby", code=2).err
    assert "cluster 'nearby' cannot be joined: an address is HOST:PORT, auto or local" in told


def test_somebody_who_is_no_cluster_is_not_waited_for_for_ever(program: Program) -> None:
    with socket.create_server((HOST, 0)) as silent:
        address = f"{HOST}:{silent.getsockname()[1]}"
        given = ["--cluster", address, "--set", "cluster.wait_s=0.1", "--backend", "sim"]
        told = program("run", "--text", "Good night.", "-o", "night.wav", *given, code=2).err
    assert f"cluster '{address}' cannot be joined: " in told
    program.await_end()


def test_without_ray_the_command_that_installs_it_is_named(program: Program) -> None:
    program.hide("ray")
    told = program("devices", "--cluster", "auto", code=2).err
    assert "Ray is not installed, and a cluster needs it: " in told
    assert "[ray]" in told


def test_only_nodes_of_the_names_that_are_asked_for_are_used(program: Program, nodes: Nodes) -> None:
    given = ["--text", "Good night.", "-o", "night.wav", "--cluster", nodes.address, *sim(device="cuda")]
    report = program.report(*given, "--set", "cluster.nodes=[be*, gone]")
    assert {device["id"] for device in report["devices"]} == {"beta/cuda:0", "beta/cuda:1", "beta/cpu"}
    told = program("run", *given, "--set", "cluster.nodes=[gone]", code=2).err
    assert "has no device that can be used: there is no such node" in told
