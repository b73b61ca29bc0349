"""What a neural and a robotic voice say through the whole program: all that was written, in order."""

from __future__ import annotations

import os
import signal

import pytest
import soundfile

from tests.cli.program import Program
from tests.recognition import word_error_rate

SENTENCES = [
    "The old lighthouse stood at the end of a narrow road.",
    "Every morning the keeper walked down to the harbour for bread.",
    "He carried a blue bag and a heavy wooden stick.",
    "On Sunday it rained, and nobody came to the market.",
    "The baker told him a story about a ship without sails.",
    "It had left the bay in winter and never returned.",
    "His sister did not believe a single word of it.",
    "She closed the window and poured two cups of tea.",
    "Far away a small bell was ringing in the fog.",
    "They listened until the last light went out.",
]
TEXT = "\n\n".join(SENTENCES * 2)
TWO_WORKERS = ("--policy", "bounded-parallel", "--set", "policy.options.max_concurrent=2")


@pytest.mark.parametrize(
    ("backend", "at_most", "chars_per_s"), [("hibari", 0.15, 14.5), ("espeak", 0.5, 18.0)]
)
def test_all_words_are_heard_in_order_after_kills(
    program: Program, backend: str, at_most: float, chars_per_s: float
) -> None:
    program.write("story.txt", TEXT)
    command = ["run", "story.txt", "--backend", backend, *TWO_WORKERS]
    process = program.start(*command)
    program.await_audio("story.wav")
    os.kill(process.pid, signal.SIGKILL)
    program.finish(process)
    program.await_end()
    program(*command)
    wav = program.folder / "story.wav"
    pauses_s = (len(SENTENCES) * 2) * 0.6
    assert soundfile.info(wav).duration - pauses_s == pytest.approx(len(TEXT) / chars_per_s, rel=0.35)
    assert word_error_rate(wav, TEXT) < at_most
    assert word_error_rate(wav, "\n\n".join(reversed(SENTENCES * 2))) > 0.6, "the order counts"
