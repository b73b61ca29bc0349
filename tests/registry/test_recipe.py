"""A worker process makes its backend from plain data, from packages and from single files alike."""

from __future__ import annotations

import json
import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from ttsflow.errors import PluginError
from ttsflow.registry import BackendRecipe, Registry

BACKEND = """
from pathlib import Path
from pydantic import ConfigDict
import ttsflow

class Beep(ttsflow.Backend):
    name = "beep"
    class Options(ttsflow.PluginOptions):
        model_config = ConfigDict(strict=True)
        pitch: int = 1
        model: Path = Path("model")
    @classmethod
    def describe(cls, options):
        return ttsflow.Profile(backend=cls.name, sample_rate=8000)
    def load(self, device, slots): ...
    def synthesize(self, job):
        yield from ()

@ttsflow.hookimpl
def ttsflow_backends():
    return [Beep]
"""

OPTIONS = {"pitch": 7, "model": Path("model")}


def recipe_of(path: Path) -> BackendRecipe:
    plugin = Registry.load(files=[path]).backend("beep")
    return BackendRecipe.of(plugin, plugin.options({"pitch": 7}))


def build_elsewhere(recipe: BackendRecipe) -> tuple[str, str, dict[str, object]]:
    backend = recipe.build()
    return backend.name, type(backend).__module__, backend.options.model_dump()


def test_a_recipe_is_plain_data(plugin_file: Callable[..., Path]) -> None:
    recipe = recipe_of(plugin_file(BACKEND))
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert json.loads(json.dumps(recipe.options)) == {"pitch": 7, "model": "model"}


SECRETS = """
from pydantic import SecretStr
import ttsflow

class Keyed(ttsflow.Backend):
    name = "beep"
    class Options(ttsflow.PluginOptions):
        pitch: int = 1
        key: SecretStr
        more: dict[str, list[SecretStr]] = {}
    @classmethod
    def describe(cls, options):
        return ttsflow.Profile(backend=cls.name, sample_rate=8000)
    def load(self, device, slots): ...
    def synthesize(self, job):
        yield from ()

@ttsflow.hookimpl
def ttsflow_backends():
    return [Keyed]
"""


def test_a_secret_reaches_the_worker_and_is_shown_nowhere(plugin_file: Callable[..., Path]) -> None:
    plugin = Registry.load(files=[plugin_file(SECRETS)]).backend("beep")
    said = {"pitch": 7, "key": "swordfish", "more": {"a": ["halibut", "perch"], "b": []}}
    options = plugin.options(said)
    recipe = pickle.loads(pickle.dumps(BackendRecipe.of(plugin, options)))
    assert recipe.options == said
    built = recipe.build().options
    assert built.key.get_secret_value() == "swordfish"
    assert [secret.get_secret_value() for secret in built.more["a"]] == ["halibut", "perch"]
    for shown in (repr(recipe), repr(options), options.model_dump_json()):
        assert not any(secret in shown for secret in ("swordfish", "halibut", "perch"))


def test_a_single_file_is_the_same_module_in_a_spawned_process(plugin_file: Callable[..., Path]) -> None:
    path = plugin_file(BACKEND)
    here = Registry.load(files=[path]).backend("beep").cls.__module__
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(build_elsewhere, (recipe_of(path),)) == ("beep", here, OPTIONS)


def test_a_file_that_has_changed_since_is_a_named_error(plugin_file: Callable[..., Path]) -> None:
    path = plugin_file(BACKEND)
    recipe = recipe_of(path)
    path.write_text(BACKEND.replace('"beep"', '"other"'))
    with pytest.raises(PluginError, match=r"my_plugin\.py no longer offers the backend 'beep'"):
        recipe.build()
    path.write_text("1 / 0")
    with pytest.raises(PluginError, match=r"my_plugin\.py cannot be used: .*ZeroDivisionError"):
        recipe.build()
