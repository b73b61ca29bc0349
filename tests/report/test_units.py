"""Lengths of time and sizes, in words."""

import pytest

from ttsflow.report.units import duration, size


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.0321, "0.0321 s"),
        (0.94, "0.94 s"),
        (0.96, "1.0 s"),
        (3.21, "3.2 s"),
        (59.94, "59.9 s"),
        (59.96, "1:00 min"),
        (245, "4:05 min"),
        (3599.4, "59:59 min"),
        (3599.6, "1:00:00 h"),
        (3723, "1:02:03 h"),
        (360_000, "100:00:00 h"),
    ],
)
def test_a_length_of_time(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0.0 MB"), (178_640_000, "178.6 MB"), (2**40, "1,099,511.6 MB")]
)
def test_a_size(number: int, words: str) -> None:
    assert size(number) == words
