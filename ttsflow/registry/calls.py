"""Calls into backends and policies in the foreground.

Each has a bound of time and of what it may give, and what it gives is checked here. Whatever goes wrong
becomes a PluginError that names the plugin, the place, the rule, and what came.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

from ttsflow.errors import PluginError
from ttsflow.interface.backend import Backend, Voice, VoiceRequest
from ttsflow.interface.device import Device
from ttsflow.interface.observing import RunObserver
from ttsflow.interface.options import PluginOptions
from ttsflow.interface.policy import Policy
from ttsflow.interface.profile import Profile
from ttsflow.interface.textreader import TextReader
from ttsflow.interface.textrule import TextRule
from ttsflow.registry.boundary import Breach
from ttsflow.registry.catalogue import Plugin

T = TypeVar("T")
P = TypeVar("P", Policy, Backend, TextRule, RunObserver, TextReader)
"""what has options"""

MOST_VOICES, MOST_DEVICES, MOST_CHARS = 100_000, 1_000, 1_000_000
"""what a plugin may give: more is taken for something that has no end"""

MOST_TEXT = 100_000_000
"""characters of a text that a reader gives: a hundred long books"""

MOST_TIMES, MOST_MORE = 20, 1_000
"""A spoken text may have so many times the characters of what is written, and so many more."""


def missing(plugin: Plugin[Backend]) -> str | None:
    """The command that installs what is missing for a backend. Raises PluginError."""
    command = plugin.ask("missing", plugin.cls.missing)
    if not (command is None or isinstance(command, str)):
        raise _breach(plugin, "missing", command, "the command that installs what is missing, or None")
    return command


def describe(plugin: Plugin[Backend], options: PluginOptions) -> Profile:
    """The backend's profile, which it must be able to live up to. Raises PluginError, BackendUnavailable."""
    profile = plugin.ask("describe", lambda: plugin.cls.describe(options))
    if not isinstance(profile, Profile):
        raise _breach(plugin, "describe", profile, "a Profile")
    if profile.slots > 1 and plugin.cls.step is Backend.step:
        slots = f"a Profile with {profile.slots} slots"
        raise plugin.broken("describe", f"gave {slots}, which takes start, step and cancel of its own")
    return profile


def own_devices(plugin: Plugin[Backend], options: PluginOptions) -> tuple[Device, ...]:
    """The devices that the options of a backend name. Raises PluginError, BackendUnavailable."""
    devices = _listed(plugin, "devices", lambda: plugin.cls.devices(options), Device, MOST_DEVICES)
    if len({device.id for device in devices}) < len(devices):
        ids = ", ".join(device.id for device in devices)
        raise plugin.broken("devices", f"gave two devices of one id: {ids}")
    return devices


def voices(plugin: Plugin[Backend], options: PluginOptions) -> tuple[Voice, ...]:
    """The voices of a backend that can be named. Raises PluginError, BackendUnavailable."""
    return _listed(plugin, "voices", lambda: plugin.cls.voices(options), Voice, MOST_VOICES)


def check_voice(plugin: Plugin[Backend], voice: str, options: PluginOptions) -> None:
    """Raise what the backend has against the name of a voice: UnknownNameError. Raises PluginError."""
    plugin.ask("check_voice", lambda: plugin.cls.check_voice(voice, options))


def takes_reference_audio(plugin: Plugin[Backend]) -> bool:
    """Whether a backend speaks with voices of recordings. Raises PluginError."""
    takes = plugin.ask("takes_reference_audio", plugin.cls.takes_reference_audio)
    if not isinstance(takes, bool):
        raise _breach(plugin, "takes_reference_audio", takes, "True or False")
    return takes


def check_request(plugin: Plugin[Backend], request: VoiceRequest, options: PluginOptions) -> None:
    """Raise what the backend has against a request: a UsageError. Raises PluginError."""
    plugin.ask("check", lambda: plugin.cls.check(request, options))


def identity(plugin: Plugin[Backend], options: PluginOptions) -> str:
    """What a backend's audio depends on beside the job, in its own words. Raises PluginError."""
    words = plugin.ask("identity", lambda: plugin.cls.identity(options))
    if not isinstance(words, str) or len(words) > MOST_CHARS:
        raise _breach(plugin, "identity", words, f"a string of at most {MOST_CHARS:,} characters")
    return words


def prepare(plugin: Plugin[Backend], options: PluginOptions, ask: Callable[[str], bool] | None) -> None:
    """Have a backend do what must happen before its workers start. Raises PluginError, BackendUnavailable.

    It may ask a person, and download: so it takes what it takes, and ends when it is interrupted.
    """
    plugin.ask_without_end("prepare", lambda: plugin.cls.prepare(options, ask))


def made(plugin: Plugin[P], options: PluginOptions) -> P:
    """A fresh policy, or whatever the plugin is. Raises PluginError."""
    return plugin.ask("__init__", lambda: plugin.cls(options))


def worded(plugin: Plugin[TextRule], rule: TextRule, text: str, language: str) -> str:
    """A text as a rule has it spoken. Raises PluginError."""
    spoken = plugin.ask("spoken", lambda: rule.spoken(text, language))
    most = MOST_TIMES * len(text) + MOST_MORE
    if not isinstance(spoken, str) or len(spoken) > most:
        asked = f" for {reprlib.repr(text)}"
        raise _breach(plugin, "spoken", spoken, f"a string of at most {most:,} characters{asked}")
    return spoken


def read_by(plugin: Plugin[TextReader], data: bytes, name: str) -> str:
    """The text that a reader finds in the bytes of a file. Raises InputError, PluginError."""
    text = plugin.ask("read", lambda: plugin.cls().read(data, name))
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        raise _breach(plugin, "read", text, f"a string of at most {MOST_TEXT:,} characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = f"U+{ord(text[error.start]):04X} at character {error.start + 1}"
        raise plugin.broken("read", f"gave half of a character, {half}; the rule: whole ones") from error
    return text


# ---------------------------------------------------------------- what all of them have in common


def _listed(
    plugin: Plugin[Backend], method: str, work: Callable[[], Iterable[T]], kind: type[T], most: int
) -> tuple[T, ...]:
    """The items that a method gives, which are all of a kind; taken where the call is bounded."""

    def take() -> tuple[T, ...]:
        given: object = work()
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise Breach(f"gave {_shown(given)}; the rule: a list of {kind.__name__}s")
        items = tuple(islice(given, most + 1))
        if len(items) > most:
            raise Breach(f"gave more than {most:,} items; the rule: at most so many")
        if strange := [item for item in items if not isinstance(item, kind)]:
            raise Breach(f"gave {_shown(strange[0])}, in its list; the rule: a list of {kind.__name__}s")
        return items

    return plugin.ask(method, take)


def _shown(value: object) -> str:
    return f"{reprlib.repr(value)}, of type {type(value).__name__}"


def _breach(plugin: Plugin[Any], method: str, value: object, rule: str) -> PluginError:
    return plugin.broken(method, f"gave {_shown(value)}; the rule: {rule}")
