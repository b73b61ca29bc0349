"""Detection of the devices that a process may use, without importing torch."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ttsflow.devices import nvml
from ttsflow.devices.cuda_visible import Entry, Selection, select
from ttsflow.devices.nvml import Gpu, Inventory
from ttsflow.interface.device import Binding, Device

MEMORY_FILES = (
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)
"""of a control group, version 2 and 1: the most, what is taken, and of what it consists"""


@dataclass(frozen=True, slots=True)
class Detection:
    """The devices that this process may use, and `notes`: sentences for the user about what was found.

    GPUs come first, in CUDA's order for this process and numbered in that order; then MPS; then the CPU.
    """

    devices: tuple[Device, ...]
    notes: tuple[str, ...]


def detect(environ: Mapping[str, str] = os.environ) -> Detection:
    """Find the devices that a process with the environment `environ` may use. Never raises.

    By default CUDA numbers GPUs "fastest first", and NVML does not report that order. If
    CUDA_VISIBLE_DEVICES is not set, workers are bound in NVML's order, PCI_BUS_ID. If it is set, a
    worker gets one entry exactly as the user wrote it, so it runs on the GPU that the user meant, in
    whichever order the positions count. A GPU with MIG enabled is replaced by its instances: each is a
    device of its own, because CUDA shows a process only one instance.
    """
    inventory = nvml.read()
    notes = list(inventory.notes)
    value = environ.get("CUDA_VISIBLE_DEVICES")
    order: Binding = ()
    if value is None:
        order = (("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),)
        entries = tuple(Entry(str(index), index) for index in range(len(inventory.gpus)))
    else:
        uuids = [gpu.uuid if gpu else None for gpu in inventory.gpus]
        selection = select(value, uuids, list(_instances(inventory)))
        entries = selection.entries
        if inventory.gpus:
            notes.extend(_explain(value, selection))
            notes.extend(_warn_of_order(value, selection, inventory, environ))
    bound = [pair for entry in entries for pair in _bind(entry, inventory, order)]
    devices = [
        Device(f"cuda:{number}", "cuda", gpu.name, gpu.uuid, binding, gpu.total_bytes, gpu.free_bytes)
        for number, (gpu, binding) in enumerate(bound)
    ]
    if sys.platform == "darwin" and platform.machine() == "arm64":
        devices.append(Device("mps", "mps", "Apple GPU"))
        notes.append("Apple silicon: the GPU can be used through MPS")
    return Detection((*devices, _cpu()), tuple(notes))


def _instances(inventory: Inventory) -> dict[str, Gpu]:
    """All MIG instances of the machine by UUID."""
    cut = [gpu.instances for gpu in inventory.gpus if gpu and gpu.instances]
    return {instance.uuid: instance for instances in cut for instance in instances if instance.uuid}


def _bind(entry: Entry, inventory: Inventory, order: Binding) -> Iterator[tuple[Gpu, Binding]]:
    """The GPU or MIG instances of an entry, each with the variables that show a worker only this device.

    Yields nothing for a GPU that is lost.
    """
    if isinstance(entry.target, str):
        yield _instances(inventory)[entry.target], (("CUDA_VISIBLE_DEVICES", entry.token),)
        return
    gpu = inventory.gpus[entry.target]
    if gpu is None:
        return
    if gpu.instances is None:
        yield gpu, (("CUDA_VISIBLE_DEVICES", entry.token), *order)
        return
    for instance in gpu.instances:
        if instance.uuid:  # without a UUID no worker can be bound to the instance
            yield instance, (("CUDA_VISIBLE_DEVICES", instance.uuid),)


def _explain(value: str, selection: Selection) -> Iterator[str]:
    """How the variable was read, as a sentence for the user."""
    setting = f"CUDA_VISIBLE_DEVICES={value}"
    if not value.strip():
        yield "CUDA_VISIBLE_DEVICES is empty: CUDA then shows no GPU"
    elif selection.repeated is not None:
        yield f"{setting} names a device twice: CUDA then shows no GPU"
    elif selection.invalid is not None:
        rest = "only the devices before it" if selection.entries else "no GPU"
        yield f"{setting}: no device has the number or UUID {selection.invalid!r}, so CUDA shows {rest}"
    else:
        yield f"{setting} decides which GPUs are used, and in which order"


def _warn_of_order(
    value: str, selection: Selection, inventory: Inventory, environ: Mapping[str, str]
) -> Iterator[str]:
    """A warning that names and memory of the GPUs may be mixed up.

    If all GPUs are of one model, CUDA's order does not matter, and there is no warning.
    """
    mixed = len({gpu.name for gpu in inventory.gpus if gpu}) > 1
    if selection.by_position and mixed and environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        yield (
            f"this machine has different GPU models, and CUDA counts the positions in "
            f"CUDA_VISIBLE_DEVICES={value} from the fastest GPU: names and memory shown here may belong to "
            "another GPU; set CUDA_DEVICE_ORDER=PCI_BUS_ID to count as nvidia-smi does"
        )


def _cpu() -> Device:
    """The CPU, with the memory and the cores that this process may use."""
    total, free = memory()
    return Device(
        "cpu",
        "cpu",
        _cpu_name(),
        binding=(("CUDA_VISIBLE_DEVICES", ""),),
        total_bytes=total,
        free_bytes=free,
        cores=cores(),
    )


def memory(root: Path = Path("/")) -> tuple[int | None, int | None]:
    """Bytes that this process may use, and those of them that are free: of the machine and its control group.

    Known only on Linux: from /proc/meminfo, and cgroups(7) of version 2 or 1 below `root`.
    """
    try:
        table = (root / "proc/meminfo").read_text()
    except OSError:
        return None, None
    found = {name: int(kib) * 1024 for name, kib in re.findall(r"^(\w+):\s+(\d+) kB$", table, re.MULTILINE)}
    total, free = found.get("MemTotal"), found.get("MemAvailable")
    for names in MEMORY_FILES:
        try:
            most, taken, parts = ((root / "sys/fs/cgroup" / name).read_text() for name in names)
            limit, used = int(most), int(taken)
        except (OSError, ValueError):  # no such group, or no limit: "max"
            continue
        cached = re.search(r"^inactive_file (\d+)$", parts, re.MULTILINE)  # it is given up when asked for
        left = max(0, limit - used + (int(cached[1]) if cached else 0))
        if total is not None and limit < total:
            total, free = limit, left if free is None else min(free, left)
    return total, free


def _cpu_name() -> str:
    """The model of the CPU where Linux tells it, else the machine's architecture."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.machine()


def cores() -> int:
    """Cores that this process may use: of the machine, of its affinity, and of its control group."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()  # cgroups(7), version 2
        return min(count, max(1, int(quota) // int(period)))
    except (OSError, ValueError):  # no such group, or no limit: "max"
        return count
