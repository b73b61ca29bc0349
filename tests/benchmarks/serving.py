"""`ttsflow serve` over HTTP on loopback, against the same engine in this process.

The server runs in a process of its own, with workers of its own; so does the engine beside it. Both are
loaded before the clock starts, and take turns. What the server would refuse by prediction is let in.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.benchmarks.pairs import Bound, Figure, Spread, Workload, in_turns, medians, ratios
from ttsflow import ChunkJob, Device, Engine
from ttsflow.report.metrics import Playback
from ttsflow.scheduler.core import Scheduler
from ttsflow.simulator import CostModel, Simulator
from ttsflow_plugins.bounded_parallel import BoundedParallel
from ttsflow_plugins.sim import Sim

RATE = 24_000
WORKERS = 2
OPEN = {
    "server.max_streams": 512,
    "server.max_streams_per_client": 512,
    "server.max_waiting": 512,
    "server.max_late_s": 1e6,
}
ESPEAK = {"backend.use": "espeak", "policy.use": "sequential"}
SIM = {
    "backend.use": "sim",
    "backend.options.chunk_s": 0.05,
    "backend.options.audio_s": 1.0,
    "backend.options.device": "cpu",
    "policy.use": "bounded-parallel",
    "policy.options.max_concurrent": WORKERS,
}
NUMBERS = count()


def measure(workload: Workload) -> Iterator[Figure]:
    yield first_sound(workload.pick(40, 5))
    yield throughput(workload.pick(32, 8), workload.pick(7, 1))
    yield memory(workload.pick(200, 20))
    yield fairness(workload.pick(100, 10), workload.pick(15, 2))
    yield sustained(8, workload.pick(15, 3), workload.pick(3, 1))
    yield churn(workload.pick(300, 5))


# ------------------------------------------------------------ first sound


def first_sound(rounds: int) -> Figure:
    with served(ESPEAK) as server, Engine(settings=ESPEAK) as engine:
        engine.ready()
        times = in_turns([partial(first_byte_s, server), partial(first_piece_s, engine)], rounds, warm_up=5)
    http, piece = medians(times)
    return Figure(
        "first byte over HTTP - first piece of `Engine.stream`",
        Spread.of([1e3 * (ours - theirs) for ours, theirs in times]),
        f"eSpeak NG, a sentence, PCM; {rounds} pairs",
        f"{1e3 * http:.1f} ms against {1e3 * piece:.1f} ms",
        Bound("at most", 10.0),
        "ms",
    )


def first_byte_s(server: Server) -> float:
    """Seconds from a request to the first byte of its audio."""
    began = time.perf_counter()
    with server.speaking(text_of(1)) as parts:
        next(parts)
        took_s = time.perf_counter() - began
        for _ in parts:
            pass
    return took_s


def first_piece_s(engine: Engine) -> float:
    """Seconds from a request to its first piece."""
    began = time.perf_counter()
    pieces = engine.stream(text_of(1))
    next(pieces)
    took_s = time.perf_counter() - began
    for _ in pieces:
        pass
    return took_s


# ------------------------------------------------------------ throughput


def throughput(streams: int, rounds: int) -> Figure:
    with served(SIM) as server, Engine(settings=SIM) as engine, ThreadPoolExecutor(streams) as pool:
        engine.ready()
        over_http = partial(all_s, pool, streams, partial(hear, server))
        in_process = partial(all_s, pool, streams, lambda text: len(list(engine.stream(text))))
        times = in_turns([in_process, over_http], rounds)
    inside, http = medians(times)
    return Figure(
        f"throughput, {streams} streams over HTTP / in process",
        ratios(times),
        f"`sim`, 50 ms a chunk, {WORKERS} workers, 5 chunks a stream, PCM; {rounds} pairs",
        f"{http:.2f} s against {inside:.2f} s",
        Bound("at least", 0.9),
    )


def all_s(pool: ThreadPoolExecutor, streams: int, hear: Callable[[str], object]) -> float:
    """Seconds until as many streams have been heard at once."""
    texts = [text_of(5) for _ in range(streams)]
    began = time.perf_counter()
    list(pool.map(hear, texts))
    return time.perf_counter() - began


def hear(server: Server, text: str, key: str | None = None) -> int:
    """Hear a text to its end; the bytes."""
    with server.speaking(text, key) as parts:
        return sum(map(len, parts))


# ------------------------------------------------------------ memory


def memory(streams: int) -> Figure:
    slow = SIM | {"backend.options.chunk_s": 600.0}
    with served(slow) as server, ThreadPoolExecutor(streams) as pool:
        before = server.memory_kb()
        for _ in range(streams):
            pool.submit(hear_until_cut, server)
        server.await_figure("ttsflow_open_requests", streams)
        grown = server.memory_kb() - before
        server.process.kill()
    each = grown / streams
    return Figure(
        "memory of the server for an open stream",
        Spread(each, each, each),
        f"{streams} streams that wait, nothing spoken yet",
        unit="kB",
    )


def hear_until_cut(server: Server) -> None:
    with suppress(httpx.HTTPError):  # it is killed
        hear(server, text_of(5))


# ------------------------------------------------------------ fairness


def fairness(crowd: int, rounds: int) -> Figure:
    with TemporaryDirectory() as folder:
        keys = Path(folder) / "keys.txt"
        keys.write_text("the-greedy\nlistener\n")
        settings = {key: value for key, value in SIM.items() if not key.startswith("policy")}
        with served(settings | {"policy.use": "sequential", "server.api_keys_file": str(keys)}) as server:
            alone = [listener_s(server) for _ in range(rounds)]
            with ThreadPoolExecutor(crowd) as pool:
                heard = [pool.submit(hear, server, text_of(20), "the-greedy") for _ in range(crowd)]
                server.await_figure("ttsflow_open_requests", crowd)
                beside = [listener_s(server) for _ in range(rounds)]
                busy = not any(future.done() for future in heard)
                server.process.kill()
                for future in heard:
                    future.exception()
    if not busy:
        raise RuntimeError("the crowd was through before the listener was")
    return Figure(
        f"first sound beside a client with {crowd} requests / alone",
        Spread.of([one / median(alone) for one in beside]),
        f"`sim`, 50 ms a chunk, one at a time, API keys; {rounds} requests each",
        f"{1e3 * median(beside):.0f} ms against {1e3 * median(alone):.0f} ms",
        Bound("at most", 2.0),
    )


def listener_s(server: Server) -> float:
    began = time.perf_counter()
    with server.speaking(text_of(1), "listener") as parts:
        next(parts)
        took_s = time.perf_counter() - began
        for _ in parts:
            pass
    return took_s


# ------------------------------------------------------------ listeners in real time


SLOTS = {"slots": 4, "slowdown": (1.0, 1.1, 1.2, 1.3), "rtf": 0.35, "audio_s": 2.0}
"""four chunks at a time make speech for 8.8 listeners"""


def sustained(listeners: int, chunks: int, rounds: int) -> Figure:
    """How much of the time people hear something who all begin at once, served and in virtual time."""
    settings = SIM | {f"backend.options.{key}": value for key, value in SLOTS.items()}
    settings |= {"policy.options.max_concurrent": SLOTS["slots"], "text.pauses.paragraph_s": 0.0}
    settings["backend.options.chunk_s"] = None
    said = {key: json.dumps(value) for key, value in settings.items()}
    with served(said) as server, ThreadPoolExecutor(listeners) as pool:
        heard = [
            list(pool.map(partial(listen, server), [text_of(chunks) for _ in range(listeners)]))
            for _ in range(rounds)
        ]
    expected = mean(map(played, simulated(listeners, chunks)))
    shares = [mean(map(played, playbacks)) for playbacks in heard]
    return Figure(
        f"time in which {listeners} listeners hear something, over HTTP / simulated",
        Spread.of([share / expected for share in shares]),
        f"`sim`, RTF 0.35, four slots, s(4) = 1.3, {2 * chunks} s of audio each; {rounds} rounds",
        f"{median(shares):.3f} against {expected:.3f} of the time from the request to the end",
        Bound("at least", 0.9),
    )


def listen(server: Server, text: str) -> Playback:
    playback, began = Playback(), time.perf_counter()
    with server.speaking(text) as parts:
        for part in parts:
            playback.arrived(len(part) / 2 / RATE, time.perf_counter() - began)
    return playback


def simulated(listeners: int, chunks: int) -> list[Playback]:
    """The same people in virtual time, in which nothing but the speaking takes time."""
    options = Sim.Options.model_validate(SLOTS)
    profile, policy = Sim.describe(options), BoundedParallel.Options(max_concurrent=options.slots)
    jobs = {
        name: [ChunkJob(name, index, text_of(1)) for index in range(chunks)]
        for name in map(str, range(listeners))
    }
    scheduler = Scheduler(BoundedParallel(policy), [Device("cpu", "cpu")], profile)
    audio_s, slow = options.audio_s or 0.0, CostModel.of(profile).slow
    world = CostModel(lambda job: options.rtf * audio_s, lambda job: audio_s, slow)
    result = Simulator(scheduler, world).run(jobs, live=True)
    playbacks = {name: Playback() for name in jobs}
    for stream, _, at_s, audio_s in result.arrivals:
        playbacks[stream].arrived(audio_s, at_s)
    return list(playbacks.values())


def played(playback: Playback) -> float:
    """The share of the time from the request to the end of the audio in which it is heard."""
    return 1.0 - playback.wait_s / playback.plays_until_s


# ------------------------------------------------------------ churn


def churn(seconds: int) -> Figure:
    """Requests come and go, a third of them left in the middle. Raises RuntimeError for a slot that is lost,
    or a request of which nobody knows what became."""
    settings = SIM | {"backend.options.chunk_s": 0.01}
    with served(settings) as server, ThreadPoolExecutor(16) as pool:
        for _ in pool.map(partial(come_and_go, server, 3.0), range(16)):
            pass  # what every server needs once is there now
        before = server.memory_kb()
        asked = sum(pool.map(partial(come_and_go, server, float(seconds)), range(16)))
        server.await_figure("ttsflow_open_requests", 0)
        server.await_figure("ttsflow_slots used", 0)
        figures, grown = server.figures(), server.memory_kb() / before
    if figures["ttsflow_slots free"] != WORKERS:
        raise RuntimeError(f"a slot was lost: {figures}")
    results = {name: value for name, value in figures.items() if name.startswith("ttsflow_requests_total")}
    if sum(results.values()) < asked:
        raise RuntimeError(f"{asked} requests were made, and these are known: {results}")
    return Figure(
        f"memory of the server after {seconds} s of churn / before",
        Spread(grown, grown, grown),
        f"`sim`, 16 clients that come and go, {asked:,} requests, every third left in the middle",
        ", ".join(f"{name.split()[-1]} {value:.0f}" for name, value in results.items()),
        Bound("at most", 1.1),
    )


def come_and_go(server: Server, seconds: float, client: int) -> int:
    """Make requests for a time; how many."""
    until, asked = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        with server.speaking(text_of(3)) as parts:
            for _ in parts:
                if asked % 3 == client % 3:
                    break
        asked += 1
    return asked


# ------------------------------------------------------------ the server


class Server:
    """A server that is ready."""

    def __init__(self, process: subprocess.Popen[str], url: str, key: str | None) -> None:
        self.process, self._key = process, key
        self._http = httpx.Client(
            base_url=url,
            timeout=None,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
        )

    @contextmanager
    def speaking(self, text: str, key: str | None = None) -> Iterator[Iterator[bytes]]:
        """The parts of a text's audio, as they come."""
        body = {"input": text, "response_format": "pcm"}
        path = "/v1/audio/speech"
        with self._http.stream("POST", path, json=body, headers=self._bearer(key)) as response:
            response.raise_for_status()
            yield response.iter_raw()

    def figures(self) -> dict[str, float]:
        """Its metrics: `ttsflow_slots used`, and so on."""
        text = self._http.get("/metrics", headers=self._bearer(self._key)).text
        return {
            " ".join((sample.name, *sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def await_figure(self, name: str, value: float) -> None:
        """Wait until a metric has a value."""
        while self.figures()[name] != value:
            time.sleep(0.05)

    def memory_kb(self) -> float:
        """Resident memory of its main process."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1e3

    def _bearer(self, key: str | None) -> dict[str, str]:
        return {} if key is None else {"Authorization": f"Bearer {key}"}


@contextmanager
def served(settings: Mapping[str, Any]) -> Iterator[Server]:
    """A server with these settings."""
    said = [f"--set={key}={value}" for key, value in (OPEN | settings).items()]
    process = subprocess.Popen(
        [sys.executable, "-m", "ttsflow", "serve", "--port=0", *said], stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            key = "listener" if "server.api_keys_file" in settings else None
            yield Server(process, address(process), key)
        finally:
            process.terminate()
            assert process.stderr is not None
            for _ in process.stderr:
                pass


def address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if found := re.search(r"serving at (\S+),", line):
            return found[1]
    raise RuntimeError("the server did not start: " + "".join(told))


def text_of(chunks: int) -> str:
    """A text of so many chunks that no other text has."""
    number = next(NUMBERS)
    return "\n\n".join(f"This is part {part} of text {number}." for part in range(chunks))
