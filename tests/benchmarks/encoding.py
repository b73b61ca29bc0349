"""What compressed audio costs beside a WAV file, and beside the codec alone.

The whole program speaks the same text to a WAV file and to compressed ones, in turns. With one worker on two
cores a core is free for the codec; with two, none is. And what `ttsflow export` does, another format of what
is kept, is set against PyAV: it encodes the same samples with as many threads, and does nothing else.
"""

from __future__ import annotations

import subprocess
import sys
import time
import wave
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np

from tests.benchmarks.keeping import again
from tests.benchmarks.pairs import Bound, Figure, Workload, in_turns, medians, ratios
from ttsflow.devices.detection import cores
from ttsflow.output import FORMATS, Encoding
from ttsflow.session.export import exporting

NAMES = ("m4b", "mp3")
BOUNDS = {"m4b": Bound("at most", 1.1)}
WORKERS = {
    "one worker, a core free": ("--set", "policy.use=sequential"),
    "two workers": ("--policy", "bounded-parallel", "--set", "policy.options.max_concurrent=2"),
}


def measure(workload: Workload) -> Iterator[Figure]:
    rounds = workload.pick(5, 3)
    with TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        text = folder / "text.txt"
        text.write_text(again(workload.text.read_text("utf-8"), workload.pick(8, 3)), "utf-8")
        for workers, policy in WORKERS.items():
            runs = [partial(spoken_s, text, format, policy) for format in ("wav", *NAMES)]
            times = in_turns(runs, rounds, warm_up=0)
            wav_s, *others_s = medians(times)
            for at, (format, took_s) in enumerate(zip(NAMES, others_s, strict=True), 1):
                yield Figure(
                    f"the whole program: {format} / wav, {workers}",
                    ratios((each[at], each[0]) for each in times),
                    f"hibari, {minutes(text.with_suffix('.wav')):.0f} min of audio; {rounds} in turns",
                    f"{took_s:.1f} s against {wav_s:.1f} s",
                    BOUNDS.get(format) if "free" in workers else None,
                )
        for format in NAMES:
            wav = text.with_suffix(".wav")
            times = in_turns([partial(exported_s, wav, format), partial(bare_s, wav, format)], rounds)
            ours_s, theirs_s = medians(times)
            yield Figure(
                f"another format from a finished store / the codec alone: {format}",
                ratios(times),
                f"{minutes(wav):.0f} min of audio, {cores()} threads; {rounds} pairs",
                f"{ours_s:.2f} s against {theirs_s:.2f} s",
                Bound("at most", 1.2),
            )


def spoken_s(text: Path, format: str, policy: Sequence[str]) -> float:
    """Seconds of a whole program that speaks a text to a file, from its start to its end."""
    output = ["-o", str(text.with_suffix(f".{format}")), "--fresh", "--overwrite"]
    began = time.perf_counter()
    command = [sys.executable, "-m", "ttsflow", "run", str(text), *output, "--backend", "hibari", "-q"]
    subprocess.run([*command, *policy], check=True)
    return time.perf_counter() - began


def exported_s(wav: Path, format: str) -> float:
    """Seconds until the file is there, from the store."""
    target = wav.with_name(f"exported.{format}")
    began = time.perf_counter()
    with exporting(wav) as kept:
        kept.audio(target, FORMATS.named(format), Encoding(), overwrite=True)
    return time.perf_counter() - began


def bare_s(wav: Path, format: str) -> float:
    """Seconds until a codec has encoded the same samples, in as many files as there are threads."""
    with wave.open(str(wav)) as file:
        rate, samples = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")
    parts = [
        (wav.with_name(f"bare{n}.{format}"), part) for n, part in enumerate(np.array_split(samples, cores()))
    ]
    began = time.perf_counter()
    with ThreadPoolExecutor(cores()) as threads:
        list(threads.map(lambda part: encode(*part, rate, format), parts))
    return time.perf_counter() - began


def encode(path: Path, samples: Any, rate: int, format: str) -> None:
    codec = FORMATS.named(format).codec
    assert codec is not None
    assert codec.kbit_s is not None
    with av.open(str(path), "w", format=codec.container) as container:
        stream: Any = container.add_stream(codec.name, rate, dict(codec.options), layout="mono")
        stream.codec_context.bit_rate = 1000 * codec.kbit_s
        for at in range(0, len(samples), rate):
            frame = av.AudioFrame.from_ndarray(samples[np.newaxis, at : at + rate], "s16", "mono")
            frame.sample_rate = rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def minutes(wav: Path) -> float:
    with wave.open(str(wav)) as file:
        return file.getnframes() / file.getframerate() / 60
