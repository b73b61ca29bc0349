"""A profile takes numbers as libraries have them, and refuses what is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ttsflow import Profile


def test_whole_numbers_of_other_types_become_ints() -> None:
    profile = Profile("p", np.int64(8000), slots=np.int32(2), cores=np.uint8(1))  # type: ignore[arg-type]
    assert [(type(number), number) for number in (profile.sample_rate, profile.slots, profile.cores)] == [
        (int, 8000),
        (int, 2),
        (int, 1),
    ]


@pytest.mark.parametrize("rate", ["8000", 8000.0, True, None])
def test_what_is_no_whole_number_is_told_with_its_type(rate: Any) -> None:
    with pytest.raises(TypeError, match=rf"sample_rate must be a whole number, not .*{type(rate).__name__}$"):
        Profile("p", rate)
