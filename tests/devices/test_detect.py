"""Detection on machines with and without GPUs, each one a fake driver seen by a fresh process."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.fake_nvml import environment
from ttsflow import pip_command
from ttsflow.devices import detect
from ttsflow.devices.detection import memory

GIB = 1 << 30
PROGRAM = """
import dataclasses, json, sys
from ttsflow.devices import detect
found = dataclasses.asdict(detect())
heavy = sorted({"torch", "numpy", "TTS", "soundfile", "pydantic", "rich"} & set(sys.modules))
print(json.dumps(found | {"heavy": heavy}))
"""
PCI_ORDER = ["CUDA_DEVICE_ORDER", "PCI_BUS_ID"]


@dataclass
class Found:
    devices: list[dict[str, Any]]
    notes: list[str]
    heavy: list[str]

    @property
    def gpus(self) -> list[dict[str, Any]]:
        return [device for device in self.devices if device["kind"] == "cuda"]

    @property
    def bindings(self) -> list[list[list[str]]]:
        return [gpu["binding"] for gpu in self.gpus]


def detect_in(env: dict[str, str]) -> Found:
    """What a fresh process with exactly this environment detects."""
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    found = Found(**json.loads(done.stdout))
    ids = [device["id"] for device in found.devices]
    assert ids == [*(f"cuda:{n}" for n in range(len(found.gpus))), "cpu"]
    return found


def visible(token: str) -> list[str]:
    return ["CUDA_VISIBLE_DEVICES", token]


def gpu_uuid(index: int) -> str:
    return f"GPU-{index:02x}000000-0000-4000-8000-000000000000"


def mig_uuid(index: int) -> str:
    return f"MIG-{index:02x}000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(("gpus", "words"), [(0, "0 GPUs"), (1, "1 GPU"), (2, "2 GPUs"), (4, "4 GPUs")])
def test_every_gpu_is_found_and_bound_by_its_bus_position(fake_nvml: Path, gpus: int, words: str) -> None:
    found = detect_in(environment(fake_nvml, gpus=gpus, total_gib=80, free_gib=71, names="Fake H200"))
    assert found.notes == [f"NVML: driver 999.99, {words}"]
    assert found.gpus == [
        {
            "id": f"cuda:{index}",
            "kind": "cuda",
            "name": "Fake H200",
            "uuid": gpu_uuid(index),
            "binding": [visible(str(index)), PCI_ORDER],
            "total_bytes": 80 * GIB,
            "free_bytes": 71 * GIB,
            "cores": None,
            "host": None,
            "max_slots": None,
            "max_workers": None,
        }
        for index in range(gpus)
    ]


def test_detection_imports_nothing_heavy(fake_nvml: Path) -> None:
    assert detect_in(environment(fake_nvml)).heavy == []


def test_the_library_is_shut_down_again(fake_nvml: Path, tmp_path: Path) -> None:
    for name, faults in [("well", ""), ("broken", "count=999")]:
        env = environment(fake_nvml, faults=faults) | {"FAKE_NVML_SHUTDOWN": str(tmp_path / name)}
        detect_in(env)
        assert (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("value", "tokens", "indices"),
    [
        ("2,1", ["2", "1"], [2, 1]),
        ("3, 1gpu", ["3", "1gpu"], [3, 1]),
        ("1,7,0", ["1"], [1]),
        ("GPU-02,GPU-00", ["GPU-02", "GPU-00"], [2, 0]),
        ("GPU-02,GPU-0", ["GPU-02"], [2]),
        ("1,1", [], []),
        ("-1", [], []),
        ("", [], []),
    ],
)
def test_cuda_visible_devices_is_honoured_and_its_entries_handed_on_unchanged(
    fake_nvml: Path, value: str, tokens: list[str], indices: list[int]
) -> None:
    found = detect_in(environment(fake_nvml) | {"CUDA_VISIBLE_DEVICES": value})
    assert found.bindings == [[visible(token)] for token in tokens]
    assert [gpu["uuid"] for gpu in found.gpus] == [gpu_uuid(index) for index in indices]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", " is empty: CUDA then shows no GPU"),
        ("1,1", "=1,1 names a device twice: CUDA then shows no GPU"),
        ("-1", "=-1: no device has the number or UUID '-1', so CUDA shows no GPU"),
        ("2,9,1", "=2,9,1: no device has the number or UUID '9', so CUDA shows only the devices before it"),
        ("2,1", "=2,1 decides which GPUs are used, and in which order"),
    ],
)
def test_notes_say_what_cuda_visible_devices_did(fake_nvml: Path, value: str, says: str) -> None:
    found = detect_in(environment(fake_nvml) | {"CUDA_VISIBLE_DEVICES": value})
    assert found.notes == ["NVML: driver 999.99, 4 GPUs", f"CUDA_VISIBLE_DEVICES{says}"]


@pytest.mark.parametrize(
    ("value", "order", "names", "warned"),
    [
        ("1,0", None, "A;B", True),
        ("1,0", "FASTEST_FIRST", "A;B", True),
        ("1,0", "PCI_BUS_ID", "A;B", False),
        ("1,0", None, "A", False),
        ("GPU-01", None, "A;B", False),
        (None, None, "A;B", False),
    ],
)
def test_positions_in_cudas_own_order_are_doubted_where_gpu_models_mix(
    fake_nvml: Path, value: str | None, order: str | None, names: str, warned: bool
) -> None:
    settings = {"CUDA_VISIBLE_DEVICES": value, "CUDA_DEVICE_ORDER": order}
    chosen = {key: text for key, text in settings.items() if text is not None}
    found = detect_in(environment(fake_nvml, names=names) | chosen)
    assert any("has different GPU models" in note for note in found.notes) == warned
    assert all(PCI_ORDER not in binding for binding in found.bindings) == (value is not None)


def test_a_gpu_with_mig_enabled_stands_for_its_instances(fake_nvml: Path) -> None:
    found = detect_in(environment(fake_nvml, gpus=2, mig=3, names="A100"))
    assert [gpu["name"] for gpu in found.gpus] == ["A100 MIG 1g"] * 3 + ["A100"]
    assert [gpu["total_bytes"] for gpu in found.gpus] == [8 * GIB] * 3 + [24 * GIB]
    assert found.bindings == [
        *([visible(mig_uuid(n))] for n in range(3)),
        [visible("1"), PCI_ORDER],
    ]
    assert found.notes == [
        "NVML: driver 999.99, 2 GPUs",
        "GPU 0 has MIG enabled: its 3 instances are used as devices instead of it",
    ]


@pytest.mark.parametrize(
    ("value", "tokens"),
    [
        ("1,0", ["1", mig_uuid(0), mig_uuid(1)]),
        ("GPU-00", [mig_uuid(0), mig_uuid(1)]),
        ("MIG-01,MIG-00", ["MIG-01", "MIG-00"]),
        ("MIG-01,MIG-0", ["MIG-01"]),
        ("MIG-01,MIG-01", []),
    ],
)
def test_mig_instances_under_cuda_visible_devices(fake_nvml: Path, value: str, tokens: list[str]) -> None:
    found = detect_in(environment(fake_nvml, gpus=2, mig=2) | {"CUDA_VISIBLE_DEVICES": value})
    assert found.bindings == [[visible(token)] for token in tokens]


def test_mig_without_instances_leaves_nothing_to_run_on(fake_nvml: Path) -> None:
    found = detect_in(environment(fake_nvml, gpus=1, mig=1, faults="instance:0=6"))
    assert found.gpus == []
    assert "GPU 0 has MIG enabled but no instance: nothing can run on it" in found.notes


@pytest.mark.parametrize(
    ("rc", "says"),
    [(4, "Permissions"), (9, "Driver Not Loaded"), (18, "version mismatch"), (999, "Unknown Error")],
)
def test_a_driver_that_does_not_start_leaves_the_cpu(fake_nvml: Path, rc: int, says: str) -> None:
    found = detect_in(environment(fake_nvml, rc=rc) | {"CUDA_VISIBLE_DEVICES": "0"})
    assert found.gpus == []
    [note] = found.notes
    assert note.startswith("NVML error: ")
    assert says in note


def test_no_library_leaves_the_cpu(tmp_path: Path) -> None:
    # An empty file shadows the real library, so this holds on machines with a driver too.
    (tmp_path / "libnvidia-ml.so.1").touch()
    found = detect_in(environment(tmp_path))
    assert found.gpus == []
    assert found.notes == ["no NVIDIA driver (NVML library not found)"]


def test_no_nvidia_ml_py_leaves_the_cpu(fake_nvml: Path, tmp_path: Path) -> None:
    (tmp_path / "pynvml.py").write_text("raise ImportError('no module here')")
    found = detect_in(environment(fake_nvml) | {"PYTHONPATH": str(tmp_path)})
    assert found.gpus == []
    [note] = found.notes
    assert note.endswith(f"; {pip_command('install', 'nvidia-ml-py')}")


@pytest.mark.parametrize(
    ("faults", "uuids", "note"),
    [
        ("handle:1=15", [0, 2], "NVML cannot read GPU 1: GPU is lost"),
        ("memory:1=15", [0, 1, 2], "NVML cannot read the memory of GPU 1: GPU is lost"),
        ("memory:0=3", [0, 1, 2], "NVML cannot read the memory of GPU 0: Not Supported"),
        ("uuid:2=999", [0, 1, None], "NVML cannot read the UUID of GPU 2: Unknown Error"),
        ("name:0=31", [0, 1, 2], "NVML cannot read the name of GPU 0: a fault of the fake driver"),
        ("mig:0=4", [0, 1, 2], "NVML cannot read whether GPU 0 has MIG enabled: Insufficient Permissions"),
        ("driver=999", [0, 1, 2], "NVML cannot read the driver's version: Unknown Error"),
        ("count=999", [], "NVML cannot read the number of GPUs: Unknown Error"),
        ("shutdown=999", [0, 1, 2], "NVML: driver 999.99, 3 GPUs"),
    ],
)
def test_an_error_costs_only_what_could_not_be_read(
    fake_nvml: Path, faults: str, uuids: list[int | None], note: str
) -> None:
    found = detect_in(environment(fake_nvml, gpus=3, faults=faults))
    assert [gpu["uuid"] for gpu in found.gpus] == [None if n is None else gpu_uuid(n) for n in uuids]
    assert note in found.notes
    for gpu in found.gpus:
        known = f"memory:{gpu['binding'][0][1]}=" not in faults
        assert (gpu["total_bytes"] is not None, gpu["free_bytes"] is not None) == (known, known)


@pytest.mark.parametrize("faults", ["instances:0=999", "instance:0=999", "uuid:0=999"])
def test_mig_instances_that_cannot_be_read_are_left_out(fake_nvml: Path, faults: str) -> None:
    found = detect_in(environment(fake_nvml, gpus=2, mig=2, faults=faults))
    assert found.bindings == [[visible("1"), PCI_ORDER]]
    assert any("cannot read" in note for note in found.notes)


def test_a_name_that_is_no_text_costs_the_name(fake_nvml: Path) -> None:
    found = detect_in(environment(fake_nvml, gpus=1, names=os.fsdecode(b"\xff\xfe")))
    assert [gpu["name"] for gpu in found.gpus] == [""]
    assert any("cannot read the name of GPU 0" in note for note in found.notes)


def test_the_cpu_shows_a_worker_no_gpu_and_knows_its_memory(fake_nvml: Path) -> None:
    cpu = detect_in(environment(fake_nvml)).devices[-1]
    assert (cpu["kind"], cpu["binding"]) == ("cpu", [visible("")])
    if sys.platform == "linux":
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        assert cpu["total_bytes"] == pytest.approx(machine, rel=0.1)
        assert 0 < cpu["free_bytes"] <= cpu["total_bytes"]


def test_apple_silicon_has_mps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    found = detect({"CUDA_VISIBLE_DEVICES": ""})
    assert [(device.id, device.kind) for device in found.devices] == [("mps", "mps"), ("cpu", "cpu")]


MEMINFO = "MemTotal:       65536 kB\nMemFree:  1 kB\nMemAvailable:   32768 kB\n"
MIB = 1024**2


@pytest.mark.parametrize(
    ("files", "total", "free"),
    [
        ({}, 64 * MIB, 32 * MIB),
        ({"memory.max": "max", "memory.current": "1", "memory.stat": ""}, 64 * MIB, 32 * MIB),
        ({"memory.max": 16 * MIB, "memory.current": 10 * MIB, "memory.stat": ""}, 16 * MIB, 6 * MIB),
        (
            {
                "memory.max": 16 * MIB,
                "memory.current": 10 * MIB,
                "memory.stat": f"anon 5\ninactive_file {MIB}",
            },
            16 * MIB,
            7 * MIB,
        ),
        ({"memory.max": 48 * MIB, "memory.current": MIB, "memory.stat": ""}, 48 * MIB, 32 * MIB),
        (
            {
                "memory/memory.limit_in_bytes": 8 * MIB,
                "memory/memory.usage_in_bytes": 9 * MIB,
                "memory/memory.stat": "inactive_file 0",
            },
            8 * MIB,
            0,
        ),
        (  # version 1 without a limit
            {
                "memory/memory.limit_in_bytes": 2**63 - 4096,
                "memory/memory.usage_in_bytes": MIB,
                "memory/memory.stat": "",
            },
            64 * MIB,
            32 * MIB,
        ),
    ],
)
def test_memory_is_what_the_process_may_use(
    files: dict[str, object], total: int, free: int, tmp_path: Path
) -> None:
    """Files as Linux writes them, in a folder that stands for the root."""
    for name, text in {
        "proc/meminfo": MEMINFO,
        **{f"sys/fs/cgroup/{name}": files[name] for name in files},
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(str(text))
    assert memory(tmp_path) == (total, free)


def test_memory_of_a_system_that_does_not_tell(tmp_path: Path) -> None:
    assert memory(tmp_path) == (None, None)
