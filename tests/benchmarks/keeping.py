"""The makespan of a text that is kept chunk by chunk, against the same text written straight to its file.

Kept, as `ttsflow run` does it: the store is made and the text planned in it, each chunk is committed as
soon as it is whole, the output is built at the end and renamed. Straight: chunks go to the file in text
order, and it is renamed. Same jobs, same workers, which are loaded before the clock starts, in turns.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.engine import ReadyEngine, setup_for
from tests.benchmarks.pairs import Bound, Figure, Workload, in_turns, medians, ratios
from ttsflow.output import About, FileSink
from ttsflow.report import Unobserved
from ttsflow.session.destination import tag_of
from ttsflow.session.recording import Recording
from ttsflow.session.request import Manner, Request
from ttsflow.session.setup import Setup
from ttsflow.text import read_text

STREAM = "text"
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Text:
    """A request and what speaks it."""

    setup: Setup
    request: Request
    engine: ReadyEngine

    def kept_s(self) -> float:
        """Seconds until the output is there, with every chunk kept."""
        with (
            TemporaryDirectory(dir=".") as folder,
            Recording(self.setup, Path(folder) / "out.wav") as recording,
        ):
            began = time.perf_counter()
            recording.begin(self.request, missing=lambda: None)
            self.engine.speak(list(recording.jobs(recording.left(self.request))), store=recording)
            recording.build(Unobserved())
            return time.perf_counter() - began

    def straight_s(self) -> float:
        """Seconds until the output is there, with nothing kept."""
        rate, identity = self.setup.profile.sample_rate, tag_of(self.request.document)
        with TemporaryDirectory(dir=".") as folder:
            sink = FileSink(Path(folder) / "out.wav", sample_rate=rate, about=About(identity))
            began = time.perf_counter()
            sink.open()
            self.engine.speak([place.job for place in self.request.places()], sink)
            return time.perf_counter() - began


def measure(workload: Workload) -> Iterator[Figure]:
    rounds = workload.pick(9, 2)
    text = workload.text.read_text(encoding="utf-8")
    part = text[: text.rfind("\n\n", 0, workload.pick(4_000, 1_000))]
    rtf = "`sim` at RTF 0.1"
    yield compare(part, setup_for("sim", WORKERS, {"rtf": 0.1, "device": "cpu"}), rtf, rounds, 1.02)
    yield compare(again(text, workload.pick(8, 2)), setup_for("espeak", WORKERS), "eSpeak NG", rounds, None)


def again(text: str, times: int) -> str:
    """The text over and over, with other words each time: what is said twice would be spoken once."""
    endings = "aeiouyst"[:times]
    return "\n\n".join(re.sub(r"\b(\w{3,})\b", rf"\1{ending}", text) for ending in endings)


def compare(text: str, setup: Setup, what: str, rounds: int, limit: float | None) -> Figure:
    request = Request(read_text(text), Manner.of(setup, setup.config.text), STREAM)
    spoken_texts = [place.job.text for place in request.places() if place.job.speakable]
    chunks = len(spoken_texts)
    if len(set(spoken_texts)) < chunks:
        raise RuntimeError("the text says something twice, which is kept and spoken once")
    with ReadyEngine(setup, WORKERS) as engine:
        spoken = Text(setup, request, engine)
        times = in_turns([spoken.kept_s, spoken.straight_s], rounds)
    kept_s, straight_s = medians(times)
    return Figure(
        f"makespan, every chunk kept / written straight, {what}",
        ratios(times),
        f"{WORKERS} workers, {chunks:,} chunks, output and store on disk; {rounds} pairs",
        f"{kept_s:.2f} s against {straight_s:.2f} s",
        None if limit is None else Bound("at most", limit),
    )
