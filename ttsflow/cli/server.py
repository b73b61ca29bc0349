"""What `ttsflow serve` does, once its arguments are understood."""

from __future__ import annotations

import asyncio

import click

from ttsflow.cli.flags import in_flags
from ttsflow.cli.options import Sources
from ttsflow.cli.runs import set_up
from ttsflow.config import Settings
from ttsflow.server.service import Service
from ttsflow.server.serving import listen, serve


def run_server(settings: Settings, sources: Sources) -> int:
    """Serve until a signal comes; the exit code."""
    section = settings.config.server
    with listen(section.host, section.port) as listener:
        setup = set_up(settings, sources, fallback_allowed=True, listening=True)
        if setup.backend.fallback is not None:
            _tell(f"notice: {in_flags(setup.backend.fallback)}")
        service = Service.of(setup)
        try:
            return 0 if asyncio.run(serve(service, listener, _tell)) else 1
        finally:
            service.engine.engine.close(now=True)


def _tell(text: str) -> None:
    click.echo(f"ttsflow: {text}", err=True)
