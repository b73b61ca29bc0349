"""ttsflow: text-to-speech at length and at speed, on whatever GPUs there are.

The names below are the public interface. They load on first use, so that `ttsflow --help` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ttsflow.version import __version__

if TYPE_CHECKING:
    from ttsflow.errors import (
        BackendUnavailable,
        ConfigError,
        DeviceError,
        Drained,
        InputError,
        OutputBusy,
        OutputError,
        PluginError,
        PolicyError,
        RunError,
        SinkError,
        StoreError,
        TtsflowError,
        UnknownNameError,
        UsageError,
        WorkerError,
    )
    from ttsflow.interface.backend import Backend, JobRefused, Step, TextTooLong, Voice, VoiceRequest
    from ttsflow.interface.costs import Costs
    from ttsflow.interface.device import Device
    from ttsflow.interface.filling import fill
    from ttsflow.interface.hookspecs import hookimpl
    from ttsflow.interface.installation import install_command, pip_command
    from ttsflow.interface.jobs import Account, AudioPiece, ChunkJob, Outcome
    from ttsflow.interface.options import PluginOptions
    from ttsflow.interface.policy import Listener, Policy, Ready, Running, View, WorkerSpec, WorkerView
    from ttsflow.interface.profile import Profile
    from ttsflow.session.engine import ChunksFailed, Engine, Speech

_HOME = {
    "session.engine": ("ChunksFailed", "Engine", "Speech"),
    "interface.backend": ("Backend", "JobRefused", "Step", "TextTooLong", "Voice", "VoiceRequest"),
    "interface.costs": ("Costs",),
    "interface.device": ("Device",),
    "errors": (
        "BackendUnavailable",
        "ConfigError",
        "DeviceError",
        "Drained",
        "InputError",
        "OutputBusy",
        "OutputError",
        "PluginError",
        "PolicyError",
        "RunError",
        "SinkError",
        "StoreError",
        "TtsflowError",
        "UnknownNameError",
        "UsageError",
        "WorkerError",
    ),
    "interface.filling": ("fill",),
    "interface.hookspecs": ("hookimpl",),
    "interface.installation": ("install_command", "pip_command"),
    "interface.jobs": ("Account", "AudioPiece", "ChunkJob", "Outcome"),
    "interface.options": ("PluginOptions",),
    "interface.profile": ("Profile",),
    "interface.policy": ("Listener", "Policy", "Ready", "Running", "View", "WorkerSpec", "WorkerView"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Account",
    "AudioPiece",
    "Backend",
    "BackendUnavailable",
    "ChunkJob",
    "ChunksFailed",
    "ConfigError",
    "Costs",
    "Device",
    "DeviceError",
    "Drained",
    "Engine",
    "InputError",
    "JobRefused",
    "Listener",
    "Outcome",
    "OutputBusy",
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
    "StoreError",
    "TextTooLong",
    "TtsflowError",
    "UnknownNameError",
    "UsageError",
    "View",
    "Voice",
    "VoiceRequest",
    "WorkerError",
    "WorkerSpec",
    "WorkerView",
    "__version__",
    "fill",
    "hookimpl",
    "install_command",
    "pip_command",
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
