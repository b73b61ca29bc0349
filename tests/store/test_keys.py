"""The content key: what changes the audio changes it, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ttsflow.config import Flag, load
from ttsflow.errors import PluginError
from ttsflow.interface.jobs import ChunkJob
from ttsflow.session.request import Manner
from ttsflow.session.setup import make_setup
from ttsflow.text import read_text

JOB = ChunkJob("book", 0, "Hello, world.", "en", seed=5, pause_s=0.5)


def key(made: Manner, text: str = JOB.text) -> bytes | None:
    """The key of a text that is spoken in this manner."""
    [place] = made.places(read_text(text), "book")
    return place.key


def manner(policy: str = "sequential", backend: str = "sim", **flags: Any) -> Manner:
    named = {name.replace("__", "."): value for name, value in flags.items()}
    given = [Flag("test", name, value) for name, value in ({"backend.use": backend} | named).items()]
    setup = make_setup(load(policy, None, given), fallback_allowed=False, listening=False)
    return Manner.of(setup, setup.config.text)


BASE = manner().key(JOB)


def test_a_key_has_32_bytes_and_is_the_same_again() -> None:
    assert len(BASE) == 32
    assert manner().key(JOB) == BASE


@pytest.mark.parametrize(
    "same",
    [
        replace(JOB, index=7),
        replace(JOB, stream="another"),
        replace(JOB, pause_s=0.0),
        replace(JOB, take=3, seed=99),
    ],
)
def test_it_does_not_change_with_the_place(same: ChunkJob) -> None:
    assert manner().key(same) == BASE


def test_it_does_not_change_with_policy_chunker_or_what_only_costs() -> None:
    assert manner("parallel").key(JOB) == BASE
    assert manner(text__max_chars=40).key(JOB) == BASE
    assert manner(text__pauses__paragraph_s=3.0).key(JOB) == BASE
    assert manner(backend__options={"rtf": 0.7, "slots": 4, "pieces": 3}).key(JOB) == BASE


@pytest.mark.parametrize(
    "flags",
    [
        {"text__seed": 1},
        {"text__voice": "ann", "backend__options": {"voices": ["ann"]}},
        {"backend__options": {"sample_rate": 16000}},
        {"backend__options": {"chars_per_s": 16.0}},
        {"backend": "espeak"},
    ],
)
def test_it_changes_with_what_is_heard(flags: dict[str, Any]) -> None:
    assert key(manner(**flags)) != BASE
    assert key(manner()) == BASE


def test_it_changes_with_text_and_language() -> None:
    other = {
        manner().key(job)
        for job in (
            replace(JOB, text="Hello, world"),
            replace(JOB, text="Hello, world.en", language=""),
            replace(JOB, language="de"),
        )
    }
    assert len(other | {BASE}) == 4


def test_it_changes_with_a_recording_and_not_with_its_name(tmp_path: Path) -> None:
    taking = BROKEN.format(body="return 'x'").replace('"broken"', '"takes"') + TAKING
    (tmp_path / "takes.py").write_text(taking)
    for name, sound in (("a", "one"), ("b", "two"), ("c", "one")):
        (tmp_path / name).write_text(sound)

    def of(*names: str) -> bytes | None:
        files = [str(tmp_path / name) for name in names]
        given = [Flag("test", "backend.use", "takes"), Flag("test", "text.reference", files)]
        chosen = load("sequential", None, given)
        setup = make_setup(chosen, [tmp_path], fallback_allowed=False, listening=False)
        return key(Manner.of(setup, setup.config.text))

    assert len({of("a"), of("b"), of("a", "b"), BASE}) == 4
    assert of("a") == of("c")


def test_a_paragraph_that_moves_keeps_its_key() -> None:
    made = manner()
    texts = ("One is here.\n\nTwo is there.\n\nThree.", "Three.\n\nNew.\n\nOne is here.\n\nTwo is there.")
    first, second = ([place.key for place in made.places(read_text(text), "book")] for text in texts)
    assert set(first) < set(second)
    assert len(second) == 4


BROKEN = """
import ttsflow

class Broken(ttsflow.Backend):
    name = "broken"

    @classmethod
    def describe(cls, options):
        return ttsflow.Profile(backend=cls.name, sample_rate=8000)

    @classmethod
    def identity(cls, options):
        {body}

    def load(self, device, slots):
        pass

    def synthesize(self, job):
        return iter(())

@ttsflow.hookimpl
def ttsflow_backends():
    return [Broken]
"""

TAKING = """
Broken.takes_reference_audio = classmethod(lambda cls: True)
"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise KeyError('x')", "raised in identity: .*KeyError"),
        ("return b'x'", "identity gave b'x', of type bytes; the rule: a string"),
    ],
)
def test_an_identity_that_goes_wrong_names_the_plugin(body: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN.format(body=body))
    given = [Flag("test", "backend.use", "broken")]
    with pytest.raises(PluginError, match=f"'broken' .*{said}"):
        make_setup(load("sequential", None, given), [tmp_path], fallback_allowed=False, listening=False)
