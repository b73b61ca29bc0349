"""YAML files, and a registry with plugins of the tests' own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ttsflow.registry import Registry

PLUGINS = '''
from typing import Literal
from pydantic import PositiveInt
from ttsflow import Backend, Policy, PluginOptions, Profile, Voice, hookimpl


class Wide(Policy):
    """Several at a time."""
    name = "wide"

    class Options(PluginOptions):
        width: PositiveInt | Literal["auto"] = "auto"

    def place(self, devices, profile):
        return []


class Silent(Backend):
    """Says nothing."""
    name = "silent"

    class Options(PluginOptions):
        depth: int = 1

    @classmethod
    def describe(cls, options):
        return Profile(backend=cls.name, sample_rate=8000)

    def load(self, device, slots): ...

    def synthesize(self, job):
        yield from ()


class Absent(Silent):
    name = "absent"

    @classmethod
    def missing(cls):
        return "pip install absent-tts"


class English(Silent):
    name = "english"

    @classmethod
    def describe(cls, options):
        return Profile(backend=cls.name, sample_rate=8000, languages=("en", "en-gb"))


class Anna(Silent):
    name = "anna"

    @classmethod
    def voices(cls, options):
        return [Voice("anna")]


class Gone(Silent):
    name = "gone"

    @classmethod
    def missing(cls):
        return "pip install gone-tts"


class Confused(Silent):
    name = "confused"

    @classmethod
    def missing(cls):
        raise RuntimeError("who am I?")


@hookimpl
def ttsflow_policies():
    return [Wide]


@hookimpl
def ttsflow_backends():
    return [Silent, Absent, English, Anna, Gone, Confused]
'''


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """The built-in plugins, and those above."""
    path = tmp_path_factory.mktemp("plugins") / "tests_own.py"
    path.write_text(PLUGINS, encoding="utf-8")
    return Registry.load(files=[path])


@pytest.fixture
def yaml_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a YAML file."""

    def write(text: str | bytes, name: str = "my.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
        return path

    return write
