"""Samples on the wire between a worker and its coordinator."""

from __future__ import annotations

import threading
from multiprocessing import Pipe

import numpy as np
import pytest

from ttsflow.workers.wire import receive_samples, send_samples


def test_samples_come_through_unchanged_between_messages() -> None:
    mine, its = Pipe()
    large = np.sin(np.arange(1_000_000, dtype=np.float32))  # far more than the socket holds
    every_third = large[::3]

    def worker() -> None:
        its.send("before")
        send_samples(its, large)
        its.send("between")
        send_samples(its, every_third)
        its.send("after")

    sender = threading.Thread(target=worker)
    sender.start()
    with mine, its:
        assert mine.recv() == "before"
        assert receive_samples(mine, large.size).tobytes() == large.tobytes()
        assert mine.recv() == "between"
        assert receive_samples(mine, every_third.size).tobytes() == every_third.tobytes()
        assert mine.recv() == "after"
        sender.join()


def test_what_is_received_can_be_changed() -> None:
    mine, its = Pipe()
    with mine, its:
        send_samples(its, np.ones(10, np.float32))
        samples = receive_samples(mine, 10)
        samples *= 0.5
        assert samples.tolist() == [0.5] * 10


def test_an_end_in_mid_samples_is_the_end_of_the_wire() -> None:
    mine, its = Pipe()
    with mine:
        with its:
            send_samples(its, np.ones(10, np.float32))
        with pytest.raises(EOFError):
            receive_samples(mine, 11)


def test_a_reader_that_is_gone_ends_the_sending() -> None:
    mine, its = Pipe()
    mine.close()
    with its, pytest.raises(OSError, match="pipe"):
        send_samples(its, np.ones(10, np.float32))
