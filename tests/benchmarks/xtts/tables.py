"""The readings as two tables: what comes out of a side end to end, and what its decoder does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.pairs import Bound, Figure, Spread
from tests.benchmarks.table import bound
from tests.benchmarks.xtts.sides import DTYPES, OURS, PROCESSES, REFERENCE, STREAM, THREADS, side
from tests.benchmarks.xtts.work import Reading

NAMES = {
    REFERENCE: "upstream, `inference()` one after the other",
    THREADS: "upstream, 2 threads, each with a model",
    PROCESSES: "upstream, 2 processes",
    STREAM: "upstream, `inference_stream`",
    **{
        name: f"ours, {dtype}, {k} {'slot' if k == 1 else 'slots'}{'' if graphs else ', no graphs'}"
        for name, (dtype, k, graphs) in OURS.items()
    },
}
SPEED_UP = {
    "cpu": {side("float32", 1): 1.15, side("float32", 4): 1.6},
    "cuda": {side(dtype, k): least for dtype in DTYPES for k, least in ((1, 4.0), (8, 15.0), (16, 25.0))},
}
DECODING = {"cpu": {side("bfloat16", 8): 3.0}}
FIRST_PIECE = {"cuda": {side(dtype, 1): 0.5 for dtype in DTYPES}}
LEAST_BUSY = 0.85
BYTES = {"bfloat16": 2, "float16": 2}
"""of a weight; of any other side, 4"""


@dataclass(frozen=True, slots=True)
class Results:
    """Each side's readings, one a round, and what they are set against.

    `bounds` are those of "cpu" or "cuda", or none at all ("")."""

    bounds: str
    weights: int
    bytes_per_s: list[float]
    readings: dict[str, list[Reading]]

    def ratio(self, over: str, under: str, value: Callable[[Reading], float | None]) -> Spread | None:
        """One side's value to another's, round by round; None where either has none."""
        pairs = [
            (value(one), value(other))
            for one, other in zip(self.readings.get(over, ()), self.readings.get(under, ()), strict=False)
        ]
        ratios = [one / other for one, other in pairs if one is not None and other is not None]
        return Spread.of(ratios) if ratios else None

    def middle(self, name: str, value: Callable[[Reading], float | None]) -> float | None:
        """The median of a side's value."""
        values = [found for reading in self.readings[name] if (found := value(reading)) is not None]
        return median(values) if values else None

    def floor_s(self, name: str) -> float:
        """Seconds in which memory gives all the transformer's weights once, in the side's own type."""
        return self.weights * BYTES.get(name.partition("-")[0], 4) / max(self.bytes_per_s)


def tables(results: Results) -> str:
    """Both, in Markdown."""
    parts = [throughput(results), decoding(results), disturbed(results), without_graphs(results)]
    return "\n\n".join(filter(None, parts))


def throughput(results: Results) -> str:
    lines = [
        "| end to end | audio s per s | to upstream (least to greatest) | bound | s(k) "
        "| first piece, alone | to `inference_stream` | bound | first piece, all at once "
        "| peak memory: loading, speaking |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in results.readings:
        rate = None if name == STREAM else results.middle(name, lambda reading: reading.audio_per_s)
        speed_up = None if name == STREAM else results.ratio(name, REFERENCE, lambda it: it.audio_per_s)
        first = results.ratio(name, STREAM, lambda reading: reading.first_alone_s)
        cells = [
            NAMES[name],
            number(rate),
            spread(speed_up),
            _bound(name, speed_up, SPEED_UP.get(results.bounds, {}), "at least"),
            number(slowdown(results, name)),
            number(results.middle(name, lambda reading: reading.first_alone_s), " s"),
            spread(first),
            _bound(name, first, FIRST_PIECE.get(results.bounds, {}), "at most"),
            number(results.middle(name, lambda reading: reading.first_s), " s"),
            _memory(results, name),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def decoding(results: Results) -> str:
    lines = [
        "| the decoder alone | step | codes per s | to 1 row | to upstream (least to greatest) | bound "
        "| step to floor |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in results.readings:
        step_s = results.middle(name, lambda reading: reading.step_s)
        if step_s is None:
            continue
        gain = results.ratio(name, REFERENCE, lambda reading: reading.codes_per_s)
        one_row = side(name.partition("-")[0], 1)
        cells = [
            NAMES[name],
            f"{1e3 * step_s:.1f} ms",
            number(results.middle(name, lambda reading: reading.codes_per_s)),
            spread(results.ratio(name, one_row, lambda reading: reading.codes_per_s), extremes=False),
            spread(gain),
            _bound(name, gain, DECODING.get(results.bounds, {}), "at least"),
            number(step_s / results.floor_s(name)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def disturbed(results: Results) -> str:
    """Names the sides that had less of the cores than they wanted; a thread that waits for another spins."""
    least = {
        NAMES[name]: min(busy)
        for name, readings in results.readings.items()
        if (busy := [reading.busy for reading in readings if reading.busy is not None])
    }
    low = [f"{name} ({share:.0%})" for name, share in least.items() if share < LEAST_BUSY]
    return (
        f"**Perhaps disturbed**, by the share of their threads' time that they had: {'; '.join(low)}."
        if low and results.bounds == "cpu"
        else ""
    )


def without_graphs(results: Results) -> str:
    """Names the sides that were to use CUDA graphs and gave them up."""
    names = [NAMES[name] for name, readings in results.readings.items() if any(r.gave_up for r in readings)]
    return f"**Gave up its CUDA graphs** (the log says why): {'; '.join(names)}." if names else ""


def slowdown(results: Results, name: str) -> float | None:
    """How many times slower a chunk runs beside others than alone: upstream's beside `inference()`."""
    if name in (THREADS, PROCESSES):
        found = results.ratio(name, REFERENCE, lambda reading: reading.chunk_s)
        return found.median if found else None
    return results.middle(
        name,
        lambda reading: reading.chunk_s / reading.alone_s if reading.chunk_s and reading.alone_s else None,
    )


def number(value: float | None, unit: str = "") -> str:
    return "" if value is None else f"{value:.2f}{unit}"


def spread(value: Spread | None, extremes: bool = True) -> str:
    if value is None:
        return ""
    return f"**{value.median:.2f}**" + (f" ({value.low:.2f} to {value.high:.2f})" if extremes else "")


def _bound(name: str, value: Spread | None, limits: Mapping[str, float], kind: str) -> str:
    if value is None or name not in limits:
        return ""
    limit = Bound("at most" if kind == "at most" else "at least", limits[name])
    return bound(Figure(name, value, "", bound=limit))


def _memory(results: Results, name: str) -> str:
    loading = max(reading.loading_mib for reading in results.readings[name])
    speaking = max(reading.peak_mib for reading in results.readings[name])
    on_gpu = [reading.cuda_mib for reading in results.readings[name] if reading.cuda_mib is not None]
    return f"{loading:,.0f}, {speaking:,.0f} MiB" + (f"; GPU {max(on_gpu):,.0f} MiB" if on_gpu else "")
