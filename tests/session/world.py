"""What the tests of engines share: a stand-in that is quick, texts, and backends that note what they hear."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PLUGINS = Path(__file__).parents[1] / "fakes/plugins"
SIM = {"backend.use": "sim", "backend.options.audio_s": 0.1, "backend.options.rtf": 0.0}
ONE_WORKER = SIM | {"policy.use": "sequential"}
TWO_VOICES = SIM | {"backend.options.voices": ["anna", "bert"]}

# A backend of two languages that writes down, a line each, what each worker is asked to speak.
SCRIBE = """
import json, os, time
from pathlib import Path
import numpy as np
import ttsflow

class Scribe(ttsflow.Backend):
    name = "scribe"
    @classmethod
    def describe(cls, options):
        return ttsflow.Profile(
            cls.name, 8000, device_kinds=("cuda", "cpu"), languages=("de", "zh-cn"), deterministic=True,
            speeds=(0.5, 2.0),
        )
    @classmethod
    def voices(cls, options):
        return [ttsflow.Voice(name) for name in ("anna", "bert", "carl")]
    @classmethod
    def takes_reference_audio(cls):
        return True
    @classmethod
    def check(cls, request, options):
        note(checked=[request.language, request.voice, list(request.references), request.speed])
        if request.voice == "carl" and request.language == "de":
            raise ttsflow.UsageError("carl speaks no German: choose another voice")
    def load(self, device, slots):
        note(loaded=device.id)
    def synthesize(self, job):
        gpu = os.environ.get("CUDA_VISIBLE_DEVICES")
        note(gpu=gpu, stream=job.stream, voice=job.voice, references=list(job.references),
             language=job.language, speed=job.speed, text=job.text)
        time.sleep(0.02)
        yield ttsflow.AudioPiece(np.full(800, (job.seed % 97 + 1) / 100, "float32"), 8000)

def note(**said):
    with (Path(__file__).parent / "notes").open("a") as file:
        file.write(json.dumps(said) + "\\n")

@ttsflow.hookimpl
def ttsflow_backends():
    return [Scribe]
"""


def scribe(folder: Path) -> dict[str, Any]:
    """Arguments of an engine that has the scribe; `noted` reads what it writes."""
    plugins = folder / "plugins"
    plugins.mkdir(exist_ok=True)
    (plugins / "scribe.py").write_text(SCRIBE)
    settings = {"backend.use": "scribe", "policy.use": "sequential"}  # one worker, and so one order of notes
    return {"settings": settings, "plugins_dirs": [plugins]}


def noted(folder: Path) -> list[dict[str, Any]]:
    """What the scribe has written so far."""
    notes = folder / "plugins" / "notes"
    return [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []


def text_of(chunks: int, name: str = "part") -> str:
    return "\n\n".join(f"This is {name} {number}." for number in range(chunks))
