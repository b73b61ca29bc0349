"""The backend `openai`: speaks through servers of the OpenAI kind, each a device of its own.

Such a server answers `POST /v1/audio/speech`: OpenAI's own, Kokoro-FastAPI and others, and `ttsflow serve`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec

from ttsflow import (
    Backend,
    BackendUnavailable,
    ChunkJob,
    Device,
    PluginOptions,
    Profile,
    Step,
    Voice,
    hookimpl,
    install_command,
)
from ttsflow_plugins.openai.options import OpenAIOptions

SPEEDS = (0.25, 4.0)
"""by OpenAI's reference of the API"""

_HEARD = {"model", "voice", "rate", "language_field", "extra"}  # options that change the samples


class OpenAI(Backend):
    """Speaks through servers of the OpenAI kind: another ttsflow, Kokoro-FastAPI, OpenAI."""

    name = "openai"

    class Options(OpenAIOptions):
        """The servers, what is asked of them, and how long they may take."""

    options: Options

    @classmethod
    def missing(cls) -> str | None:
        return None if find_spec("httpx2") else install_command("openai")

    @classmethod
    def devices(cls, options: PluginOptions) -> Sequence[Device]:
        """The servers, named by their addresses."""
        assert isinstance(options, cls.Options)
        return [Device(f"remote:{number}", "remote", url) for number, url in enumerate(options.urls)]

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        """Nothing is known of the engine behind a server, so costs are guesses.

        What the user says of the slots is believed: so many at a time take no longer than one.
        """
        assert isinstance(options, cls.Options)
        return Profile(
            backend=cls.name,
            sample_rate=options.rate,
            device_kinds=("remote",),
            languages=options.languages,
            slots=options.slots,
            slowdown=(1.0,) * options.slots,
            max_chars={"*": options.max_chars},
            min_chars=options.min_chars,
            rtf=0.3,
            deterministic=options.deterministic,
            speeds=SPEEDS,
        )

    @classmethod
    def voices(cls, options: PluginOptions) -> Sequence[Voice]:
        assert isinstance(options, cls.Options)
        return [Voice(name) for name in options.voices]

    @classmethod
    def check_voice(cls, voice: str, options: PluginOptions) -> None:
        """Raise UnknownNameError for a voice that is not listed; without a list the server knows."""
        assert isinstance(options, cls.Options)
        if options.voices:
            super().check_voice(voice, options)

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        """What is asked of a server, not where it is: a book may go on at another address."""
        return json.dumps([cls.name, options.model_dump(mode="json", include=_HEARD)], sort_keys=True)

    @classmethod
    def prepare(cls, options: PluginOptions, ask: Callable[[str], bool] | None) -> None:
        """Raises BackendUnavailable where the key is not there."""
        assert isinstance(options, cls.Options)
        _key(options)

    def load(self, device: Device, slots: int) -> None:
        """Wait until the server answers. Raises BackendUnavailable where it does not, or refuses the key."""
        from ttsflow_plugins.openai.server import Server
        from ttsflow_plugins.openai.slots import Slots

        server = Server(device.name, self.options, _key(self.options), slots)
        self._slots = Slots(server, self.options.rate, self.progress)

    def start(self, job: ChunkJob) -> None:
        self._slots.start(job)

    def step(self) -> Iterable[Step]:
        return self._slots.step()

    def cancel(self, job: ChunkJob) -> None:
        self._slots.cancel(job)

    def close(self) -> None:
        self._slots.close()


def _key(options: OpenAIOptions) -> str | None:
    """The API key. Raises BackendUnavailable, in words that do not show it."""
    name = options.key_env
    if name is None:
        return None
    key = os.environ.get(name, "").strip()
    if not key:
        raise BackendUnavailable(
            f"backend 'openai' takes its key from the environment variable {name}, which is not set: "
            f"export {name}=..., or leave backend.options.key_env out for a server without keys"
        )
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise BackendUnavailable(
            f"the environment variable {name} holds no key: a key has no spaces, line ends or letters beyond "
            f"ASCII. Set it to the key alone"
        )
    return key


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [OpenAI]
