"""/v1/jobs: texts and books that are spoken in the background, and fetched when they are done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import PurePath
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, StreamingResponse

from ttsflow.server.encoding import MEDIA_TYPES
from ttsflow.server.errors import Refused, described
from ttsflow.server.jobs.intake import UPLOADED, take_on
from ttsflow.server.jobs.job import Job
from ttsflow.server.jobs.jobs import Jobs
from ttsflow.server.jobs.schema import JobBody
from ttsflow.server.lifecycle import Lifecycle
from ttsflow.server.service import Service

MEDIA = {**MEDIA_TYPES, "m4b": "audio/mp4", "m4a": "audio/mp4"}

_BODY = {
    "application/json": {"schema": JobBody.model_json_schema()},
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
}

_ERRORS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INSUFFICIENT_STORAGE,
)
_NOT_FOUND = described(HTTPStatus.NOT_FOUND)
_NO_AUDIO = described(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)

EVERY_S, ALIVE_S = 0.2, 15.0
"""seconds between two events of a job: at least, and at most"""


def jobs_router(service: Service) -> APIRouter:
    """The endpoints. Each client sees its own jobs alone."""
    router = APIRouter()

    def own(request: Request) -> tuple[Jobs, str]:
        owner = service.clients.owner(request)
        if service.jobs is None:
            why = "this server takes no jobs: server.jobs_dir in its configuration says where they are kept"
            raise Refused(HTTPStatus.NOT_FOUND, why, code="jobs_are_off")
        return service.jobs, owner

    def asked(request: Request, id: str) -> tuple[Jobs, Job]:
        jobs, owner = own(request)
        return jobs, jobs.get(owner, id)

    @router.post(
        "/v1/jobs",
        status_code=HTTPStatus.ACCEPTED,
        responses=described(*_ERRORS),
        openapi_extra={"requestBody": {"required": True, "content": _BODY}, "parameters": UPLOADED},
    )
    async def create(request: Request) -> JSONResponse:
        """Take on a text, or a book that is the body of the request, to be spoken in the background."""
        jobs, owner = own(request)
        service.lifecycle.check()
        with _room():
            job = await take_on(service, jobs, owner, request)
        return JSONResponse(job.describe(), HTTPStatus.ACCEPTED, {"Location": f"/v1/jobs/{job.id}"})

    @router.get("/v1/jobs", responses=_NOT_FOUND)
    async def listed(request: Request) -> dict[str, Any]:
        """The jobs of the client that asks."""
        jobs, owner = own(request)
        return {"object": "list", "data": [job.describe() for job in jobs.of(owner)]}

    @router.get("/v1/jobs/{id}", responses=_NOT_FOUND)
    async def one(request: Request, id: str) -> dict[str, Any]:
        """How far a job is."""
        return asked(request, id)[1].describe()

    @router.delete("/v1/jobs/{id}", responses=_NOT_FOUND)
    async def remove(request: Request, id: str) -> dict[str, Any]:
        """Stop a job, and remove all that is kept of it."""
        jobs, job = asked(request, id)
        await jobs.remove(job)
        return {"id": job.id, "object": "job", "status": job.status, "deleted": True}

    @router.get("/v1/jobs/{id}/events", response_class=StreamingResponse, responses=_NOT_FOUND)
    async def events(request: Request, id: str) -> StreamingResponse:
        """How far a job is, as server-sent events, until it ends."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(
            _events(*asked(request, id), service.lifecycle), 200, headers, "text/event-stream"
        )

    @router.head("/v1/jobs/{id}/audio", include_in_schema=False)
    @router.get("/v1/jobs/{id}/audio", response_class=FileResponse, responses=_NO_AUDIO)
    async def audio(request: Request, id: str) -> FileResponse:
        """The audio of a job that is done, or a range of its bytes."""
        jobs, job = asked(request, id)
        if job.status not in ("done", "failed") or not job.audio.exists():
            why = f"the audio is not there: the job is {job.status}; GET /v1/jobs/{id} tells how far it is"
            raise Refused(HTTPStatus.CONFLICT, why, code="job_not_done")
        name = (job.order.name or PurePath(job.order.title).stem) + job.audio.suffix
        return jobs.downloads.send(job.audio, MEDIA[job.order.format], name)

    return router


async def _events(jobs: Jobs, job: Job, lifecycle: Lifecycle) -> AsyncIterator[bytes]:
    """A job as it is now, and again when it has changed; also when it has not, so that no proxy gives up.

    Where the server ends before the job, an error is the last one.
    """
    while True:
        changed = job.changed
        yield _event(job.describe())
        if job.has_ended:
            return
        if jobs.stopped:
            why = f"{lifecycle.problem}; the job is no further than that: ask again when the server can speak"
            refusal = Refused(HTTPStatus.SERVICE_UNAVAILABLE, why, code="not_ready")
            yield _event(refusal.content())
            return
        await asyncio.sleep(EVERY_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(ALIVE_S):
                await changed.wait()


def _event(data: dict[str, Any]) -> bytes:
    return b"data: %s\n\n" % json.dumps(data).encode("ascii")


@contextmanager
def _room() -> Iterator[None]:
    """Have a disk that takes nothing more told to the client."""
    try:
        yield
    except OSError as error:
        why = f"the server cannot keep the job: {error.strerror or error}; nothing was taken on"
        raise Refused(HTTPStatus.INSUFFICIENT_STORAGE, why, code="not_kept") from error
