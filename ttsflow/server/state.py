"""GET /health and /ready: whether the server lives, and whether it can speak now."""

from __future__ import annotations

from fastapi import APIRouter

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
    @router.get("/ready")
    async def ready() -> dict[str, str]:
        """The server can speak; 503 where it cannot, with the reason."""
        service.lifecycle.check()
        return {"status": "ready"}

    return router
