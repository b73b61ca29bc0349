"""Predicted costs of chunks, learnt from the costs of finished chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ttsflow.interface.jobs import ChunkJob
    from ttsflow.interface.profile import Profile


class Costs:
    """Predicts seconds of audio and of work for a job; starts from the profile, learns as jobs finish.

    For each language there are two exponentially weighted means: seconds of audio per character at the
    normal speed, and RTF (synthesis time / audio time).
    """

    WEIGHT = 0.1  # weight of each new observation: about the last ten chunks count

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._seconds_per_char: dict[str, float] = {}
        self._rtf: dict[str, float] = {}

    def audio(self, job: ChunkJob) -> float:
        """Predicted length of the job's audio, in seconds."""
        per_char = self._seconds_per_char.get(job.language)
        if per_char is None:
            per_char = 1.0 / self._profile.rate(job.language)
        return len(job.text) * per_char / job.speed

    def cost(self, job: ChunkJob) -> float:
        """Predicted seconds of work for the job, alone on its worker."""
        return self.audio(job) * self._rtf.get(job.language, self._profile.rtf)

    def slow(self, k: int) -> float:
        """s(k): how many times slower each job runs when k jobs run at once."""
        return self._profile.slow(k)

    def remaining(self, job: ChunkJob, started_s: float, now: float, k: int = 1) -> float:
        """Predicted seconds until a job that started at `started_s` is done, with k jobs at once."""
        return max(0.0, self.cost(job) * self.slow(k) - (now - started_s))

    def observe(self, job: ChunkJob, audio_s: float, work_s: float, k: int = 1) -> None:
        """Learn from a job that took `work_s` seconds, with k jobs at once, for `audio_s` s of audio."""
        if not job.text or audio_s <= 0.0 or work_s < 0.0:
            return
        self._learn(self._seconds_per_char, job.language, audio_s * job.speed / len(job.text))
        self._learn(self._rtf, job.language, work_s / self.slow(k) / audio_s)

    def overran(self, job: ChunkJob, work_s: float, k: int = 1) -> None:
        """Learn from a job that was stopped after `work_s` seconds, with k jobs at once: it takes longer."""
        audio_s = self.audio(job)
        if audio_s <= 0.0:
            return
        at_least = work_s / self.slow(k) / audio_s
        if at_least > self._rtf.setdefault(job.language, self._profile.rtf):
            self._learn(self._rtf, job.language, at_least)

    def _learn(self, means: dict[str, float], language: str, value: float) -> None:
        old = means.get(language)
        means[language] = value if old is None else old + self.WEIGHT * (value - old)
