"""ttsflow: text-to-speech at length and at speed, on whatever GPUs there are.

The names below are the public interface. They load on first use, so that `ttsflow --help` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ttsflow.version import __version__

if TYPE_CHECKING:
    from ttsflow.api import ChunksFailed, Engine, Speech
    from ttsflow.backend import Backend, JobRefused, Step, TextTooLong, Voice
    from ttsflow.costs import Costs
    from ttsflow.devices import Device
    from ttsflow.errors import (
        BackendUnavailable,
        ConfigError,
        DeviceError,
        InputError,
        OutputError,
        PluginError,
        PolicyError,
        RunError,
        SinkError,
        TtsflowError,
        UnknownNameError,
        UsageError,
        WorkerError,
    )
    from ttsflow.hookspecs import hookimpl
    from ttsflow.jobs import AudioPiece, ChunkJob, Outcome
    from ttsflow.options import PluginOptions
    from ttsflow.policy import Policy, Ready, Running, View, WorkerSpec, WorkerView
    from ttsflow.profile import Profile

_HOME = {
    "api": ("ChunksFailed", "Engine", "Speech"),
    "backend": ("Backend", "JobRefused", "Step", "TextTooLong", "Voice"),
    "costs": ("Costs",),
    "devices": ("Device",),
    "errors": (
        "BackendUnavailable",
        "ConfigError",
        "DeviceError",
        "InputError",
        "OutputError",
        "PluginError",
        "PolicyError",
        "RunError",
        "SinkError",
        "TtsflowError",
        "UnknownNameError",
        "UsageError",
        "WorkerError",
    ),
    "hookspecs": ("hookimpl",),
    "jobs": ("AudioPiece", "ChunkJob", "Outcome"),
    "options": ("PluginOptions",),
    "profile": ("Profile",),
    "policy": ("Policy", "Ready", "Running", "View", "WorkerSpec", "WorkerView"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "AudioPiece",
    "Backend",
    "BackendUnavailable",
    "ChunkJob",
    "ChunksFailed",
    "ConfigError",
    "Costs",
    "Device",
    "DeviceError",
    "Engine",
    "InputError",
    "JobRefused",
    "Outcome",
    "OutputError",
    "PluginError",
    "PluginOptions",
    "Policy",
    "PolicyError",
    "Profile",
    "Ready",
    "RunError",
    "Running",
    "SinkError",
    "Speech",
    "Step",
    "TextTooLong",
    "TtsflowError",
    "UnknownNameError",
    "UsageError",
    "View",
    "Voice",
    "WorkerError",
    "WorkerSpec",
    "WorkerView",
    "__version__",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'ttsflow' has no attribute {name!r}")
    value = getattr(import_module(f"ttsflow.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
