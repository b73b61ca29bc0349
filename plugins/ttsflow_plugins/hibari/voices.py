"""The voices of hibari: what they are, and whether their files are on this machine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from ttsflow import BackendUnavailable, UsageError, Voice, install_command

DEFAULT = "heart"


@dataclass(frozen=True)
class HibariVoice:
    """A voice and its model file, which comes with the package where it is `bundled`."""

    name: str
    path: Path
    about: str
    bundled: bool
    sha256: str
    url: str

    @property
    def shown(self) -> Voice:
        """As a person chooses it."""
        there = self.bundled or self.path.exists()
        where = "" if there else "; its file is not on this machine"
        return Voice(self.name, ("en",), self.about + where)


def read_catalogue() -> dict[str, HibariVoice]:
    """All voices by name. Raises BackendUnavailable where hibari is not installed."""
    registry = _registry()
    voices = {}
    for name, facts in registry.VOICES.items():
        bundled = bool(facts.get("bundled"))
        folder = registry.ASSETS if bundled else registry.cache_dir()
        voices[name] = HibariVoice(
            name,
            Path(folder, facts["file"]),
            f"{facts['accent']} English, {facts['gender']}",
            bundled,
            facts["sha256"],
            registry.BASE_URL + facts["file"],
        )
    return voices


def check_file(voice: HibariVoice) -> None:
    """Raise UsageError where the voice's file is not there, or is another one than its author published."""
    if voice.bundled:
        return
    try:
        with voice.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(
            f"voice {voice.name!r} of hibari: {voice.path}: {error.strerror}. Only {DEFAULT!r} comes with "
            f"the package; download {voice.url} to that path, or choose {DEFAULT!r}"
        ) from error
    if digest != voice.sha256:
        raise UsageError(
            f"voice {voice.name!r} of hibari: {voice.path} is damaged or another file; "
            f"download {voice.url} again"
        )


def _registry() -> Any:
    """The module `hibari.voices`, without its package, which would load numpy and more."""
    package = find_spec("hibari")
    if package is None or package.origin is None:
        raise BackendUnavailable(f"backend 'hibari' is not installed: {install_command('hibari')}")
    spec = spec_from_file_location("_hibari_voices", Path(package.origin).with_name("voices.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
