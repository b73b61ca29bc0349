"""The chunks that a worker speaks at a time: each has a row in the decoder's batch, and a vocoder state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from ttsflow import AudioPiece, ChunkJob, Step
from ttsflow_plugins.xtts.conditioning import Latents
from ttsflow_plugins.xtts.decoder import Decoder, Row
from ttsflow_plugins.xtts.vocoder import Utterance, Vocoder

CODES_AT_ONCE = 4
"""how many codes go to the vocoder together; single codes would cost more time than they gain"""


@dataclass(slots=True)
class _Slot:
    row: Row
    utterance: Utterance
    speed: float


class Slots:
    """Speaks any number of jobs at a time; each sounds as it would alone.

    A job ends by itself or with `cancel`; both free its memory. For a job that reaches the model's audio
    cap, `at_cap` returns the flag, given the speed of the job. The speed of a job is multiplied by `speed`.
    """

    def __init__(
        self,
        decoder: Decoder,
        vocoder: Vocoder,
        at_cap: Callable[[float], str],
        speed: float,
    ) -> None:
        self._decoder, self._vocoder, self._at_cap = decoder, vocoder, at_cap
        self._speed = speed
        self._running: dict[ChunkJob, _Slot] = {}

    @torch.inference_mode()
    def start(self, job: ChunkJob, tokens: Sequence[int], voice: Latents) -> None:
        """Take in a job, with its text as token ids."""
        speed = self._speed * job.speed
        utterance = self._vocoder.utterance(voice.speaker, speed)
        # This comes last: if something failed after `join`, the row would still be decoded.
        row = self._decoder.join(tokens, voice.gpt, job.seed)
        self._running[job] = _Slot(row, utterance, speed)

    def cancel(self, job: ChunkJob) -> None:
        """Drop a job, if it runs."""
        slot = self._running.pop(job, None)
        if slot is not None:
            self._decoder.leave(slot.row)

    def forget(self) -> None:
        """Free what the decoder has kept of voices."""
        self._decoder.forget()

    @torch.inference_mode()
    def step(self) -> list[Step]:
        """Decode the next audio code of every job, and vocode the codes that are ready.

        An error in vocoding one job is returned as a step of that job. An exception ends all jobs.
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
            except Exception as error:  # any error in one chunk; the other chunks continue
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
