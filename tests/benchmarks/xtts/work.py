"""What the sides are given to do, and what they hand back."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from pathlib import Path

import click

from ttsflow import ChunkJob, Device

VOICE = "Ana Tiny"
LANGUAGE = "en"
WARM_UP, ALONE, ALL = "warm-up", "alone", "all"
"""streams: no text is spoken twice by one process"""

WORDS = """
    after again along always around because before behind between bright carried certain children
    corner country evening family father garden gentle hardly house island journey kitchen letter
    little looked matter moment morning mountain nothing old only people perhaps quiet remember river
    second silver slowly something station stood story summer table though thought toward under very
    village voice waited walked watched water while window winter without wonder world years yellow
"""


@dataclass(frozen=True, slots=True)
class Work:
    """The sizes of a run. `chunks` is for each measure; `threads` is of a process."""

    folder: Path
    codes: int
    chunks: int
    threads: int
    device: str

    @property
    def target(self) -> Device:
        return Device("cuda:0", "cuda") if self.device == "cuda" else Device("cpu", "cpu")

    @property
    def weights(self) -> int:
        """Weights of the transformer: matrices, biases and norms of its GPT-2 blocks, and the last norm."""
        args = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))["model_args"]
        wide = args["gpt_n_model_channels"]
        return int(args["gpt_layers"] * (12 * wide + 13) * wide + 2 * wide)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one side measured in one round. Seconds, unless a name says otherwise.

    `chunk_s` is the median chunk's, with all slots at work, `alone_s` with nothing beside it; `first_s`
    and `first_alone_s` are the same until the first piece, of the last chunk to have one. `step_s` is
    that of the decoder alone, with `rows` rows. `busy` is the share of its threads' time that the process
    had, of `wall_s`. `peak_mib` is without the loading. `gave_up`: whether
    it had to go on without CUDA graphs.
    """

    audio_s: float = 0.0
    wall_s: float = 0.0
    chunk_s: float | None = None
    alone_s: float | None = None
    first_s: float | None = None
    first_alone_s: float | None = None
    step_s: float | None = None
    rows: int = 1
    busy: float | None = None
    peak_mib: float = 0.0
    loading_mib: float = 0.0
    cuda_mib: float | None = None
    bytes_per_s: float | None = None
    gave_up: bool = False

    @property
    def audio_per_s(self) -> float:
        return self.audio_s / self.wall_s

    @property
    def codes_per_s(self) -> float | None:
        return None if self.step_s is None else self.rows / self.step_s


def jobs(stream: str, count: int, first: int = 0) -> list[ChunkJob]:
    """Chunks of 90 to 100 characters, all different, and the same ones in every run."""
    return [
        ChunkJob(stream, index, text(stream, index), LANGUAGE, seed=index)
        for index in range(first, first + count)
    ]


def text(stream: str, index: int) -> str:
    rng = random.Random(f"{stream} {index}")
    words = rng.sample(WORDS.split(), 13)
    while len(" ".join(words)) < 90:
        words.append(rng.choice(WORDS.split()))
    while len(" ".join(words)) > 99:
        words.pop()
    return " ".join(words).capitalize() + "."


def write_weights(folder: Path, codes: int, quick: bool) -> None:
    """A checkpoint whose chunks have exactly so many codes. Runs in a process of its own."""
    from ttsflow_plugins.xtts.tiny import PUBLISHED, TINY, write_checkpoint

    size = replace(TINY, stop=PUBLISHED.stop) if quick else PUBLISHED
    write_checkpoint(folder, replace(size, most_codes=codes))


def check_weights(folder: Path, codes: int, quick: bool) -> None:
    """Whether the checkpoint in a folder is the one that the run needs. Raises click.UsageError."""
    from ttsflow_plugins.xtts.tiny import PUBLISHED, TINY

    args = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_args"]
    there = args["gpt_layers"], args["gpt_max_audio_tokens"] - 3
    layers = (TINY if quick else PUBLISHED).layers
    if there != (layers, codes):
        raise click.UsageError(
            f"the checkpoint in {folder} has {there[0]} layers and {there[1]} codes to a chunk, "
            f"not {layers} and {codes}: give another --folder, or other --codes"
        )
