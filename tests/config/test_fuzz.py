"""Hundreds of mutilated configuration files: each is a configuration, or an error that a person can read."""

from __future__ import annotations

import random
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from ttsflow.config import Settings, load
from ttsflow.errors import ConfigError

Write = Callable[..., Path]
NOBODY = Path("/no/such/folder")

MINE = b"""\
version: 1
policy:
  rules:
    - {when: {gpus: {min: 2}}, use: gpu-affinity, options: {lane: chunk}}
    - use: bounded-parallel
      options: {max_concurrent: 4}
backend:
  use: [xtts, espeak]
  options: {slots: 4, temperature: 0.7}
text: {language: en, voice: "Ana Tiny", seed: 3, max_chars: 100, pauses: {sentence_s: 0.2}}
limits: {retries: 3}
output:
  format: wav
"""

SCRAPS = [
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\t", b"\r", b"\n", b"&a ", b"*a", b"!!python/object/apply:os.system ",
    b"!x ", b"<<: ", b"? ", b"- ", b": ", b"{", b"}", b"[", b"]", b"'", b'"', b"|", b">", b"#", b"---\n",
    b"...\n", b"%YAML 9.9\n", b"9" * 400, b"-1", b"1e999", b".nan", b".inf", b"null", b"~", b"yes", b"0x_",
    b"2026-02-30", b"1:2:3", b'"\\UFFFFFFFF"', b"\xf0\x9f\xa6\x9c", b"x" * 5000, b"[" * 300, b"__class__",
]  # fmt: skip


def shipped() -> list[bytes]:
    """The YAML files that come with ttsflow."""
    folders = resources.files("ttsflow.config"), resources.files("ttsflow.policies")
    files = [file for folder in folders for file in folder.iterdir() if file.name.endswith(".yaml")]
    return [file.read_bytes() for file in sorted(files, key=lambda file: file.name)]


def mutilated(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """The content with one to four things done to it."""
    for _ in range(chance.randint(1, 4)):
        at, length = chance.randrange(len(content) + 1), chance.choice([1, 2, 5, 20, 100])
        head, cut, tail = content[:at], content[at : at + length], content[at + length :]
        match chance.randrange(6):
            case 0:
                content = head + tail
            case 1:
                content = head + cut * chance.choice([2, 3, 30]) + tail
            case 2:
                content = head + chance.choice(SCRAPS) + cut + tail
            case 3:
                content = head + chance.choice(SCRAPS) + tail
            case 4:
                lines = content.splitlines(keepends=True)
                chance.shuffle(lines)
                content = b"".join(lines)
            case 5:
                other = chance.choice(others)
                content = head + other[chance.randrange(len(other)) :]
    return content


def read(path: Path, as_policy: bool) -> str | None:
    """Load the file; None where that gives a configuration, else what is said of it."""
    try:
        settings = load(str(path), user_folder=NOBODY) if as_policy else load(None, path, user_folder=NOBODY)
    except ConfigError as error:
        return str(error)
    assert isinstance(settings, Settings)
    return None


@pytest.mark.parametrize("as_policy", [False, True], ids=["config", "policy"])
def test_a_mutilated_file_is_a_configuration_or_an_error(yaml_file: Write, as_policy: bool) -> None:
    chance = random.Random(20)
    originals = [MINE, *shipped()]
    assert len(originals) > 4
    refused = 0
    for number in range(500):
        path = yaml_file(mutilated(chance.choice(originals), originals, chance), f"{number}.yaml")
        said = read(path, as_policy)
        assert said is None or path.name in said, f"mutilation {number} is not named: {said}"
        assert len(said or "") < 10_000
        refused += said is not None
    assert 50 < refused < 450, "some of them must be read, and some must not"
