"""The faults that the backend `sim` makes on request."""

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
"""factor by which a fault changes the length of a chunk's audio"""
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
"""the messages of PyTorch and of NVIDIA's tools"""


class Fault(PluginOptions):
    """One fault. It happens `at` the chunk of an index, or in every chunk that contains `text`."""

    at: NonNegativeInt | Literal["load"] | None = Field(
        None, description="index of the chunk in its stream where the fault happens, or `load`"
    )
    text: str | None = Field(
        None,
        min_length=1,
        description="words: the fault happens in every chunk or part that contains them (instead of `at`)",
    )
    kind: Kind = Field(
        description="fail: an error that is worth another try; refuse: JobRefused, which is not; "
        "die: the worker is killed (SIGKILL); hang: the worker never answers again; "
        "stop: the worker's process is stopped (SIGSTOP); memory: CUDA out of memory; "
        "assert: a device-side assert of CUDA, after which every chunk of the worker fails; "
        "lost: the GPU is lost, after which every chunk of the worker fails; "
        "leak: the worker's memory grows by 256 MB; slow: 20 times the work; "
        "nan: a sample is NaN; silent: all samples are 0; clipped: all samples are at full scale; "
        "rate: twice the sample rate; shape: samples of shape (2, n); "
        "empty: no audio; short: a tenth of the audio; long: 6 times the audio; "
        "cap: flagged as cut off by the model's cap"
    )
    after: NonNegativeInt = Field(0, description="number of correct pieces of the chunk before the fault")
    times: PositiveInt | None = Field(
        None, description="how often it happens in the whole run; unset: every time. Needs `state_dir`"
    )
    takes: PositiveInt | None = Field(
        None, description="it happens for the first so many seeds of a chunk; unset: for all of them"
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.at is None) == (self.text is None):
            raise ValueError("set either `at` or `text`")
        if self.at == "load" and (self.kind not in AT_LOAD or self.after or self.takes):
            raise ValueError(
                f"at load there are no chunks: leave `after` and `takes` out, and set `kind` to one of "
                f"{', '.join(AT_LOAD)}"
            )
        if self.after and self.kind in OF_THE_WHOLE:
            raise ValueError(f"a fault of kind {self.kind} concerns the whole chunk: leave `after` out")
        return self

    def concerns(self, job: ChunkJob) -> bool:
        """Whether the fault is meant for this job."""
        here = job.index == self.at if self.text is None else self.text in job.text
        return here and (self.takes is None or job.take < self.takes)

    def strikes(self, state_dir: Path | None) -> bool:
        """Whether the fault happens this time.

        Each time is one marker file, and exactly one process can create it. So the count stays right
        when workers die and when several workers run at the same time.
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
        """Make the fault happen, and return the error to report, or None if the job goes on.

        Does not return for faults that end the worker (die, hang). `refusal` is the error class for the
        kind "refuse"; `why` is its message.
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
