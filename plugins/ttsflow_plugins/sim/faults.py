"""What goes wrong in the stand-in, on request."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path
from typing import Literal, NoReturn, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from ttsflow import ChunkJob, PluginOptions

Kind = Literal[
    "fail", "refuse", "die", "hang", "stop", "memory", "assert", "lost",
    "leak", "slow", "nan", "silent", "clipped", "rate", "shape", "empty", "short", "long", "cap",
]  # fmt: skip

AT_LOAD: tuple[Kind, ...] = ("fail", "refuse", "die", "hang", "stop", "memory", "assert", "lost")
OF_SOUND: tuple[Kind, ...] = ("nan", "silent", "clipped", "rate", "shape")
OF_THE_WHOLE: tuple[Kind, ...] = ("slow", "empty", "short", "long", "cap")

LENGTHS: dict[Kind, float] = {"empty": 0.0, "short": 0.1, "long": 6.0}
"""how many times as long the audio of a chunk becomes"""
SLOWER = 20.0
LEAK_BYTES = 256 * 2**20
AT_CAP = "reached the model's cap"

OUT_OF_MEMORY = (
    "CUDA out of memory. Tried to allocate 512.00 MiB. GPU 0 has a total capacity of 23.69 GiB of which "
    "212.31 MiB is free."
)
ERRORS: dict[Kind, str] = {
    "memory": OUT_OF_MEMORY,
    "assert": "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported "
    "at some other API call, so the stacktrace below might be incorrect.",
    "lost": "Unable to determine the device handle for GPU0000:01:00.0: GPU is lost. Reboot the system to "
    "recover this GPU",
}
"""what PyTorch and NVIDIA's tools say"""


class Fault(PluginOptions):
    """One thing that goes wrong: `at` an index, or wherever certain words are spoken."""

    at: NonNegativeInt | Literal["load"] | None = Field(
        None, description="index of the chunk in its stream that goes wrong, or `load`"
    )
    text: str | None = Field(
        None,
        min_length=1,
        description="words: every chunk, or part of one, that contains them goes wrong (instead of `at`)",
    )
    kind: Kind = Field(
        description="fail: an error that may pass; refuse: an error that will not; "
        "die: the worker is killed (SIGKILL); hang: the worker never answers again; "
        "stop: the worker's process is stopped (SIGSTOP); memory: CUDA out of memory; "
        "assert: a device-side assert of CUDA, after which every chunk of the worker fails; "
        "lost: the GPU is lost, the same; leak: the worker grows by 256 MB; slow: 20 times the work; "
        "nan, silent, clipped: so is the sound; rate: twice the sample rate; shape: samples of shape (2, n); "
        "empty: no audio; short: a tenth of the audio; long: 6 times the audio; "
        "cap: flagged as cut off by the model's cap"
    )
    after: NonNegativeInt = Field(0, description="pieces of the chunk that come out as they should before it")
    times: PositiveInt | None = Field(
        None, description="how often in the whole run; unset is every time. Needs `state_dir`"
    )
    takes: PositiveInt | None = Field(
        None, description="seeds of a chunk for which it happens, the first ones; unset is all of them"
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.at is None) == (self.text is None):
            raise ValueError("say where: either `at` or `text`")
        if self.at == "load" and (self.kind not in AT_LOAD or self.after or self.takes):
            raise ValueError(f"at load there are no chunks; these kinds can happen: {', '.join(AT_LOAD)}")
        if self.after and self.kind in OF_THE_WHOLE:
            raise ValueError(f"a fault of kind {self.kind} is one of the whole chunk: leave `after` out")
        return self

    def concerns(self, job: ChunkJob) -> bool:
        """Whether it is to happen in this job."""
        here = job.index == self.at if self.text is None else self.text in job.text
        return here and (self.takes is None or job.take < self.takes)

    def strikes(self, state_dir: Path | None) -> bool:
        """Whether the fault happens this time.

        Each time is one marker file, made by exactly one process: counting holds across workers that
        die, and between workers that run side by side.
        """
        if self.times is None:
            return True
        assert state_dir is not None
        state_dir.mkdir(parents=True, exist_ok=True)
        place = (
            self.at if self.text is None else hashlib.blake2b(self.text.encode(), digest_size=8).hexdigest()
        )
        for time_number in range(self.times):
            marker = f"{self.kind}-{place}-after-{self.after}-{time_number}"
            try:
                (state_dir / marker).touch(exist_ok=False)
            except FileExistsError:
                continue
            return True
        return False

    def carry_out(self, refusal: type[Exception], why: str) -> Exception | None:
        """The error of a fault that a worker survives, None where it goes on; the others do not return.

        A refusal is an error of the class `refusal` that says `why`.
        """
        match self.kind:
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
                _hang()
            case "hang":
                _hang()
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
                return None
            case "refuse":
                return refusal(why)
        return RuntimeError(ERRORS.get(self.kind, why))


def _hang() -> NoReturn:
    while True:
        time.sleep(3600.0)
