"""Names of voices that would be paths, commands or worse, to a program that believed them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.cli.program import Program

SYMLINK = "innocent"

HOSTILE_VOICES = [
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "/proc/self/environ",
    "a\0b",
    SYMLINK,
    f"./{SYMLINK}",
    "x" * 100_000,
    "two\nlines",
    "\x1b[2Jred",
    "en+../../etc/passwd",
    "en-gb+/etc/passwd",
    "en-gb+",
    "%s%n",
    "$(touch sprung)",
]


def short(voice: str) -> str:
    """The id of a test."""
    return repr(voice[:30])


def refuses_voice(program: Program, voice: str, engine: Sequence[str]) -> None:
    """Run with the voice, by flag and by file: nothing begins, and the message names it in a line or two."""
    secret = program.write("secret/voice", "name secret\nlanguage en 1\n")
    (program.folder / SYMLINK).symlink_to(secret)
    program.write("voice.yaml", f"text:\n  voice: {json.dumps(voice)}\n")
    before = sorted(program.folder.iterdir())
    ways = [["--config", "voice.yaml"]]
    if "\0" not in voice:  # which no argument of a program can hold
        ways.append(["--voice", voice])
    for way in ways:
        ended = program("run", "--text", "Hello.", *way, *engine, code=2)
        # eSpeak NG's are joined by "+": there the half is named that is not known
        assert any(repr(part[:100]) in ended.err for part in (voice, *voice.split("+"))), ended.err
        assert ended.err.startswith("ttsflow: error: unknown v")
        assert len(ended.err.splitlines()) == 1
        assert len(ended.err) < 1000
        assert "\x1b" not in ended.err
    assert sorted(program.folder.iterdir()) == before, "nothing was written"
    assert program.processes() == []
