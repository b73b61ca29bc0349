"""Preparing the backend in fresh interpreters: huggingface_hub reads the environment at its import."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ttsflow_plugins.xtts.tiny import SPEAKERS

PREPARE = """
import json, os, sys
from pathlib import Path
from ttsflow import BackendUnavailable
from ttsflow_plugins.xtts import Xtts

def attempt():
    said = None
    try:
        Xtts.prepare(Xtts.Options(), None)
    except BackendUnavailable as error:
        said = str(error)
    halves = [path.name for path in Path(os.environ["HF_HOME"]).rglob("*.incomplete")]
    return said, [voice.name for voice in Xtts.voices(Xtts.Options())], halves, "torch" in sys.modules

print(json.dumps(attempt()))
"""

WHOLE = [None, list(SPEAKERS), [], False]


def start(script: str, before: Sequence[str | Path] = (), **options: Any) -> subprocess.Popen[str]:
    """Run a script; `before` is a command that runs it."""
    command = [*before, sys.executable, "-c", script]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, **options)


def finish(child: subprocess.Popen[str]) -> str:
    """What it prints."""
    with child:
        out, err = child.communicate()
    assert child.returncode == 0, err
    return out.strip()


def python(script: str) -> str:
    return finish(start(script))


def prepare(**options: Any) -> list[Any]:
    """What `prepare` says, then the voices, the half-written files, and whether torch was imported."""
    return list(json.loads(finish(start(PREPARE, **options))))
