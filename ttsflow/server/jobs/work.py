"""What is spoken of one job: on a thread of its own, from its text to its file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from ttsflow.interface.jobs import Outcome
from ttsflow.server.jobs.job import Job
from ttsflow.server.jobs.outcomes import Outcomes
from ttsflow.server.jobs.record import MOST_FINDINGS, Progress
from ttsflow.session.engine import Engine
from ttsflow.session.own_thread import on_own_thread
from ttsflow.session.streams import Stoppable

GROUP, WEIGHT = "background jobs", 0.1
"""of all jobs together: a tenth of the share of one client that listens"""


class Work:
    """Speaks what a job lacks, and makes its file. `stop` may be called at any time."""

    def __init__(self, job: Job, engine: Engine, outcomes: Outcomes) -> None:
        self._job, self._engine, self._outcomes = job, engine, outcomes
        self._loop = asyncio.get_running_loop()
        self._stoppable = Stoppable()

    def stop(self) -> None:
        """Give up what is left to be spoken; whatever was finished is kept."""
        self._stoppable.stop()

    async def done(self) -> float:
        """Do it, and wait for its end; the length of the file in seconds, 0 where nothing can be heard.

        The job is told how far it is. Raises UsageErrors where the engine cannot speak it as it could when
        the job came; Drained when it was stopped, and the other RunErrors; OSError.
        """
        return await on_own_thread(self._speak, f"ttsflow {self._job.stream}")

    # ------------------------------------------------------------ on the thread

    def _speak(self) -> float:
        job, order, engine = self._job, self._job.order, self._engine
        reading = engine.setup.reading(engine.setup.config.text)
        request = engine.request(
            job.read(replace(reading, language=order.language or reading.language)),
            voice=order.voice,
            language=order.language,
            speed=order.speed,
            name=job.stream,
            weight=WEIGHT,
            group=GROUP,
        )
        with engine.recording(request, job.audio, format=order.format, overwrite=True) as recording:
            counts, doubts = recording.counts(), recording.store.doubts(MOST_FINDINGS)
            there = Progress.begun(counts.kept, counts.distinct, counts.audio_s, doubts)
            self._on_loop(partial(job.move, there))
            with self._outcomes.following(job.stream, self._count):
                if recording.is_complete or engine.complete(recording, request, self._stoppable.wait):
                    return recording.store.extent().length_s
            return 0.0

    def _count(self, outcome: Outcome) -> None:
        self._on_loop(lambda: self._job.move(self._job.progress.after(outcome)))

    def _on_loop(self, change: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody asks any more
            self._loop.call_soon_threadsafe(change)
