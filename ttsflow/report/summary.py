"""A run in numbers, and the same numbers in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ttsflow.interface.costs import Slowdown
from ttsflow.interface.jobs import Outcome
from ttsflow.report.excerpt import excerpt, printable
from ttsflow.report.units import duration

EXCERPT_CHARS = 80


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of chunks, and seconds; points in time are since the run began, None where unknown.

    `submitted`, `delivered`, `failed` and `not_reached` are the account's; `not_reached` is None
    without one. The rest is measured on the chunks that were handed to the sinks: after an early end
    the last of them may not have been written, and so not be among the delivered. `flagged` and
    `pauses` are kinds of them. `makespan_s` is when the last chunk was done. `audio_s` is the speech
    in the chunks, `pause_s` the silence after them. `rtf` is synthesis time / audio time, summed over
    the chunks; `speed` is audio_s / makespan_s, which parallel work raises and loading a model lowers.
    `wait_s` is the greatest W of the streams, `stalls` and `stall_s` are sums over them. `chunk_s` has
    percentiles ("p5", "p50", "p95") of the time from a chunk's start to its finish, interpolated
    linearly. `hedges` are second attempts at chunks that were late. For `stopped_s` the program itself was
    stopped; no other number contains that.
    """

    submitted: int
    delivered: int
    failed: int
    not_reached: int | None
    flagged: int
    pauses: int
    time_to_first_audio_s: float | None
    makespan_s: float | None
    audio_s: float
    pause_s: float
    rtf: float | None
    speed: float | None
    wait_s: float | None
    stalls: int
    stall_s: float
    chunk_s: dict[str, float | None]
    hedges: int = 0
    stopped_s: float = 0.0


def summary_text(
    summary: Summary,
    failures: Sequence[Outcome] = (),
    flagged: Sequence[Outcome] = (),
    slowdowns: Sequence[Slowdown] = (),
    *,
    of_texts: bool = False,
) -> str:
    """The summary for a person: aligned lines of plain text, without a newline at the end.

    `failures` and `flagged` are named, each with an excerpt of its text and the reason; there may be
    fewer of them than `summary.failed` and `summary.flagged`. `slowdowns` are what was measured of s(k).
    With `of_texts` the text of each is named, too, because there are several.
    """
    rows = [("chunks", _counts(summary)), ("audio", _audio(summary)), ("time", _times(summary))]
    if summary.speed:
        rtf = "" if summary.rtf is None else f", RTF {summary.rtf:.3g}"
        rows.append(("speed", f"{summary.speed:.3g} x real time{rtf}"))
    if summary.wait_s is not None:
        rows.append(("listening", _listening(summary)))
    if summary.chunk_s.get("p50") is not None:
        percentiles = (
            f"{name} {duration(value)}" for name, value in summary.chunk_s.items() if value is not None
        )
        rows.append(("chunk time", ", ".join(percentiles)))
    if summary.hedges:
        late = "1 late chunk" if summary.hedges == 1 else f"{summary.hedges} late chunks"
        rows.append(("hedges", f"{late} spoken a second time elsewhere; the first to be complete is heard"))
    if summary.stopped_s:
        rows.append(("stopped", f"{duration(summary.stopped_s)}, which no other number contains"))
    if slowdowns:
        rows.append(("at a time", "; ".join(map(_slowdown, slowdowns))))
    rows += _named("flagged", summary.flagged, flagged, of_texts)
    rows += _named("failed", summary.failed, failures, of_texts)
    return _aligned(rows)


def failures_text(summary: Summary, failures: Sequence[Outcome], *, of_texts: bool = False) -> str:
    """The failed chunks alone, named as in `summary_text`; empty if there are none."""
    return _aligned(_named("failed", summary.failed, failures, of_texts))


def _aligned(rows: list[tuple[str, str]]) -> str:
    return "\n".join(f"{label:<11} {text}" for label, text in rows)


def _named(label: str, count: int, outcomes: Sequence[Outcome], of_texts: bool) -> list[tuple[str, str]]:
    """A row for each of `outcomes`, and one for those of the `count` that are not among them."""
    rows = [(label, _reason(outcome, of_texts)) for outcome in outcomes]
    if count > len(outcomes):
        rows.append((label, f"{count - len(outcomes)} more, named in the report (--report FILE.json)"))
    return rows


def _counts(summary: Summary) -> str:
    counts = [f"{summary.delivered} delivered", f"{summary.failed} failed"]
    if summary.not_reached is not None:  # else the run broke off, and nobody knows how many there were
        counts.insert(0, f"{summary.submitted} submitted")
    optional = (
        (summary.not_reached, "not reached"),
        (summary.flagged, "flagged"),
        (summary.pauses, "pause" if summary.pauses == 1 else "pauses"),
    )
    return ", ".join(counts + [f"{count} {word}" for count, word in optional if count])


def _audio(summary: Summary) -> str:
    return f"{duration(summary.audio_s)} of speech, {duration(summary.pause_s)} of pauses"


def _times(summary: Summary) -> str:
    if summary.makespan_s is None:
        return "no chunk was done"
    done = f"{duration(summary.makespan_s)} to the last chunk"
    if summary.time_to_first_audio_s is None:
        return done if summary.audio_s else f"{done}, no audio"
    return f"{duration(summary.time_to_first_audio_s)} to the first audio, {done}"


def _listening(summary: Summary) -> str:
    waited = f"a listener waits {duration(summary.wait_s or 0.0)} in all"
    if not summary.stalls:
        return f"{waited}, no stalls"
    stalls = "1 stall" if summary.stalls == 1 else f"{summary.stalls} stalls"
    return f"{waited}, {stalls} of {duration(summary.stall_s)} in sum"


def _slowdown(each: Slowdown) -> str:
    return f"{each.k} take {each.measured:.2f} times as long each (profile: {each.profile:.2f})"


def _reason(outcome: Outcome, of_text: bool) -> str:
    text = excerpt(outcome.job.shown, EXCERPT_CHARS)
    of = f" of {printable(outcome.job.stream)}" if of_text else ""
    return f'chunk {outcome.job.index}{of} "{text}": {printable(outcome.why or "for no known reason")}'
