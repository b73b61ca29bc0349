"""Streams whose chunks go into a store, with real worker processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pytest

from tests.runner.doubles import Memory, Notes, Some, boom, chunks, until
from ttsflow.interface.jobs import Account, AudioPiece, ChunkJob, Outcome
from ttsflow.scheduler.limits import Limits, Timeouts


class Kept:
    """A store that remembers what it is given, and does as it is told before it keeps the first chunks."""

    def __init__(self, deed: Callable[[], object] = lambda: None) -> None:
        self.audio: dict[int, bytes] = {}
        self.calls: list[list[int]] = []
        self._deed = deed

    def keep(self, found: Sequence[tuple[Outcome, Sequence[AudioPiece]]]) -> None:
        self.calls.append([outcome.job.index for outcome, _ in found])
        if len(self.calls) == 1:
            self._deed()
        for outcome, pieces in found:
            assert outcome.job.index not in self.audio, "kept twice"
            self.audio[outcome.job.index] = np.concatenate([piece.samples for piece in pieces]).tobytes()


def test_every_chunk_is_kept_once_and_observed_in_text_order(run: Any, speakers: Any) -> None:
    store, notes = Kept(), Notes()
    jobs = chunks(["hello", "refuse", *["hello"] * 10])
    jobs.append(ChunkJob("s", 12, "***", speakable=False))
    with run(Some(2), observer=notes) as runner:
        account = runner.open_stored("s", jobs, store).wait(60)
    assert account == Account(submitted=13, delivered=12, failed=1)
    spoken = [0, *range(2, 12)]
    assert store.audio == {index: speakers.sound(index).tobytes() for index in spoken}
    assert [outcome.job.index for outcome in notes.outcomes] == list(range(13))
    statuses = ["ok", "failed", *["ok"] * 10, "pause"]
    assert [outcome.status for outcome in notes.outcomes] == statuses


def test_chunks_that_are_finished_while_the_store_is_busy_are_kept_together(run: Any) -> None:
    release = threading.Event()
    store, notes = Kept(lambda: release.wait()), Notes()
    with run(Some(2), observer=notes) as runner:
        handle = runner.open_stored("s", chunks(["hello"] * 8), store)
        heard = Memory()
        assert runner.open("t", chunks(["hello"] * 8, "t"), heard).wait(60).delivered == 8
        time.sleep(0.2)
        assert [outcome for outcome in notes.outcomes if outcome.job.stream == "s"] == []
        release.set()
        assert handle.wait(60) == Account(submitted=8, delivered=8)
    assert sorted(chain(*store.calls)) == list(range(8))
    assert len(store.calls) < 8


def test_a_store_that_fails_ends_its_own_stream(run: Any) -> None:
    error = OSError(28, "No space left")
    broken, whole = Kept(lambda: boom(error)), Kept()
    with run(Some(2)) as runner:
        first = runner.open_stored("broken", chunks(["hello"] * 50, "broken"), broken)
        other = runner.open_stored("whole", chunks(["hello"] * 10, "whole"), whole)
        with pytest.raises(OSError, match="No space left") as raised:
            first.wait(60)
        assert raised.value is error
        assert other.wait(60).delivered == 10
    assert len(broken.calls) == 1, "nothing is kept after what may be lost"
    assert len(whole.audio) == 10


def test_what_the_store_has_been_given_is_kept_though_the_stream_is_cancelled(run: Any) -> None:
    busy, release = threading.Event(), threading.Event()
    store = Kept(lambda: (busy.set(), release.wait()))
    with run() as runner:
        handle = runner.open_stored("s", chunks(["hello"] * 500), store)
        assert busy.wait(60)
        handle.cancel()
        with pytest.raises(TimeoutError):
            handle.wait(0.5)
        assert handle.account is not None, "what became of the chunks is settled all the same"
        release.set()
        account = handle.wait(60)
        assert account.not_reached == account.submitted
        assert sorted(store.audio) == sorted(chain(*store.calls))
        assert 0 in store.audio


def test_what_cannot_be_kept_after_a_cancellation_is_raised_too(run: Any) -> None:
    busy, release = threading.Event(), threading.Event()
    error = OSError(28, "No space left")
    store = Kept(lambda: (busy.set(), release.wait(), boom(error)))
    with run() as runner:
        handle = runner.open_stored("s", chunks(["hello"] * 500), store)
        assert busy.wait(60)
        handle.cancel()
        until(lambda: handle.account is not None)
        release.set()
        with pytest.raises(OSError, match="No space left"):
            handle.wait(60)


def test_a_stored_stream_of_nothing_ends_at_once(run: Any) -> None:
    store = Kept()
    with run() as runner:
        assert runner.open_stored("s", [], store).wait(60) == Account()
    assert store.calls == []


def test_a_drained_runner_keeps_what_was_in_work(run: Any) -> None:
    store = Kept()
    with run(Some(2)) as runner:
        handle = runner.open_stored("s", chunks(["sleep 0.05"] * 500), store)
        until(lambda: store.audio)
        runner.drain()
        account = handle.wait(60)
    assert account.delivered >= 1
    assert account.not_reached > 0
    assert len(store.audio) >= account.delivered


@pytest.mark.parametrize("now", [False, True])
def test_a_store_that_blocks_is_not_waited_for_at_the_end(run: Any, now: bool) -> None:
    busy, release = threading.Event(), threading.Event()
    store = Kept(lambda: (busy.set(), release.wait()))
    runner = run(limits=Limits(timeouts=Timeouts(close_s=0.5)))
    runner.start()
    handle = runner.open_stored("s", chunks(["hello"] * 5), store)
    assert busy.wait(60)
    runner.close(now)
    assert not release.is_set()
    with pytest.raises(Exception, match="closed"):
        handle.wait(0)
    release.set()
    until(lambda: not any(thread.name.startswith("store of") for thread in threading.enumerate()))


# ---------------------------------------------------------------- a source that blocks


@pytest.mark.parametrize("kind", ["heard", "stored"])
def test_a_stream_whose_source_blocks_can_be_left(run: Any, kind: str) -> None:
    """As where the text still comes: its next words may come never."""
    asked, release = threading.Event(), threading.Event()

    def typing() -> Iterator[ChunkJob]:
        yield from chunks(["hello"])
        asked.set()
        release.wait()
        yield ChunkJob("s", 1, "hello")  # nobody wants it any more

    sink, store = Memory(), Kept()
    with run() as runner:
        if kind == "heard":
            handle = runner.open("s", typing(), sink, live=True)
        else:
            handle = runner.open_stored("s", typing(), store)
        assert asked.wait(60)
        until(lambda: sink.outcomes or store.audio)
        handle.cancel()
        account = handle.wait(60)
        assert account.submitted == 1
        assert account.settled
        assert runner.open("t", chunks(["hello"], "t"), Memory()).wait(60).delivered == 1
    assert sources() == 1, "it blocks for as long as it likes, and holds up nobody"
    assert sink.calls == (["abort"] if kind == "heard" else [])
    release.set()
    until(lambda: not sources())


def sources() -> int:
    return sum(thread.name.startswith("source of") for thread in threading.enumerate())
