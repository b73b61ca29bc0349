"""The application, made of its parts: a part is a module with a router, which is handed what it needs."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from ttsflow.errors import TtsflowError
from ttsflow.server.activity import activity_router
from ttsflow.server.catalogue import catalogue_router
from ttsflow.server.dialogue import dialogue_router
from ttsflow.server.errors import answer_bug, answer_error, answer_refusal
from ttsflow.server.exposition import metrics_router
from ttsflow.server.jobs.router import jobs_router
from ttsflow.server.naming import HEADER, Naming
from ttsflow.server.origins import OriginGuard
from ttsflow.server.page import page_router
from ttsflow.server.pages import docs_router
from ttsflow.server.service import Service
from ttsflow.server.speech import speech_router
from ttsflow.server.state import state_router
from ttsflow.version import __version__


def make_app(service: Service, *, local: bool) -> FastAPI:
    """The application of a service, which only this machine can reach where it is `local`.

    Its health, its description and its page need no API key.
    """
    app = FastAPI(title="ttsflow", version=__version__, docs_url=None, redoc_url=None)
    guarded = [Depends(service.clients.name)]
    # these have to know their client themselves
    app.include_router(speech_router(service))
    app.include_router(dialogue_router(service))
    app.include_router(jobs_router(service))
    app.include_router(activity_router(service))
    app.include_router(catalogue_router(service), dependencies=guarded)
    app.include_router(metrics_router(service), dependencies=guarded)
    app.include_router(state_router(service))
    app.include_router(docs_router(app))
    app.include_router(page_router())
    app.add_exception_handler(HTTPException, answer_refusal)
    app.add_exception_handler(TtsflowError, answer_error)
    app.add_exception_handler(Exception, answer_bug)
    if service.config.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=service.config.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=[HEADER, "X-Ttsflow-Ignored", "Retry-After", "Location"],
        )
    app.add_middleware(
        OriginGuard, allowed=service.config.cors_origins, local=local and not service.clients.keys
    )
    app.add_middleware(Naming)
    return app
