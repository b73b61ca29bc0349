"""Voices that are no voices: refused by their name before anything begins."""

from __future__ import annotations

import pytest

from tests.cli.hostile import HOSTILE_VOICES, refuses_voice, short
from tests.cli.program import Program, sim

ENGINES = {"espeak": ["--backend", "espeak"], "sim": sim(voices="[anna, bert]", load_s=60)}


@pytest.mark.parametrize("voice", HOSTILE_VOICES, ids=short)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_hostile_voice_is_refused_by_name(program: Program, engine: str, voice: str) -> None:
    refuses_voice(program, voice, ENGINES[engine])
