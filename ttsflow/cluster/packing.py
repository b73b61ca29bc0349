"""An engine, packed for the way to a node: a plugin that is a file goes there by content."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from ttsflow.errors import BackendUnavailable
from ttsflow.interface.backend import Backend
from ttsflow.registry import BackendRecipe
from ttsflow.registry.providers import of_packages


@dataclass(frozen=True, slots=True)
class PackedRecipe:
    """Builds a recipe's backend on another machine; `source` is the plugin's file, if it is one."""

    recipe: BackendRecipe
    source: bytes | None

    @classmethod
    def of(cls, recipe: BackendRecipe) -> PackedRecipe:
        """Pack a recipe of this machine. Raises OSError for a plugin's file that is gone."""
        return cls(recipe, None if recipe.path is None else Path(recipe.path).read_bytes())

    def build(self) -> Backend:
        """The backend, not loaded yet. Raises PluginError if the plugin cannot be used here."""
        if self.source is None:
            return self.recipe.build()
        assert self.recipe.path is not None
        digest = hashlib.blake2b(self.source, digest_size=16).hexdigest()
        with tempfile.TemporaryDirectory(prefix=f"ttsflow-{digest}-") as folder:
            path = Path(folder, Path(self.recipe.path).name)
            path.write_bytes(self.source)
            return replace(self.recipe, path=str(path)).build()

    def check(self) -> None:
        """Raise a UsageError, or whatever the plugin raises, where this machine cannot speak with it."""
        self._check_version()
        backend = self.build()
        if (command := backend.missing()) is not None:
            raise BackendUnavailable(f"backend {backend.name!r} is not installed there: {command}")
        backend.prepare(backend.options, None)

    def _check_version(self) -> None:
        """Raise BackendUnavailable unless the plugin's package is here, in the same version."""
        if self.recipe.module is None:
            return
        here = [each.name for each in of_packages() if each.module == self.recipe.module]
        if self.recipe.provider not in here:
            other = f"it has {here[0]}" if here else "it is not installed there"
            raise BackendUnavailable(
                f"backend {self.recipe.backend!r} is of {self.recipe.provider} here, and {other}"
            )
