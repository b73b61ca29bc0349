"""GET /metrics: what happened, and what is so at this moment, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.responses import Response

from ttsflow.devices import nvml
from ttsflow.server.errors import described
from ttsflow.server.service import Service
from ttsflow.version import __version__

Family = GaugeMetricFamily | InfoMetricFamily


class Gauges(Collector):
    """The state of a service, read when it is asked for."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Family]:
        service, fleet = self._service, self._service.fleet
        info = service.setup.info()
        yield InfoMetricFamily(
            "ttsflow_build",
            "What speaks",
            {"version": __version__, "backend": info.backend, "policy": info.policy},
        )
        yield GaugeMetricFamily("ttsflow_open_requests", "Requests that are spoken", service.admission.open)
        yield GaugeMetricFamily(
            "ttsflow_waiting_requests", "Those of which nothing is heard yet", service.admission.waiting
        )
        slots, used = fleet.slots, fleet.used_slots
        yield _by("ttsflow_slots", "Slots of workers", used=used, free=max(0, slots - used))
        yield _by("ttsflow_workers", "Workers", ready=len(fleet.ready), loading=len(fleet.starting))
        if service.jobs is not None:
            yield _by("ttsflow_jobs", "Background jobs", **service.jobs.counts())
        if any(device.kind == "cuda" and device.host is None for device in service.setup.devices):
            yield _gpu_memory()


def _by(name: str, what: str, **values: float) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, f"{what}, by state", labels=["state"])
    for state, value in values.items():
        family.add_metric([state], value)
    return family


def _gpu_memory() -> GaugeMetricFamily:
    family = GaugeMetricFamily("ttsflow_gpu_memory_bytes", "Memory of GPUs", labels=["gpu", "state"])
    for number, gpu in enumerate(nvml.read().gpus):
        if gpu is not None and gpu.total_bytes is not None and gpu.free_bytes is not None:
            family.add_metric([str(number), "used"], gpu.total_bytes - gpu.free_bytes)
            family.add_metric([str(number), "free"], gpu.free_bytes)
    return family


def metrics_router(service: Service) -> APIRouter:
    """The endpoint."""
    router = APIRouter()
    registry = service.metrics.registry
    registry.register(Gauges(service))

    @router.get("/metrics", response_class=Response, responses=described())
    def metrics() -> Response:  # on a thread: a driver may take its time
        """Figures of requests and workers, as Prometheus reads them."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
