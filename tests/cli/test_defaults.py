"""What a user always wants: a file of defaults in their own folder."""

from __future__ import annotations

import json

import pytest

from tests.cli.program import Program, sim

OWN = "home/.config/ttsflow/defaults.yaml"


@pytest.fixture
def own(program: Program) -> Program:
    """The program of a user with defaults of their own."""
    program.env.pop("XDG_CONFIG_HOME", None)
    program.write(OWN, "policy: {use: sequential}\noutput: {format: pcm}\ntext: {pauses: {paragraph_s: 0}}\n")
    return program


def test_they_hold_where_nothing_else_is_said(own: Program) -> None:
    ended = own("run", "--text", "Hello.", *sim())
    assert f"ttsflow: with the defaults of {own.folder / OWN}" in ended.err
    assert "policy sequential" in ended.err
    assert (own.folder / "speech.pcm").exists()
    assert own("run", "--text", "Hello.", "-q", *sim()).err == ""


SLOWLY = """
import ttsflow

class Slowly(ttsflow.TextRule):
    name = "slowly"
    def spoken(self, text, language):
        return text.replace("&", "and again and again and again and again")

class Shouted(ttsflow.TextReader):
    name = "shouted"
    suffixes = (".shout",)
    def read(self, data, name):
        return data.decode().lower()

@ttsflow.hookimpl
def ttsflow_text_rules():
    return [Slowly]

@ttsflow.hookimpl
def ttsflow_readers():
    return [Shouted]
"""


def test_rules_and_readers_of_plugins_count_where_a_length_is_predicted(own: Program) -> None:
    text = own.write("book.shout", "ONE & TWO & THREE.")

    def predicted() -> tuple[float, float]:
        listed = own("chapters", text.name, "--backend", "sim", "--json").text
        planned = own("plan", text.name, "--policy", "sequential", *sim(), "--json").text
        [plan] = json.loads(planned)["plans"]
        return json.loads(listed)["chapters"][0]["audio_s"], plan["summary"]["makespan_s"]

    path = own.write("rules.py", SLOWLY)
    plugins = f"version: 1\nplugins: [{path}]\n"
    own.write(OWN, plugins)
    plain = predicted()
    own.write(OWN, f"{plugins}text: {{rules: [{{use: slowly}}]}}\n")
    for longer, before in zip(predicted(), plain, strict=True):
        assert longer > 1.5 * before


def test_whatever_is_said_wins(own: Program) -> None:
    own.write("mine.yaml", "output: {format: wav}\n")
    ended = own("run", "--text", "Hello.", "--config", "mine.yaml", "--policy", "bounded-parallel", *sim())
    assert "policy bounded-parallel" in ended.err
    assert (own.folder / "speech.wav").exists()


def test_a_mistake_in_them_is_named_with_its_line(own: Program) -> None:
    own.write(OWN, "output:\n  fromat: wav\n")
    ended = own("run", "--text", "Hello.", *sim(), code=2)
    assert f"{own.folder / OWN}, line 2" in ended.err
    assert "fromat" in ended.err
