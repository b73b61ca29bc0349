"""The chunks that a worker speaks at a time: each has a row in the decoder's batch, and a vocoder state."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch

from ttsflow import AudioPiece, ChunkJob, Step
from ttsflow_plugins.xtts.conditioning import Latents
from ttsflow_plugins.xtts.decoder import Decoder, Row
from ttsflow_plugins.xtts.vocoder import Utterance, Vocoder
from ttsflow_plugins.xtts.workplace import Arrival, workplace

CODES_AT_ONCE = 4
"""how many codes go to the vocoder together; single codes would cost more time than they gain"""


@dataclass(slots=True)
class _Slot:
    row: Row
    utterance: Utterance
    speed: float
    coming: deque[Arrival] = field(default_factory=deque)
    """pieces that are not told yet"""

    @property
    def ended(self) -> bool:
        """Whether all codes are decoded."""
        return self.row.stopped or self.row.capped


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
        self._workplace = workplace(vocoder.device)
        self._running: dict[ChunkJob, _Slot] = {}

    @torch.inference_mode()
    def start(self, job: ChunkJob, tokens: Sequence[int], voice: Latents) -> None:
        """Take in a job, with its text as token ids."""
        speed = self._speed * job.speed
        speaker = voice.speaker.to(self._vocoder.device)  # not below, where it would wait for all sound
        with self._workplace.after(speaker):
            utterance = self._vocoder.utterance(speaker, speed)
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
        """Decode the next audio code of every job, vocode what is ready, and tell what has arrived.

        An error in vocoding one job is returned as a step of that job. An exception ends all jobs.
        """
        try:
            self._decoder.step()
            # Where nothing is left to decode, there is nothing to do but to wait for sound.
            wait = all(slot.ended for slot in self._running.values())
            return [
                step for job, slot in list(self._running.items()) for step in self._speak(job, slot, wait)
            ]
        except BaseException:
            for job in list(self._running):
                self.cancel(job)
            raise

    def _speak(self, job: ChunkJob, slot: _Slot, wait: bool) -> Iterator[Step]:
        try:
            self._vocode(slot)
            while slot.coming and (wait or slot.coming[0].arrived()):
                piece = AudioPiece(slot.coming.popleft().samples().numpy(), self._vocoder.sample_rate)
                if slot.ended and not slot.coming:
                    del self._running[job]
                    flag = self._at_cap(slot.speed) if slot.row.capped else None
                    yield Step(job, piece, done=True, flag=flag)
                else:
                    yield Step(job, piece)
        except Exception as error:  # any error in one chunk; the other chunks continue
            self.cancel(job)
            yield Step(job, error=error)

    def _vocode(self, slot: _Slot) -> None:
        """Begin the next piece, if there are enough codes for one."""
        latents = slot.row.latents
        if latents and (slot.ended or len(latents) >= CODES_AT_ONCE):
            stacked = torch.stack(latents)
            with self._workplace.after(stacked):
                samples = slot.utterance.push(stacked, last=slot.ended)
            latents.clear()
            if samples is not None:
                slot.coming.append(self._workplace.fetch(samples))
