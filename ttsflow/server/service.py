"""What every part of the server has at hand."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ttsflow.config.model import ServerSection
from ttsflow.errors import ConfigError, UnknownNameError, UsageError
from ttsflow.interface.backend import Voice, VoiceRequest
from ttsflow.registry import check_request, check_voice, voices
from ttsflow.server.admission import Admission
from ttsflow.server.capacity import Capacity
from ttsflow.server.clients import Clients
from ttsflow.server.eventlog import EventLog
from ttsflow.server.fleet import Fleet
from ttsflow.server.jobs.jobs import Jobs
from ttsflow.server.jobs.outcomes import Outcomes
from ttsflow.server.jobs.shelf import Shelf
from ttsflow.server.lifecycle import Lifecycle
from ttsflow.server.metrics import Metrics
from ttsflow.session.asynchronous import AsyncEngine
from ttsflow.session.engine import Engine
from ttsflow.session.setup import Setup


@dataclass(frozen=True, slots=True)
class Service:
    """The engine that speaks, by its setup; who may ask it, and for how much; what it is at; its voices, and
    the names of those that it cannot speak with here; background jobs, where they are wanted."""

    setup: Setup
    engine: AsyncEngine
    fleet: Fleet
    metrics: Metrics
    clients: Clients
    admission: Admission
    lifecycle: Lifecycle
    voices: Sequence[Voice]
    unusable: frozenset[str]
    jobs: Jobs | None

    @classmethod
    def of(cls, setup: Setup) -> Service:
        """The service of a setup; its workers begin to load. Raises UsageErrors."""
        config, backend = setup.config.server, setup.backend
        clients = Clients.of(config.api_keys_file)
        offered = voices(backend.plugin, backend.options)
        usable = [voice for voice in offered if _is_usable(setup, voice)]
        unusable = frozenset(voice.name for voice in offered) - {voice.name for voice in usable}
        for name, voice in config.voices.items():
            _check_voice(setup, name, voice)
        shelf = None if config.jobs_dir is None else Shelf(config.jobs_dir)
        fleet, metrics, outcomes = Fleet(), Metrics(), Outcomes()
        capacity = Capacity(setup, fleet)
        engine = Engine.of(setup, (fleet, capacity, metrics, outcomes, EventLog()))
        admission, lifecycle = Admission(config, capacity), Lifecycle(engine, fleet)
        jobs = None if shelf is None else Jobs(shelf, engine, outcomes, config)
        return cls(
            setup, AsyncEngine.of(engine), fleet, metrics, clients, admission, lifecycle, usable, unusable,
            jobs,
        )  # fmt: skip

    @property
    def config(self) -> ServerSection:
        """The section `server` of the configuration."""
        return self.setup.config.server

    @property
    def models(self) -> list[str]:
        """The names of models that can be asked for; the first is the backend's."""
        return list(dict.fromkeys((self.setup.backend.plugin.name, *self.config.models)))


def _is_usable(setup: Setup, voice: Voice) -> bool:
    """Whether the backend can speak with a voice here, in some language: its file may not be there."""
    backend = setup.backend
    for language in voice.languages or setup.profile.languages or ("en",):
        with suppress(UsageError):
            check_request(backend.plugin, VoiceRequest(language, voice.name), backend.options)
            return True
    return False


def _check_voice(setup: Setup, name: str, voice: str) -> None:
    """Raise ConfigError for another name of a voice that the backend does not have."""
    backend = setup.backend
    try:
        check_voice(backend.plugin, voice, backend.options)
    except UnknownNameError as error:
        raise ConfigError(f"server.voices.{name}: {error}") from error
