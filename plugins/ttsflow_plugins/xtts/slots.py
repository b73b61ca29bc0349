"""The chunks that a worker speaks at a time, each a row of the batch and an utterance of the vocoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from ttsflow import AudioPiece, ChunkJob, Step
from ttsflow_plugins.xtts.conditioning import Latents
from ttsflow_plugins.xtts.decoder import Decoder, Row
from ttsflow_plugins.xtts.sampling import Sampling
from ttsflow_plugins.xtts.vocoder import Utterance, Vocoder

CODES_AT_ONCE = 4
"""that are handed to the vocoder together; one by one they would cost more than they are worth"""


@dataclass(slots=True)
class _Slot:
    row: Row
    utterance: Utterance
    speed: float


class Slots:
    """Speaks any number of jobs side by side; each is the same as it would be alone.

    A job ends by itself or with `cancel`; either frees its memory. `at_cap` gives the flag of one that
    runs into the model's audio cap, by its speed. `speed` is that of a job that asks for none.
    """

    def __init__(
        self,
        decoder: Decoder,
        vocoder: Vocoder,
        at_cap: Callable[[float], str],
        sampling: Sampling,
        speed: float,
    ) -> None:
        self._decoder, self._vocoder, self._at_cap = decoder, vocoder, at_cap
        self._sampling, self._speed = sampling, speed
        self._running: dict[ChunkJob, _Slot] = {}

    @torch.inference_mode()
    def start(self, job: ChunkJob, tokens: Sequence[int], voice: Latents) -> None:
        """Take in a job, its text as token ids."""
        speed = self._speed * job.speed
        utterance = self._vocoder.utterance(voice.speaker, speed)
        # Last, for a row that has joined is decoded, whatever fails here afterwards.
        row = self._decoder.join(tokens, voice.gpt, self._sampling, job.seed)
        self._running[job] = _Slot(row, utterance, speed)

    def cancel(self, job: ChunkJob) -> None:
        """Drop a job, if it runs."""
        slot = self._running.pop(job, None)
        if slot is not None:
            self._decoder.leave(slot.row)

    @torch.inference_mode()
    def step(self) -> list[Step]:
        """One audio code more for every job, and what sound that makes.

        What goes wrong with the sound of one job is told of that job; what is raised ends them all.
        """
        try:
            self._decoder.step()
            return list(self._speak())
        except BaseException:
            for job in list(self._running):
                self.cancel(job)
            raise

    def _speak(self) -> Iterator[Step]:
        for job, slot in list(self._running.items()):
            row = slot.row
            ended = row.stopped or row.capped
            if not ended and len(row.latents) < CODES_AT_ONCE:
                continue
            try:
                samples = slot.utterance.push(torch.stack(row.latents), last=ended)
            except Exception as error:  # whatever keeps one chunk from being heard, the others are decoded
                self.cancel(job)
                yield Step(job, error=error)
                continue
            row.latents.clear()
            if ended:
                del self._running[job]
            if ended or samples is not None:
                yield Step(
                    job,
                    piece=None if samples is None else self._piece(samples),
                    done=ended,
                    flag=self._at_cap(slot.speed) if row.capped else None,
                )

    def _piece(self, samples: torch.Tensor) -> AudioPiece:
        return AudioPiece(samples.cpu().numpy(), self._vocoder.sample_rate)
