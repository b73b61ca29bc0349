"""Recordings that come to a worker by content."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from pathlib import Path
from threading import Thread

import pytest

from tests.workers.speakers import RATE, Speaker
from ttsflow.interface.backend import JobRefused
from ttsflow.interface.jobs import ChunkJob
from ttsflow.scheduler.messages import Failed, TooLong
from ttsflow.workers.loop import JobLoop
from ttsflow.workers.luggage import Luggage
from ttsflow.workers.wire import Carry, Close, Line, Start

ANNA = "/home/me/anna.wav"
JOB = ChunkJob("s", 0, "Good night.", references=(ANNA,))


@contextmanager
def no_room() -> Iterator[None]:
    """Where no file may have any content."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_a_recording_is_a_file_that_no_folder_has() -> None:
    luggage = Luggage()
    luggage.take(Carry(ANNA, b"as it were"))
    [path] = luggage.readdress(JOB).references
    assert [Path(path).read_bytes() for _ in range(2)] == 2 * [b"as it were"]
    assert Path(path).stat().st_nlink == 0


def test_one_that_has_changed_leaves_the_former_to_the_job_in_work() -> None:
    luggage = Luggage()
    luggage.take(Carry(ANNA, b"as it was"))
    [former] = luggage.readdress(JOB).references
    luggage.take(Carry(ANNA, b"as it is now"))
    [now] = luggage.readdress(JOB).references
    assert (Path(former).read_bytes(), Path(now).read_bytes()) == (b"as it was", b"as it is now")
    assert luggage.readdress(JOB).references == (now,)


def test_one_for_which_there_is_no_room_is_kept_when_there_is() -> None:
    luggage = Luggage()
    luggage.take(Carry(ANNA, b"as it were"))
    with no_room(), pytest.raises(OSError, match=f"no room for the recording {ANNA}"):
        luggage.readdress(JOB)
    [path] = luggage.readdress(JOB).references
    assert Path(path).read_bytes() == b"as it were"


def test_one_that_could_not_be_read_and_comes_later() -> None:
    luggage = Luggage()
    luggage.take(Carry(ANNA, fault="No such file"))
    with pytest.raises(JobRefused, match=f"the recording {ANNA} cannot be read: No such file"):
        luggage.readdress(JOB)
    luggage.take(Carry(ANNA, b"as it were"))
    [path] = luggage.readdress(JOB).references
    assert Path(path).read_bytes() == b"as it were"


def test_the_loss_of_one_fails_its_job_alone() -> None:
    ours, theirs = Pipe()
    loop = Thread(target=JobLoop(Line(theirs), Speaker(), RATE).run)
    with ours, theirs:
        loop.start()
        for message in (
            Carry(ANNA, fault="No such file"),
            Start(1, JOB),
            Start(2, ChunkJob("s", 1, "parts a b")),
        ):
            ours.send(message)
        assert ours.recv() == Failed(1, f"the recording {ANNA} cannot be read: No such file", "refused")
        assert ours.recv() == TooLong(2, ["a", "b"])
        ours.send(Close())
        loop.join()
