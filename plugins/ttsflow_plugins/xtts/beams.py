"""Beam search: one chunk at a time, with upstream's `inference()`. There is no batched beam search here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ttsflow import AudioPiece, ChunkJob, Step
from ttsflow_plugins.xtts.conditioning import Latents
from ttsflow_plugins.xtts.options import XttsOptions


class Beams:
    """Speaks one job at a time, in one piece, with the sampling settings of the model's config.

    For a job that reaches the model's audio cap, `at_cap` returns the flag, given the speed of the job.
    """

    def __init__(self, model: Any, at_cap: Callable[[float], str], options: XttsOptions) -> None:
        self._model, self._at_cap = model, at_cap
        self._options = options
        self._job: tuple[ChunkJob, Latents] | None = None

    def start(self, job: ChunkJob, tokens: object, voice: Latents) -> None:
        """Take in a job. `tokens` is not used: upstream tokenizes the text itself."""
        self._job = job, voice

    def cancel(self, job: ChunkJob) -> None:
        """Drop the job, unless it is being spoken."""
        self._job = None

    def forget(self) -> None:
        """Nothing is kept between jobs."""

    def step(self) -> list[Step]:
        """Speak the job from beginning to end."""
        if self._job is None:
            return []
        (job, voice), self._job = self._job, None
        config, speed = self._model.config, self._options.speed * job.speed
        names = ("temperature", "length_penalty", "repetition_penalty", "top_k", "top_p")
        torch.manual_seed(job.seed)
        spoken = self._model.inference(
            job.text,
            job.language,
            voice.gpt,
            voice.speaker,
            **{name: getattr(config, name) for name in names},
            do_sample=self._options.do_sample,
            num_beams=self._options.num_beams,
            speed=speed,
        )
        # There is one latent per audio code, and `speed` stretches the latents. So above speed 1 a chunk that
        # ended one or two codes before the cap is flagged too.
        cap = int(self._model.gpt.max_gen_mel_tokens / speed)
        capped = spoken["gpt_latents"].shape[1] >= cap
        piece = AudioPiece(spoken["wav"], self._model.args.output_sample_rate)
        return [Step(job, piece=piece, done=True, flag=self._at_cap(speed) if capped else None)]
