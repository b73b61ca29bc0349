"""The summary for a person."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ttsflow.interface.jobs import ChunkJob, Outcome
from ttsflow.report.summary import Summary, summary_text

SUMMARY = Summary(
    submitted=42,
    delivered=40,
    failed=1,
    not_reached=1,
    flagged=2,
    pauses=3,
    time_to_first_audio_s=1.25,
    makespan_s=181.0,
    audio_s=3723.0,
    pause_s=31.0,
    rtf=0.25,
    speed=20.569,
    wait_s=3.5,
    stalls=2,
    stall_s=2.25,
    chunk_s={"p5": 0.4, "p50": 1.1, "p95": 2.345},
)
NOTHING = Summary(
    submitted=0,
    delivered=0,
    failed=0,
    not_reached=None,
    flagged=0,
    pauses=0,
    time_to_first_audio_s=None,
    makespan_s=None,
    audio_s=0.0,
    pause_s=0.0,
    rtf=None,
    speed=None,
    wait_s=None,
    stalls=0,
    stall_s=0.0,
    chunk_s={"p5": None, "p50": None, "p95": None},
)


def failure(text: str, why: str | None) -> Outcome:
    return Outcome(ChunkJob("book", 7, text), "failed", why=why)


def flagged(index: int) -> Outcome:
    return Outcome(ChunkJob("book", index, "Oh."), "flagged", why="silent throughout")


def test_a_whole_summary() -> None:
    failures = [failure("It was\nthe best.", "the worker died")]
    text = summary_text(SUMMARY, failures, [flagged(3), flagged(9)])
    assert text.splitlines() == [
        "chunks      42 submitted, 40 delivered, 1 failed, 1 not reached, 2 flagged, 3 pauses",
        "audio       1:02:03 h of speech, 31.0 s of pauses",
        "time        1.2 s to the first audio, 3:01 min to the last chunk",
        "speed       20.6 x real time, RTF 0.25",
        "listening   a listener waits 3.5 s in all, 2 stalls of 2.2 s in sum",
        "chunk time  p5 0.4 s, p50 1.1 s, p95 2.3 s",
        'flagged     chunk 3 "Oh.": silent throughout',
        'flagged     chunk 9 "Oh.": silent throughout',
        'failed      chunk 7 "It was the best.": the worker died',
    ]


def test_a_run_in_which_nothing_happened() -> None:
    assert summary_text(NOTHING).splitlines() == [
        "chunks      0 delivered, 0 failed",
        "audio       0 s of speech, 0 s of pauses",
        "time        no chunk was done",
    ]


def test_chunks_that_are_not_named_are_counted() -> None:
    summary = replace(SUMMARY, failed=30, flagged=25)
    text = summary_text(
        summary, [failure("One.", "why")] * 20, flagged=[flagged(index) for index in range(20)]
    )
    assert text.count('"One."') == text.count('"Oh."') == 20
    assert "failed      10 more" in text
    assert "flagged     5 more" in text


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_becomes_one_printable_line(text: str, why: str) -> None:
    line = summary_text(NOTHING, [failure(text, why)]).splitlines()[3:]
    assert len(line) == 1
    assert line[0].isprintable()
    line[0].encode("utf-8")


def test_a_long_text_is_cut() -> None:
    text = summary_text(NOTHING, [failure("word " * 100, "why")])
    excerpt = text.split('"')[1]
    assert len(excerpt) == 80
    assert excerpt.endswith("...")
