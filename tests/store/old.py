"""A store of version 1, as a program of that time left it (version_1/README.md tells how)."""

from __future__ import annotations

import gzip
from pathlib import Path

FOLDER = Path(__file__).parent / "version_1"
STORY = (FOLDER / "story.txt").read_text("utf-8")
STORE = gzip.decompress((FOLDER / "story.wav.ttsflow.gz").read_bytes())

AS_BEFORE = [
    "--voice", "anna", "--backend", "sim",
    "--set", "backend.options.voices=[anna]", "--set", "backend.options.rtf=0",
    "--set", "backend.options.audio_s=0.1", "--set", "backend.options.sample_rate=8000",
    "--set", 'backend.options.faults=[{text: "It rained", kind: cap}]',
]  # fmt: skip
"""the arguments that it was spoken with"""

AUDIO = "07927faa83921985850841cbb0871934"
"""BLAKE2b-16 of the samples and their length in the WAV file that it wrote"""
