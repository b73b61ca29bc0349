"""Devices that a backend's options name are checked before anything is placed on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ttsflow.errors import PluginError
from ttsflow.interface.device import Device
from ttsflow.registry import Registry, own_devices

RELAY = """
import ttsflow

class Relay(ttsflow.Backend):
    name = "relay"
    class Options(ttsflow.PluginOptions):
        ids: tuple[str, ...] = ()
    @classmethod
    def describe(cls, options):
        return ttsflow.Profile(backend=cls.name, sample_rate=8000, device_kinds=("remote",))
    @classmethod
    def devices(cls, options):
        return [ttsflow.Device(id, "remote") if id else id for id in options.ids]
    def load(self, device, slots): ...
    def synthesize(self, job):
        yield from ()

@ttsflow.hookimpl
def ttsflow_backends():
    return [Relay]
"""


def devices(path: Path, *ids: str) -> tuple[Device, ...]:
    plugin = Registry.load(files=[path]).backend("relay")
    return own_devices(plugin, plugin.options({"ids": ids}))


def test_devices_of_a_backend(plugin_file: Callable[..., Path]) -> None:
    path = plugin_file(RELAY)
    assert devices(path) == ()
    assert devices(path, "a", "b") == (Device("a", "remote"), Device("b", "remote"))


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (("a", "b", "a"), "gave two devices of one id: a, b, a"),
        (("a", ""), "gave '', of type str, in its list; the rule: a list of Devices"),
    ],
)
def test_devices_that_cannot_be(plugin_file: Callable[..., Path], ids: tuple[str, ...], says: str) -> None:
    with pytest.raises(PluginError, match=rf"backend 'relay' of .*: devices {says} \(.*py:\d+\)"):
        devices(plugin_file(RELAY), *ids)
