"""Plugins: where they come from, what they offer, how they are looked up by name, and how they are called."""

from ttsflow.registry.boundary import Boundary, Hearing
from ttsflow.registry.calls import (
    check_request,
    check_voice,
    describe,
    identity,
    made,
    missing,
    own_devices,
    prepare,
    read_by,
    takes_reference_audio,
    voices,
    worded,
)
from ttsflow.registry.catalogue import BackendRecipe, Broken, Plugin, Registry
from ttsflow.registry.providers import Provider

__all__ = [
    "BackendRecipe",
    "Boundary",
    "Broken",
    "Hearing",
    "Plugin",
    "Provider",
    "Registry",
    "check_request",
    "check_voice",
    "describe",
    "identity",
    "made",
    "missing",
    "own_devices",
    "prepare",
    "read_by",
    "takes_reference_audio",
    "voices",
    "worded",
]
