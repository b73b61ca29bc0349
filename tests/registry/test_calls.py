"""What a plugin gives in the foreground is checked where it comes in, and what never comes is named."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from ttsflow.errors import PluginError
from ttsflow.interface.backend import Backend, VoiceRequest
from ttsflow.registry import (
    Boundary,
    Plugin,
    Registry,
    check_request,
    check_voice,
    describe,
    identity,
    made,
    missing,
    takes_reference_audio,
    voices,
)

Write = Callable[..., Path]

SOURCE = """
import itertools, threading
import numpy as np
import ttsflow

class Mine(ttsflow.Backend):
    name = "mine"
    @classmethod
    def describe(cls, options):
        return ttsflow.Profile(backend=cls.name, sample_rate=8000)
    def load(self, device, slots): ...
    def synthesize(self, job):
        yield from ()
    @classmethod
    def {method}:
        {body}  # here

@ttsflow.hookimpl
def ttsflow_backends():
    return [Mine]
"""


def backend(plugin_file: Write, method: str, body: str, boundary: Boundary | None = None) -> Plugin[Backend]:
    path = plugin_file(SOURCE.format(method=method, body=body))
    return Registry.load(files=[path], boundary=boundary).backend("mine")


CALLS: dict[str, Callable[[Plugin[Backend]], object]] = {
    "missing(cls)": missing,
    "describe(cls, options)": lambda plugin: describe(plugin, plugin.options({})),
    "voices(cls, options)": lambda plugin: voices(plugin, plugin.options({})),
    "check_voice(cls, voice, options)": lambda plugin: check_voice(plugin, "x", plugin.options({})),
    "check(cls, request, options)": lambda plugin: check_request(plugin, VoiceRequest(), plugin.options({})),
    "identity(cls, options)": lambda plugin: identity(plugin, plugin.options({})),
    "takes_reference_audio(cls)": takes_reference_audio,
}


@pytest.mark.parametrize(
    ("method", "body", "says"),
    [
        ("missing(cls)", "return False", "gave False, of type bool; the rule: the command that"),
        ("describe(cls, options)", "return {}", "gave {}, of type dict; the rule: a Profile"),
        ("voices(cls, options)", "return 'anna'", "gave 'anna', of type str; the rule: a list of Voices"),
        ("voices(cls, options)", "return ['anna']", "gave 'anna', of type str, in its list; the"),
        ("voices(cls, options)", "return itertools.repeat(ttsflow.Voice('a'))", "gave more than 100,000"),
        ("identity(cls, options)", "return 3", "gave 3, of type int; the rule: a string"),
        ("identity(cls, options)", "return 'x' * 2_000_000", "gave 'xxxxxxxxxxxx...xxxxxxxxxxxxx', of type"),
        ("takes_reference_audio(cls)", "return None", "gave None, of type NoneType; the rule: True or False"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_named(plugin_file: Write, method: str, body: str, says: str) -> None:
    plugin = backend(plugin_file, method, body)
    with pytest.raises(PluginError) as caught:
        CALLS[method](plugin)
    name, _, _ = method.partition("(")
    path = plugin.provider.path
    assert str(caught.value).startswith(f"backend 'mine' of {path}: {name} {says}")
    assert str(caught.value).endswith(f"({path}:14)")


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("error", ["ZeroDivisionError('x')", "KeyboardInterrupt", "SystemExit(0)"])
def test_whatever_is_raised_is_named(plugin_file: Write, method: str, error: str) -> None:
    plugin = backend(plugin_file, method, f"raise {error}")
    name, _, _ = method.partition("(")
    kind, _, _ = error.partition("(")
    with pytest.raises(PluginError, match=rf"backend 'mine' of .* raised in {name}: {kind}.*py:16\)"):
        CALLS[method](plugin)


@pytest.fixture
def soon() -> Boundary:
    """Patience for what does not come back; what does come back has long done so."""
    return Boundary(patience_s=2.0)


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """What a call waits for that would never come back; it does when the test is over."""
    event = threading.Event()
    threading.release = event  # type: ignore[attr-defined]  # where the code of a plugin finds it
    yield event
    event.set()
    del threading.release  # type: ignore[attr-defined]


@pytest.mark.usefixtures("release")
def test_what_does_not_come_back_is_named_with_its_line(plugin_file: Write, soon: Boundary) -> None:
    plugin = backend(plugin_file, "describe(cls, options)", "threading.release.wait()", soon)
    with pytest.raises(
        PluginError, match=r"'mine' of .*: describe has not come back within 2 s; it is at .*my_plugin.py:16$"
    ):
        describe(plugin, plugin.options({}))


OPTIONS = """
import threading
import pydantic
import ttsflow
class Odd(ttsflow.Policy):
    name = "odd"
    class Options(ttsflow.PluginOptions):
        x: int = 0
        @pydantic.field_validator("x")
        @classmethod
        def right(cls, x):
            return threading.release.wait() if x else x.odd
    def place(self, devices, profile): ...
@ttsflow.hookimpl
def ttsflow_policies():
    return [Odd]
"""


@pytest.mark.usefixtures("release")
def test_what_options_check_themselves_is_within_the_boundary(plugin_file: Write) -> None:
    heard: list[str] = []

    def hearing(name: str) -> AbstractContextManager[None]:
        heard.append(name)
        return nullcontext()

    plugin = Registry.load(files=[plugin_file(OPTIONS)], boundary=Boundary(2.0, hearing)).policy("odd")
    heard.clear()
    says = r"'odd' of .*: Options has not come back within 2 s; it is at .*my_plugin.py:12$"
    with pytest.raises(PluginError, match=says):
        plugin.options({"x": 1})
    says = r"'odd' of .* raised in Options: AttributeError: .* 'odd' \(.*my_plugin.py:12\)$"
    with pytest.raises(PluginError, match=says):
        plugin.options({"x": 0})
    assert heard == ["policy 'odd'", "policy 'odd'"]


STUCK = "import threading; threading.release.wait()"
HOOK = "import ttsflow\n@ttsflow.hookimpl\ndef ttsflow_backends():\n"


@pytest.mark.usefixtures("release")
@pytest.mark.parametrize(
    ("source", "says"),
    [
        (STUCK, "its import has not come back within 2 s; it is at"),
        (f"{HOOK}    {STUCK}", "a hook has not come back within 2 s; it is at"),
        (f"{HOOK}    import itertools\n    return itertools.count()", "ttsflow_backends gave more than"),
    ],
)  # fmt: skip
def test_a_plugin_that_does_not_come_to_an_end(
    plugin_file: Write, soon: Boundary, source: str, says: str
) -> None:
    with pytest.raises(PluginError, match=rf"my_plugin.py cannot be used: {says}"):
        Registry.load(files=[plugin_file(source)], boundary=soon)


def test_options_that_cannot_be_written_are_refused_when_the_plugin_is_loaded(plugin_file: Write) -> None:
    source = """
import ttsflow
class Odd(ttsflow.Policy):
    name = "odd"
    class Options(ttsflow.PluginOptions):
        x: object = object()
    def place(self, devices, profile): ...
@ttsflow.hookimpl
def ttsflow_policies():
    return [Odd]
"""
    said = r"class Odd: option 'x' is <object .*, of type object, which cannot be written as JSON"
    with pytest.raises(PluginError, match=said):
        Registry.load(files=[plugin_file(source)])
    late = plugin_file(source.replace("object = object()", "object = None"), "late.py")
    plugin = Registry.load(files=[late]).policy("odd")
    assert made(plugin, plugin.options({"x": [1]})).options.x == [1]  # type: ignore[attr-defined]
    with pytest.raises(PluginError, match=r"policy 'odd' of .*late.py: option 'x' is <function"):
        plugin.options({"x": made})
