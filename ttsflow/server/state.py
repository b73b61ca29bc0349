"""GET /health and /ready: whether the server lives, and whether it can speak now."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.responses import JSONResponse

from ttsflow.server.errors import Refused, described
from ttsflow.server.service import Service


def state_router(service: Service) -> APIRouter:
    """What supervisors and load balancers ask."""
    router = APIRouter()

    @router.head("/health", include_in_schema=False)
    @router.get("/health")
    async def health() -> dict[str, str]:
        """The server lives."""
        return {"status": "alive"}

    @router.head("/ready", include_in_schema=False)
    @router.get("/ready", response_model=dict[str, str], responses=described(HTTPStatus.SERVICE_UNAVAILABLE))
    async def ready() -> JSONResponse:
        """The server can speak; 503 where it cannot, with the reason."""
        try:
            service.lifecycle.check()
        except Refused as refusal:  # it is asked again and again: that is nothing for the log
            return JSONResponse(refusal.content(), refusal.status_code, refusal.headers)
        return JSONResponse({"status": "ready"})

    return router
