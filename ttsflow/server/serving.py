"""Listening, and ending: the socket, the signals, and the time in which running requests are finished."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn

from ttsflow.errors import UsageError
from ttsflow.server.app import make_app
from ttsflow.server.connections import TimedProtocol, TimedSocketProtocol
from ttsflow.server.encoding import LiveEncoder
from ttsflow.server.origins import is_loopback
from ttsflow.server.service import Service

BACKLOG = 512
"""connections that may wait to be accepted"""

TELL_S = 1.0
"""seconds for clients to be told why what they hear is cut: one that does not read is not waited for"""

FLUSH_S = 5
"""seconds that connections may take to send what is left of answers that are complete"""

HARMLESS = ("without completing response", "Invalid UTF-8 sequence")
"""what uvicorn takes for errors, though clients cause it, or it is cut on purpose"""

MOST_FILES = 65_536
"""open files, and connections among them, where the system allows so many; the usual limit is 1,024"""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 is any that is free. Raises UsageError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        number = error.errno if isinstance(error, OSError) else None
        why = os.strerror(number) if number and number > 0 else error  # names that are unknown have others
        raise UsageError(
            f"cannot listen on {host}, port {port}: {why}; choose another with --host or --port"
        ) from error


def address_of(listener: socket.socket) -> str:
    """The URL of a socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """A server that leaves signals to others."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _make_server(service: Service, *, local: bool) -> _Server:
    config = service.config
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    return _Server(
        uvicorn.Config(
            make_app(service, local=local),
            http=partial(TimedProtocol, client_s=config.client_s),  # type: ignore[arg-type]  # it makes one
            ws=partial(TimedSocketProtocol, client_s=config.client_s),  # type: ignore[arg-type]  # as above
            ws_max_size=config.max_body_bytes,
            ws_per_message_deflate=False,  # audio gains nothing from it
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(config.trusted_proxies),
            backlog=BACKLOG,
            forwarded_allow_ips=list(config.trusted_proxies),
            timeout_graceful_shutdown=FLUSH_S,
        )
    )


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a message of uvicorn is worth a line: not what clients do wrong, nor an answer that was cut."""
    message = record.getMessage()
    return record.levelno >= logging.ERROR and not any(harmless in message for harmless in HARMLESS)


async def serve(service: Service, listener: socket.socket, tell: Callable[[str], object]) -> bool:
    """Answer requests until a signal comes; `tell` is called with what a person should read.

    SIGTERM and Ctrl-C let running requests and downloads be finished, for `server.drain_s`; a second signal
    does not. Returns whether all were finished. Raises the RunErrors where no worker can be loaded.
    """
    loop = asyncio.get_running_loop()
    signals: asyncio.Queue[int] = asyncio.Queue()
    for number in SIGNALS:
        loop.add_signal_handler(number, signals.put_nowait, number)
    local = is_loopback(listener.getsockname()[0])
    server = _make_server(service, local=local)
    _allow_files(MOST_FILES)
    answering = asyncio.create_task(server.serve([listener]))
    whole = False
    try:
        if await _load(service, signals):
            tell(f"serving at {address_of(listener)}, {_speaker(service)}")
            if not local and not service.clients.keys:
                tell("anybody who reaches this address may speak; server.api_keys_file lets only some")
            if service.jobs is not None:
                service.jobs.start()
            await _signalled(answering, signals)  # it does not end by itself, unless it fails
        whole = await _drain(service, signals, tell)
    finally:
        server.should_exit = whole  # else it would cut connections before their clients are told why
        try:
            await _close(service, signals, now=not whole)
            if service.jobs is not None:
                await service.jobs.ended()
            told = asyncio.create_task(service.admission.empty())
            await _signalled(told, signals, TELL_S)
            told.cancel()
        finally:
            server.should_exit = True
            server.force_exit = not whole
            await answering
    return whole


def _allow_files(most: int) -> None:
    """Raise this process's own limit of open files to what the system allows it."""
    limit, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
    if limit != resource.RLIM_INFINITY and limit < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, allowed))


async def _load(service: Service, signals: asyncio.Queue[int]) -> bool:
    """Wait for the workers; whether they are loaded, and no signal came before. Raises the RunErrors."""
    loading = asyncio.create_task(_make_ready(service))
    if await _signalled(loading, signals):
        loading.cancel()
        return False
    await loading
    service.lifecycle.loaded()
    return True


async def _make_ready(service: Service) -> None:
    """Wait for the workers; meanwhile load what encodes, so that no request waits for that."""
    encoder = await asyncio.to_thread(LiveEncoder, "mp3", service.setup.profile.sample_rate)
    encoder.drop()
    await service.engine.ready()


async def _drain(service: Service, signals: asyncio.Queue[int], tell: Callable[[str], object]) -> bool:
    """Wait until all requests are spoken and all files sent; whether they were, before the time was up or a
    signal came."""
    service.lifecycle.drain()
    if service.jobs is not None:
        service.jobs.stop()
    under_way = (("spoken", service.admission.open), ("sent", _files(service)))
    if told := " and ".join(f"{done} ({count})" for done, count in under_way if count):
        tell(f"finishing what is {told}; Ctrl-C again stops at once")
    finished = asyncio.create_task(_finished(service))
    await _signalled(finished, signals, service.config.drain_s)
    finished.cancel()
    return not service.admission.open and not _files(service)


async def _finished(service: Service) -> None:
    """Wait until no request is spoken, and no file is sent."""
    await service.admission.empty()
    if service.jobs is not None:
        await service.jobs.downloads.ended()


def _files(service: Service) -> int:
    """How many files of jobs are being sent."""
    return 0 if service.jobs is None else service.jobs.downloads.open


async def _close(service: Service, signals: asyncio.Queue[int], *, now: bool) -> None:
    """End the workers; another signal does not wait for them."""
    closing = asyncio.create_task(service.engine.close(now=now))
    if await _signalled(closing, signals):
        await service.engine.close(now=True)
    await closing


async def _signalled(
    task: asyncio.Task[Any], signals: asyncio.Queue[int], limit_s: float | None = None
) -> bool:
    """Wait until a task is done, or the time is up, or a signal comes: whether one did."""
    stopping = asyncio.create_task(signals.get())
    await asyncio.wait((task, stopping), timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    return not stopping.cancel()


def _speaker(service: Service) -> str:
    """Who speaks, in words."""
    info = service.setup.info()
    devices = ", ".join(device.id for device in service.setup.devices)
    return f"backend {info.backend}, policy {info.policy}, devices {devices}"
