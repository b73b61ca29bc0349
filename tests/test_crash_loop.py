"""The whole program is killed at any moment and started again. Longer: `python -m tests.crash_loop`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash_loop.loop import CrashLoop

TEXT = "\n\n".join(
    f"{who} went to the {where}. There was a {what} in it; nobody had told them so, and it was {how}."
    for who in ("Anna", "The postman", "My uncle")
    for where in ("garden", "kitchen")
    for what in ("hedgehog", "piano")
    for how in ("late", "raining hard")
)


@pytest.mark.usefixtures("quickly")
def test_a_text_is_spoken_whole_and_once_whatever_is_killed_on_the_way(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(TEXT, "utf-8")
    counts = CrashLoop(tmp_path, text, "sim", seed=5, max_chars=80).run(kills=12)
    assert counts.main_kills.total() == 12
    assert counts.worker_kills
    assert counts.outputs
