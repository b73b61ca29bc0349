"""What calls a policy comes back in any case."""

from __future__ import annotations

import threading

import pytest

from ttsflow.testing.policies import patience
from ttsflow.testing.policies.patience import Stuck, in_time


def test_what_does_not_come_back_is_ended_and_its_line_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "crowding", lambda: 1.0)
    spinning: list[threading.Thread] = []

    def spin() -> None:
        spinning.append(threading.current_thread())
        while True:
            pass

    with pytest.raises(Stuck, match=r"within 1 s: it is stuck in .*test_patience\.py:\d+: (while|pass)"):
        in_time(spin, 1.0)
    spinning[0].join()


def test_what_is_raised_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        in_time(lambda: 1 // 0)
    assert in_time(lambda: 7) == 7
