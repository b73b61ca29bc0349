"""From a client's request to a job: its text is kept, read and checked before it is taken on."""

from __future__ import annotations

import asyncio
import codecs
import time
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request

from ttsflow.errors import InputError
from ttsflow.output import FORMATS
from ttsflow.server.body import kind_of
from ttsflow.server.checking import checked_request
from ttsflow.server.errors import Refused, blaming
from ttsflow.server.jobs.job import Job, read_kept
from ttsflow.server.jobs.jobs import Jobs
from ttsflow.server.jobs.record import Order
from ttsflow.server.jobs.schema import JobBody, JobSettings, UploadSettings
from ttsflow.server.jobs.upload import reader_of, receive, title_of
from ttsflow.server.schema import checked, read_body
from ttsflow.server.service import Service
from ttsflow.text import Document
from ttsflow.text.encodings import check_text
from ttsflow.text.languages import declared, nearest

UPLOADED = [
    {"in": "query", "name": name, "schema": schema}
    for name, schema in UploadSettings.model_json_schema()["properties"].items()
]
"""What the address may say of an upload, as OpenAPI has it."""


async def take_on(service: Service, jobs: Jobs, owner: str, request: Request) -> Job:
    """The job of a request. Raises UsageErrors and Refused for what cannot be spoken, and OSError."""
    with jobs.arriving(owner) as (id, place):
        try:
            settings, reader, title = await _receive(service, request, place / Job.TEXT)
        except ClientDisconnect as error:
            raise Refused(HTTPStatus.BAD_REQUEST, "the client left before all had come") from error
        config = service.setup.config
        reading = service.setup.reading(config.text)
        text_field = "input" if isinstance(settings, JobBody) else None
        with blaming(text_field, InputError) if text_field else nullcontext():
            async with jobs.reading:
                document = await asyncio.to_thread(
                    read_kept,
                    place / Job.TEXT,
                    reader,
                    title,
                    replace(reading, language=settings.language or reading.language),
                )
            language = settings.language or _language_of(document, service)
            settings = settings.model_copy(update={"language": language})
            asked = await checked_request(service, document, settings, f"job {id}", owner, text_field)
            manner = asked.manner
        format = settings.response_format or "mp3"
        with blaming("response_format"):
            FORMATS.named(format).check(config.output.encoding)
        order = Order(
            id=id,
            owner=owner,
            created_at=time.time(),
            title=title,
            reader=reader,
            format=format,
            name=settings.name,
            voice=None if settings.voice is None else manner.text.voice,
            language=language,
            speed=settings.speed,
            notices=tuple(filter(None, (manner.notice, *manner.cast.notices, *document.notices))),
        )
        return await jobs.add(order, place)


async def _receive(service: Service, request: Request, path: Path) -> tuple[JobSettings, str, str]:
    """Keep a request's text; how it is to be spoken, the name of its reader, and what messages call it."""
    config = service.config
    if kind_of(request) == "application/json" and "filename" not in request.query_params:
        body = await read_body(request, JobBody, config.max_body_bytes)
        with blaming("input"):
            check_text(body.input, "input")
        # With a byte order mark it is UTF-8 for sure, whatever the encoding of other texts is.
        await asyncio.to_thread(path.write_bytes, codecs.BOM_UTF8 + body.input.encode())
        return body, service.setup.config.text.format or "text", "input"
    settings = _settings_of(request.query_params)
    with blaming("filename"):
        reader, title = (
            reader_of(request, settings.filename, service.setup.readers),
            title_of(settings.filename or ""),
        )
    await receive(request, path, config.max_upload_bytes)
    return settings, reader, title


def _settings_of(query: Mapping[str, str]) -> UploadSettings:
    """What the query of an address says. Raises Refused."""
    said: dict[str, Any] = dict(query)
    with suppress(KeyError, ValueError):  # a wrong one is told below
        said["speed"] = float(said["speed"])
    return checked(said, UploadSettings, "the address", "the query", "invalid_query")


def _language_of(document: Document, service: Service) -> str | None:
    """The language that a document says it is in, if it is spoken; None for the usual one."""
    language, spoken = declared(document.details.language), service.setup.profile.languages
    return language if language and (spoken is None or nearest(language, spoken)) else None
