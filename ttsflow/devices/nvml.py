"""The GPUs of a machine as NVML, NVIDIA's management library, reports them.

NVML answers in milliseconds, starts no CUDA context and takes no GPU memory. It lists every GPU in PCI
bus order and ignores CUDA_VISIBLE_DEVICES.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ttsflow.interface.installation import pip_command


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU or a MIG instance of a GPU. Memory is in bytes, None if NVML cannot read it.

    `busy` is the share of the last moments in which it worked, None if nobody knows, as of an instance.
    `instances` are the MIG instances of a GPU, None if MIG is off.
    """

    name: str = ""
    uuid: str | None = None
    total_bytes: int | None = None
    free_bytes: int | None = None
    busy: float | None = None
    instances: tuple[Gpu, ...] | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """The GPUs in NVML's order, None for a GPU that cannot be reached; `notes` say what went wrong."""

    gpus: tuple[Gpu | None, ...] = ()
    notes: tuple[str, ...] = ()


def read() -> Inventory:
    """Ask NVML for all GPUs. Never raises: a value that cannot be read is left out, and a note says why."""
    try:
        import pynvml
    except ImportError as error:
        remedy = pip_command("install", "nvidia-ml-py")
        return Inventory(notes=(f"NVIDIA GPUs cannot be looked for: {error}; {remedy}",))
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        return Inventory(notes=("no NVIDIA driver (NVML library not found)",))
    except pynvml.NVMLError as error:
        return Inventory(notes=(f"NVML error: {error}; nvidia-smi may tell more",))
    try:
        return _Reader(pynvml).inventory()
    finally:
        with contextlib.suppress(pynvml.NVMLError):  # harmless: everything has been read by now
            pynvml.nvmlShutdown()


class _Reader:
    """Asks NVML one question at a time, so that one failed question does not affect the others."""

    def __init__(self, nvml: ModuleType) -> None:
        self._nvml = nvml
        self._notes: list[str] = []

    def inventory(self) -> Inventory:
        driver = (
            self._ask("the driver's version", self._nvml.nvmlSystemGetDriverVersion) or "of unknown version"
        )
        count = self._ask("the number of GPUs", self._nvml.nvmlDeviceGetCount) or 0
        found = f"NVML: driver {driver}, {count} {'GPU' if count == 1 else 'GPUs'}"
        gpus = tuple(self._gpu(index) for index in range(count))
        return Inventory(gpus, (found, *self._notes))

    def _gpu(self, index: int) -> Gpu | None:
        label = f"GPU {index}"
        handle = self._ask(label, self._nvml.nvmlDeviceGetHandleByIndex, index)
        if handle is None:
            return None
        return self._describe(label, handle, self._instances(label, handle))

    def _describe(self, label: str, handle: Any, instances: tuple[Gpu, ...] | None = None) -> Gpu:
        nvml = self._nvml
        memory = self._ask(f"the memory of {label}", nvml.nvmlDeviceGetMemoryInfo, handle)
        # Some drivers and all instances do not know. That is worth no note.
        ask, unknown = nvml.nvmlDeviceGetUtilizationRates, (nvml.NVMLError,)
        rates = self._ask(f"the use of {label}", ask, handle, quiet=unknown)
        return Gpu(
            name=self._ask(f"the name of {label}", nvml.nvmlDeviceGetName, handle) or "",
            uuid=self._ask(f"the UUID of {label}", nvml.nvmlDeviceGetUUID, handle),
            total_bytes=None if memory is None else int(memory.total),
            free_bytes=None if memory is None else int(memory.free),
            busy=None if rates is None else rates.gpu / 100.0,
            instances=instances,
        )

    def _instances(self, label: str, handle: Any) -> tuple[Gpu, ...] | None:
        nvml = self._nvml
        # GPUs without MIG and drivers older than MIG refuse the question. That is worth no note.
        unknown = (nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound)
        mode = self._ask(f"whether {label} has MIG enabled", nvml.nvmlDeviceGetMigMode, handle, quiet=unknown)
        if mode is None or mode[0] != nvml.NVML_DEVICE_MIG_ENABLE:
            return None
        places = self._ask(f"the MIG instances of {label}", nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0
        instances = []
        for place in range(places):
            name = f"MIG instance {place} of {label}"
            ask = nvml.nvmlDeviceGetMigDeviceHandleByIndex
            # Most places are empty: an instance keeps its place when other instances are destroyed.
            instance = self._ask(name, ask, handle, place, quiet=(nvml.NVMLError_NotFound,))
            if instance is not None:
                instances.append(self._describe(name, instance))
        self._notes.append(
            f"{label} has MIG enabled: its {len(instances)} instances are used as devices instead of it"
            if instances
            else f"{label} has MIG enabled but no instance: nothing can run on it"
        )
        return tuple(instances)

    def _ask(
        self,
        what: str,
        question: Callable[..., Any],
        *about: Any,
        quiet: tuple[type[Exception], ...] = (),
    ) -> Any:
        """NVML's answer, or None after an NVML error. A note reports the error, unless it is in `quiet`."""
        try:
            return question(*about)
        except quiet:
            return None
        except (self._nvml.NVMLError, UnicodeDecodeError) as error:  # broken drivers return broken text
            self._notes.append(f"NVML cannot read {what}: {error}")
            return None
