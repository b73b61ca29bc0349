"""What a user always wants: a file of defaults in their own folder."""

from __future__ import annotations

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
