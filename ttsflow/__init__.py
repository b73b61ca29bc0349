"""ttsflow: text-to-speech at length and at speed, on whatever GPUs there are.

The names below are the public interface. They load on first use, so that `ttsflow --help` stays fast.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ttsflow.version import API_VERSION, __version__

if TYPE_CHECKING:
    from ttsflow.errors import (
        BackendUnavailable,
        ClusterError,
        ConfigError,
        DeviceError,
        Drained,
        InputError,
        NothingSpoken,
        OutputBusy,
        OutputError,
        PluginError,
        PolicyError,
        RunError,
        SinkError,
        StoreError,
        TtsflowError,
        Unforeseen,
        UnknownNameError,
        UsageError,
        WorkerError,
    )
    from ttsflow.interface.audioencoder import AudioDetails, AudioEncoder
    from ttsflow.interface.backend import (
        Backend,
        DeviceLost,
        JobRefused,
        Step,
        TextTooLong,
        Voice,
        VoiceRequest,
    )
    from ttsflow.interface.costs import Costs
    from ttsflow.interface.device import Device
    from ttsflow.interface.filling import fill
    from ttsflow.interface.hookspecs import hookimpl
    from ttsflow.interface.installation import install_command, pip_command
    from ttsflow.interface.jobs import Account, AudioPiece, ChunkJob, Outcome
    from ttsflow.interface.observing import (
        ChunkDelivered,
        ChunkFailed,
        ChunkFlagged,
        RunBegun,
        RunEnded,
        RunEvent,
        RunObserver,
        WorkerLost,
    )
    from ttsflow.interface.options import PluginOptions
    from ttsflow.interface.policy import Listener, Policy, Ready, Running, View, WorkerSpec, WorkerView
    from ttsflow.interface.profile import Profile
    from ttsflow.interface.sharing import soonest
    from ttsflow.interface.textreader import TextReader
    from ttsflow.interface.textrule import TextRule
    from ttsflow.session.asynchronous import AsyncEngine
    from ttsflow.session.batch import Task, TaskResult
    from ttsflow.session.engine import Engine, Speech
    from ttsflow.session.playback import Playback
    from ttsflow.session.streams import ChunksFailed
    from ttsflow.text.cutting import Flush

_HOME = {
    "session.batch": ("Task", "TaskResult"),
    "session.asynchronous": ("AsyncEngine",),
    "session.engine": ("Engine", "Speech"),
    "session.playback": ("Playback",),
    "session.streams": ("ChunksFailed",),
    "text.cutting": ("Flush",),
    "interface.audioencoder": ("AudioDetails", "AudioEncoder"),
    "interface.backend": (
        "Backend",
        "DeviceLost",
        "JobRefused",
        "Step",
        "TextTooLong",
        "Voice",
        "VoiceRequest",
    ),
    "interface.costs": ("Costs",),
    "interface.device": ("Device",),
    "errors": (
        "BackendUnavailable",
        "ClusterError",
        "ConfigError",
        "DeviceError",
        "Drained",
        "InputError",
        "NothingSpoken",
        "OutputBusy",
        "OutputError",
        "PluginError",
        "PolicyError",
        "RunError",
        "SinkError",
        "StoreError",
        "TtsflowError",
        "Unforeseen",
        "UnknownNameError",
        "UsageError",
        "WorkerError",
    ),
    "interface.filling": ("fill",),
    "interface.hookspecs": ("hookimpl",),
    "interface.installation": ("install_command", "pip_command"),
    "interface.jobs": ("Account", "AudioPiece", "ChunkJob", "Outcome"),
    "interface.observing": (
        "ChunkDelivered",
        "ChunkFailed",
        "ChunkFlagged",
        "RunBegun",
        "RunEnded",
        "RunEvent",
        "RunObserver",
        "WorkerLost",
    ),
    "interface.options": ("PluginOptions",),
    "interface.profile": ("Profile",),
    "interface.sharing": ("soonest",),
    "interface.textreader": ("TextReader",),
    "interface.textrule": ("TextRule",),
    "interface.policy": ("Listener", "Policy", "Ready", "Running", "View", "WorkerSpec", "WorkerView"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

_RENAMED: dict[str, tuple[str, str]] = {}
"""names that are no more: what to use instead, and the version of ttsflow that knows them no longer"""

__all__ = [
    "API_VERSION",
    "Account",
    "AsyncEngine",
    "AudioDetails",
    "AudioEncoder",
    "AudioPiece",
    "Backend",
    "BackendUnavailable",
    "ChunkDelivered",
    "ChunkFailed",
    "ChunkFlagged",
    "ChunkJob",
    "ChunksFailed",
    "ClusterError",
    "ConfigError",
    "Costs",
    "Device",
    "DeviceError",
    "DeviceLost",
    "Drained",
    "Engine",
    "Flush",
    "InputError",
    "JobRefused",
    "Listener",
    "NothingSpoken",
    "Outcome",
    "OutputBusy",
    "OutputError",
    "Playback",
    "PluginError",
    "PluginOptions",
    "Policy",
    "PolicyError",
    "Profile",
    "Ready",
    "RunBegun",
    "RunEnded",
    "RunError",
    "RunEvent",
    "RunObserver",
    "Running",
    "SinkError",
    "Speech",
    "Step",
    "StoreError",
    "Task",
    "TaskResult",
    "TextReader",
    "TextRule",
    "TextTooLong",
    "TtsflowError",
    "Unforeseen",
    "UnknownNameError",
    "UsageError",
    "View",
    "Voice",
    "VoiceRequest",
    "WorkerError",
    "WorkerLost",
    "WorkerSpec",
    "WorkerView",
    "__version__",
    "fill",
    "hookimpl",
    "install_command",
    "pip_command",
    "soonest",
]


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        new, until = _RENAMED[name]
        told = f"ttsflow.{name} is called ttsflow.{new} now; ttsflow {until} will not know the old name"
        warnings.warn(told, DeprecationWarning, stacklevel=2)
        return __getattr__(new)
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'ttsflow' has no attribute {name!r}")
    value = getattr(import_module(f"ttsflow.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
