"""The program with a book, and what the book sounds like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.fakes.speech_server import SpeechServer, audio

PARTS = [f"This is part {number} of the book that is read aloud today." for number in range(1, 15)]
RATE = 24_000


def through(*servers: SpeechServer | str, **options: object) -> list[str]:
    """Arguments that speak through these servers."""
    urls = [each if isinstance(each, str) else each.url for each in servers]
    settings = {"url": urls[0] if len(urls) == 1 else f"[{', '.join(urls)}]", "retry_s": 1} | options
    given = [f"backend.options.{name}={value}" for name, value in settings.items()]
    return ["--backend", "openai", *(part for each in given for part in ("--set", each))]


def heard(data: bytes, parts: Sequence[str] = PARTS, rate: int = RATE) -> bool:
    """Whether the audio of these texts is in the data, whole and in order."""
    at = 0
    for part in parts:
        sound = audio(part, rate)
        at = data.find(sound, at)
        if at < 0:
            return False
        at += len(sound)
    return True


@pytest.fixture
def program(tmp_path: Path, fake_nvml: Path) -> Program:
    program = Program(tmp_path, fake_nvml)
    program.write("book.txt", "\n\n".join(PARTS))
    return program
