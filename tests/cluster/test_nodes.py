"""What is made of what nodes tell of themselves."""

from __future__ import annotations

import pickle
import platform
from typing import Any

import pytest

from ttsflow.cluster.messages import Found
from ttsflow.cluster.nodes import Node
from ttsflow.interface.device import Device
from ttsflow.version import __version__

GPU = Device(
    "cuda:0", "cuda", "H200", "GPU-1", (("CUDA_VISIBLE_DEVICES", "3"), ("CUDA_DEVICE_ORDER", "PCI_BUS_ID"))
)
CPU = Device("cpu", "cpu", "AMD EPYC", binding=(("CUDA_VISIBLE_DEVICES", ""),), cores=64)


def node(gpus: int = 1, cpus: int = 4, **told: Any) -> Node:
    """A node with one GPU and 64 cores, of which Ray offers so many."""
    versions = {"python": platform.python_version(), "ttsflow": __version__}
    found = {**versions, "devices": pickle.dumps((GPU, CPU)), **told}
    return Node.of(Found("1", "alpha", gpus, cpus, found), "alpha")


def test_its_devices_are_those_that_ray_offers() -> None:
    gpu, cpu = node().devices
    assert (gpu.id, gpu.host, gpu.uuid, cpu.id, cpu.cores) == (
        "alpha/cuda:0",
        "alpha",
        "GPU-1",
        "alpha/cpu",
        4,
    )
    assert [device.id for device in node(gpus=0).devices] == ["alpha/cpu"]
    assert [device.id for device in node(cpus=0).devices] == ["alpha/cuda:0"]
    assert [device.id for device in node(gpus=2, cpus=0).devices] == ["alpha/cuda:0", "alpha/cuda:1"]


def test_which_gpu_a_worker_sees_ray_decides() -> None:
    gpu, cpu = node().devices
    assert gpu.binding == (("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),)
    assert cpu.binding == CPU.binding


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (
            {"python": "3.9.1"},
            f"it has Python 3.9, and this machine {'.'.join(platform.python_version_tuple()[:2])}",
        ),
        (
            {"ttsflow": "0.0.9"},
            f"it has ttsflow 0.0.9, and this machine {__version__}; they must be the same",
        ),
        ({"ttsflow": None}, f"ttsflow is not installed there; install ttsflow {__version__}"),
        ({"why": "the model is missing"}, "the model is missing"),
        ({"ttsflow": "0.0.9", "why": "cannot be read"}, "it has ttsflow 0.0.9"),
    ],
)
def test_one_that_differs_has_no_device_and_says_why(told: dict[str, Any], why: str) -> None:
    refused = node(**told)
    assert refused.devices == ()
    assert str(refused.why).startswith(why)
