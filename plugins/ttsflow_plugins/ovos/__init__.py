"""The backend `ovos`: any TTS plugin of OpenVoiceOS that is installed.

Some thirty are in the package index (ovos-tts-plugin-...), for engines of all kinds, each with a licence of
its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from typing import Literal

from pydantic import Field, JsonValue, PositiveInt, field_validator

from ttsflow import (
    AudioPiece,
    Backend,
    ChunkJob,
    Device,
    JobRefused,
    PluginOptions,
    Profile,
    hookimpl,
    install_command,
)
from ttsflow_plugins.ovos import secrets
from ttsflow_plugins.ovos.plugins import chosen

_NOT_HEARD = {"languages", "max_chars", "min_chars", "device"}


class Ovos(Backend):
    """The TTS plugins of OpenVoiceOS: whichever is installed, some thirty engines."""

    name = "ovos"

    class Options(PluginOptions):
        """Which plugin, its own configuration, and what it gives."""

        plugin: str | None = Field(
            None, description="the plugin by its name, such as ovos-tts-plugin-piper; unset: the only one"
        )
        config: dict[str, JsonValue] = Field(
            default_factory=dict,
            description="the plugin's own settings, such as {voice: ..., lang: ...}; ${NAME} "
            "in a text stands for a variable of the environment, as secrets must be written",
        )
        rate: int = Field(
            22_050, ge=8_000, le=192_000, description="Hz; audio at another rate is converted to it"
        )
        languages: tuple[str, ...] | None = Field(
            None, description="language codes that it speaks; unset: any, which it may not"
        )
        max_chars: PositiveInt = Field(300, description="longest chunk, in characters")
        min_chars: int = Field(40, ge=0, description="a piece of fewer characters joins a neighbour")
        device: Literal["cpu", "cuda"] = Field(
            "cpu", description="what it computes on; with cuda, one runs on each GPU and sees that one alone"
        )

        @field_validator("config")
        @classmethod
        def _shows_no_secret(cls, config: dict[str, JsonValue]) -> dict[str, JsonValue]:
            if (name := secrets.in_clear(config)) is not None:
                raise ValueError(
                    f"has the value of {name!r} in clear, which reports and stores would show too: export it "
                    f"in a variable of the environment, and write {name}: ${{VARIABLE}}"
                )
            return config

    options: Options

    @classmethod
    def missing(cls) -> str | None:
        return None if find_spec("av") else install_command("ovos")

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        """Costs are guesses: nothing is known of the engine. Raises BackendUnavailable without a plugin."""
        assert isinstance(options, cls.Options)
        chosen(options.plugin)
        return Profile(
            backend=cls.name,
            sample_rate=options.rate,
            device_kinds=(options.device,),
            languages=options.languages,
            max_chars={"*": options.max_chars},
            min_chars=options.min_chars,
            rtf=0.3,
        )

    @classmethod
    def check_voice(cls, voice: str, options: PluginOptions) -> None:
        """Any name: the plugin alone knows its voices."""

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        """The plugin, its version, and its settings, in which a variable counts by its name."""
        assert isinstance(options, cls.Options)
        plugin = chosen(options.plugin)
        heard = options.model_dump(mode="json", exclude=_NOT_HEARD) | {"plugin": plugin.name}
        return json.dumps([cls.name, _version(plugin), heard], sort_keys=True)

    @classmethod
    def prepare(cls, options: PluginOptions, ask: Callable[[str], bool] | None) -> None:
        """Raises BackendUnavailable without a plugin, or without a variable that its settings name."""
        assert isinstance(options, cls.Options)
        chosen(options.plugin)
        secrets.check(options.config)

    def load(self, device: Device, slots: int) -> None:
        from ttsflow_plugins.ovos.engine import Engine

        plugin = chosen(self.options.plugin)
        self.progress(f"loading {plugin.name}")
        self._engine = Engine(plugin, self.options.config, self.options.rate)

    def synthesize(self, job: ChunkJob) -> Iterator[AudioPiece]:
        """Speak a job in one piece. Raises JobRefused, and whatever the plugin raises."""
        samples = self._engine.speak(job)
        if not samples.any():
            raise JobRefused(f"{chosen(self.options.plugin).name} has no sound for {job.text!r}")
        yield AudioPiece(samples, self.options.rate)


def _version(plugin: EntryPoint) -> str:
    return f"{plugin.dist.name} {plugin.dist.version}" if plugin.dist else plugin.value


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [Ovos]
