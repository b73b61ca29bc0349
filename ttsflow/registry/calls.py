"""Calls into the code of a plugin: whatever it raises becomes an error that names the plugin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ttsflow.errors import PluginError, TtsflowError
from ttsflow.interface.backend import Backend
from ttsflow.interface.options import PluginOptions
from ttsflow.interface.profile import Profile
from ttsflow.registry.catalogue import Plugin


@contextmanager
def calling(plugin: Plugin[Any], method: str, kind: str = "backend") -> Iterator[None]:
    """Code of a plugin runs inside: whatever it raises becomes a PluginError that names the plugin."""
    try:
        yield
    except TtsflowError:
        raise
    except (Exception, SystemExit) as error:  # it is foreign code, which may raise anything
        why = plugin.provider.explain(error)
        raise PluginError(f"{kind} {plugin.name!r} of {plugin.provider} raised in {method}: {why}") from error


def describe(plugin: Plugin[Backend], options: PluginOptions) -> Profile:
    """The backend's profile, which it must be able to live up to. Raises PluginError, BackendUnavailable."""
    with calling(plugin, "describe"):
        profile = plugin.cls.describe(options)
        if not isinstance(profile, Profile):
            raise TypeError(f"returned {profile!r}, which is not a Profile")
        if profile.slots > 1 and plugin.cls.step is Backend.step:
            raise TypeError(f"slots is {profile.slots}, which takes start, step and cancel of its own")
    return profile
