"""The jobs of all clients: whose turn it is, what is spoken of each, and what is kept."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from ttsflow.config.model import ServerSection
from ttsflow.errors import OutputError, RunError, SinkError, StoreError, TtsflowError
from ttsflow.server.errors import Refused, refusal_of
from ttsflow.server.jobs.downloads import Downloads
from ttsflow.server.jobs.job import Job
from ttsflow.server.jobs.outcomes import Outcomes
from ttsflow.server.jobs.record import Order
from ttsflow.server.jobs.shelf import Shelf
from ttsflow.server.jobs.work import Work
from ttsflow.session.engine import Engine

logger = logging.getLogger(__name__)

RETRY_S = 60
"""seconds after which a client may ask again that was told that too many jobs wait"""

NOT_KEPT = (
    "the server cannot write the audio, and its log says why; what is finished is kept, and the server goes "
    "on with it when it is started again"
)
"""what a client is told of a disk that is full: paths are for the log"""

PATIENCE_S = 5.0
"""seconds that the end of a server waits for files that are being made; nothing of them is lost"""


class Jobs:
    """Speaks jobs with an engine, `server.jobs_at_a_time` at a time. It is used on the event loop's thread.

    The next one is of the client for whom the fewest are spoken, and then were begun. Whoever comes without a
    job that is queued or spoken starts level with the others: with the least that was ended for any of them.
    """

    def __init__(self, shelf: Shelf, engine: Engine, outcomes: Outcomes, config: ServerSection) -> None:
        self._shelf, self._engine, self._outcomes, self._config = shelf, engine, outcomes, config
        self._jobs = {job.id: job for job in shelf.jobs()}
        self._numbers = itertools.count(max((job.order.number for job in self._jobs.values()), default=0) + 1)
        self._arriving: Counter[str] = Counter()  # owners of jobs whose text is on its way
        self._begun: Counter[str] = Counter()
        self._at_work: dict[Job, tuple[Work, asyncio.Task[None]]] = {}
        self._open = False
        self.downloads = Downloads()
        self.reading = asyncio.Semaphore(1)
        """whoever reads a text that has come: it takes memory, and time of the interpreter"""

    @property
    def stopped(self) -> bool:
        """Whether nothing is spoken any more, or not yet."""
        return not self._open

    def counts(self) -> dict[str, int]:
        """How many jobs there are of each status. Any thread may call it."""
        found = Counter(job.status for job in list(self._jobs.values()))
        return {status: found[status] for status in ("queued", "speaking", "done", "failed")}

    # ------------------------------------------------------------ what clients do

    @contextmanager
    def arriving(self, owner: str) -> Iterator[tuple[str, Path]]:
        """A client's next job is on its way: its id, and the folder for its text. Raises Refused (429)."""
        queued = [job.order.owner for job in self._jobs.values() if job.status == "queued"]
        waiting = Counter(queued) + self._arriving
        for count, limit in (
            (waiting[owner], "max_jobs_waiting_per_client"),
            (waiting.total(), "max_jobs_waiting"),
        ):
            if count >= getattr(self._config, limit):
                raise Refused(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    f"as many jobs wait already as may wait, {count} (server.{limit}); try again later",
                    code="rate_limit_exceeded",
                    headers={"Retry-After": str(RETRY_S)},
                )
        self._arriving[owner] += 1
        try:
            with self._shelf.place() as place:
                yield place
        finally:
            self._arriving -= Counter([owner])  # who has none is forgotten

    async def add(self, order: Order, place: Path) -> Job:
        """Take on a job whose text is in the folder that `arriving` gave. Raises OSError."""
        order = order.model_copy(update={"number": next(self._numbers)})
        putting = asyncio.create_task(asyncio.to_thread(self._shelf.put, order, place))
        try:
            job = await asyncio.shield(putting)
        except asyncio.CancelledError:  # the thread goes on: its folder must not be removed under it
            await asyncio.wait([putting])
            if putting.exception() is None:  # nobody was told of it
                await asyncio.to_thread(self._shelf.remove, putting.result())
            raise
        self._level(order.owner)
        self._jobs[job.id] = job
        self._begin()
        return job

    def of(self, owner: str) -> list[Job]:
        """The jobs of a client, in the order in which they came."""
        return [job for job in self._jobs.values() if job.order.owner == owner]

    def get(self, owner: str, id: str) -> Job:
        """A job of a client. Raises Refused (404) where it has none of this id."""
        job = self._jobs.get(id)
        if job is None or job.order.owner != owner:
            raise Refused(
                HTTPStatus.NOT_FOUND, "there is no such job; GET /v1/jobs lists them", code="job_not_found"
            )
        return job

    async def remove(self, job: Job) -> None:
        """Remove a job; what is spoken of it is stopped."""
        await asyncio.to_thread(self._shelf.mark, job)
        self._jobs.pop(job.id, None)
        if not job.has_ended:
            job.tell("cancelled")
        if job in self._at_work:
            self._at_work[job][0].stop()  # its folder is removed when nobody writes there any more
        else:
            await asyncio.to_thread(self._shelf.remove, job)

    # ------------------------------------------------------------ what is spoken

    def start(self) -> None:
        """Begin to speak; jobs of before go on."""
        self._open = True
        self._begin()

    def stop(self) -> None:
        """Begin no other job, and stop what is spoken; finished chunks are kept."""
        self._open = False
        for work, _ in self._at_work.values():
            work.stop()
        for job in self._jobs.values():
            job.tell()

    async def ended(self) -> None:
        """Wait until nothing of any job is made any more, but not for ever."""
        if tasks := [task for _, task in self._at_work.values()]:
            await asyncio.wait(tasks, timeout=PATIENCE_S)

    def _level(self, owner: str) -> None:
        """A client brings a job: it has no claim on the time before. Clients without jobs are forgotten."""
        active = {job.order.owner for job in self._jobs.values() if not job.has_ended}
        self._begun = Counter({client: self._begun[client] for client in active})
        if owner not in active:
            at_work = Counter(job.order.owner for job in self._at_work)  # their turn is not over
            self._begun[owner] = min((had - at_work[one] for one, had in self._begun.items()), default=0)

    def _begin(self) -> None:
        """Begin the jobs whose turn it is."""
        while self._open and len(self._at_work) < self._config.jobs_at_a_time:
            queued = [job for job in self._jobs.values() if job.status == "queued"]
            if not queued:
                return
            at_work = Counter(job.order.owner for job in self._at_work)
            job = min(queued, key=lambda job: (at_work[job.order.owner], self._begun[job.order.owner]))
            self._begun[job.order.owner] += 1
            job.tell("speaking")
            work = Work(job, self._engine, self._outcomes)
            self._at_work[job] = work, asyncio.create_task(self._carry_through(job, work))

    async def _carry_through(self, job: Job, work: Work) -> None:
        try:
            length_s = await work.done()
            if self._is_wanted(job):
                await self._end(job, length_s)
        except Exception as error:  # also a bug's, which is one of this job, as far as one knows
            if self._is_wanted(job):
                self._broken_off(job, error)
        finally:
            del self._at_work[job]
            if not self._is_wanted(job):
                await asyncio.to_thread(self._shelf.remove, job)
            self._begin()
        await self._retire()

    async def _retire(self) -> None:
        """Remove jobs that have ended where they are too many: of the client who has most, the first."""
        if (most := self._config.max_jobs_kept) is None:
            return
        while len(ended := [job for job in self._jobs.values() if job.has_ended]) > most:
            kept = Counter(job.order.owner for job in ended)
            first = max(ended, key=lambda job: kept[job.order.owner])
            logger.info("%s is removed: server.max_jobs_kept is %d", first.stream, most)
            await self.remove(first)

    def _is_wanted(self, job: Job) -> bool:
        return job.id in self._jobs

    async def _end(self, job: Job, length_s: float) -> None:
        """A job has come to its end, which is written down."""
        job.progress = job.progress.model_copy(update={"audio_s": length_s})
        job.error = job.progress.lack
        job.tell("failed" if job.error else "done")
        logger.info("%s: %s", job.stream, job.status)
        try:
            await asyncio.to_thread(job.keep_ending)
        except OSError as error:  # the next server finds out by itself
            logger.warning("%s: that it has ended could not be written down: %s", job.stream, error)

    def _broken_off(self, job: Job, error: Exception) -> None:
        """An error, or the end of the server, has stopped a job; the next server goes on with it."""
        try:
            self._engine.check_usable()
        except RunError:
            self._open = False
        if not self._open:
            job.tell("queued")
            return
        match error:
            case OSError() | OutputError() | StoreError() | SinkError():
                job.error, why = NOT_KEPT, str(error)
            case TtsflowError():  # it may have words of the text
                job.error, why = str(error), refusal_of(error).reason
            case _:
                job.error, why = f"the server failed: {type(error).__name__}", type(error).__name__
        logger.error("%s: %s", job.stream, why)
        logger.debug("%s: %r", job.stream, error)
        job.tell("failed")
