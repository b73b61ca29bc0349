"""Plugins: where they come from, what they offer, and how they are looked up by name."""

from ttsflow.registry.calls import calling, describe
from ttsflow.registry.catalogue import BackendRecipe, Broken, Plugin, Registry
from ttsflow.registry.providers import Provider

__all__ = ["BackendRecipe", "Broken", "Plugin", "Provider", "Registry", "calling", "describe"]
