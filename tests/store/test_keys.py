"""The content key: what changes the audio changes it, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ttsflow.config import Flag, load
from ttsflow.errors import PluginError
from ttsflow.interface.jobs import ChunkJob
from ttsflow.registry import Registry
from ttsflow.session.plan import Plan, make_plan
from ttsflow.text import read_text

JOB = ChunkJob("book", 0, "Hello, world.", "en", seed=5, pause_s=0.5)


def plan(policy: str = "sequential", backend: str = "sim", **flags: Any) -> Plan:
    named = {name.replace("__", "."): value for name, value in flags.items()}
    given = [Flag("test", name, value) for name, value in ({"backend.use": backend} | named).items()]
    return make_plan(load(policy, None, given), Registry.load(), fallback_allowed=False)


BASE = plan().key(JOB)


def test_a_key_has_32_bytes_and_is_the_same_again() -> None:
    assert len(BASE) == 32
    assert plan().key(JOB) == BASE


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
    assert plan().key(same) == BASE


def test_it_does_not_change_with_policy_chunker_or_what_only_costs() -> None:
    assert plan("parallel").key(JOB) == BASE
    assert plan(text__max_chars=40).key(JOB) == BASE
    assert plan(text__pauses__paragraph_s=3.0).key(JOB) == BASE
    assert plan(backend__options={"rtf": 0.7, "slots": 4, "pieces": 3}).key(JOB) == BASE


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
    assert plan(**flags).key(JOB) != BASE


def test_it_changes_with_text_and_language() -> None:
    other = {
        plan().key(job)
        for job in (
            replace(JOB, text="Hello, world"),
            replace(JOB, text="Hello, world.en", language=""),
            replace(JOB, language="de"),
        )
    }
    assert len(other | {BASE}) == 4


def test_it_changes_with_a_recording_and_not_with_its_name(tmp_path: Path) -> None:
    made = plan()
    keys = {replace(made, voice_content=content).key(JOB) for content in ("a", "b", "a\nb")}
    assert len(keys | {BASE}) == 4


def test_a_paragraph_that_moves_keeps_its_key() -> None:
    made = plan()
    texts = ("One is here.\n\nTwo is there.\n\nThree.", "Three.\n\nNew.\n\nOne is here.\n\nTwo is there.")
    first, second = ([made.key(job) for job in made.jobs(read_text(text), "book")] for text in texts)
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


@pytest.mark.parametrize(
    ("body", "said"), [("raise KeyError('x')", "KeyError"), ("return b'x'", "not a string")]
)
def test_an_identity_that_goes_wrong_names_the_plugin(body: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN.format(body=body))
    registry = Registry.load(folders=[tmp_path])
    given = [Flag("test", "backend.use", "broken")]
    with pytest.raises(PluginError, match=f"'broken' .* raised in identity: .*{said}"):
        make_plan(load("sequential", None, given), registry, fallback_allowed=False)
