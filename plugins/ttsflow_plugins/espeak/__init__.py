"""The backend `espeak`: eSpeak NG, a small and fast engine for over a hundred languages.

There is no model to download. eSpeak NG is under the GPL, version 3 or later, and is not part of
ttsflow: the extra `ttsflow[espeak]` installs it, and only worker processes load it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from pydantic import Field

from ttsflow import (
    AudioPiece,
    Backend,
    BackendUnavailable,
    ChunkJob,
    Device,
    JobRefused,
    PluginOptions,
    Profile,
    UnknownNameError,
    Voice,
    hookimpl,
    install_command,
    pip_command,
)
from ttsflow_plugins.espeak.library import SAMPLE_RATE, Library, Parameter
from ttsflow_plugins.espeak.texts import written
from ttsflow_plugins.espeak.voices import Catalogue, read_catalogue

REPAIR = ("install", "--force-reinstall", "espeakng-loader")

USUAL_RATE = 175  # words per minute
LOWEST_RATE, HIGHEST_RATE = 80, 450  # words per minute, the limits of eSpeak NG
# Prose at the usual rate: English measured over 240 sentences, the others over two each.
CHARS_PER_S = {
    "en": 18.0, "de": 18.7, "fr": 23.8, "es": 19.0, "it": 18.3, "pl": 15.8, "ru": 19.9, "tr": 15.0,
    "fi": 15.5,
}  # fmt: skip


class Espeak(Backend):
    """eSpeak NG: robotic, quick and clear; 138 voices, no model to download, no GPU."""

    name = "espeak"

    class Options(PluginOptions):
        """How the voice speaks. Values and ranges are those of eSpeak NG."""

        rate: int = Field(USUAL_RATE, ge=LOWEST_RATE, le=HIGHEST_RATE, description="words per minute")
        pitch: int = Field(50, ge=0, le=99, description="0 is low, 99 is high")
        pitch_range: int = Field(50, ge=0, le=100, description="0 is monotone, 50 is usual")
        volume: int = Field(100, ge=1, le=200, description="100 is usual; above 100, speech may distort")
        word_gap: int = Field(0, ge=0, le=100, description="pause between words, in 10 ms at the usual rate")

    options: Options

    @classmethod
    def missing(cls) -> str | None:
        return None if find_spec("espeakng_loader") else install_command("espeak")

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        assert isinstance(options, cls.Options)
        return Profile(
            backend=cls.name,
            sample_rate=SAMPLE_RATE,
            languages=tuple(_catalogue().by_language),
            max_chars={"*": 400},
            memory_bytes=25_000_000,
            min_chars=0,
            rtf=0.002,
            chars_per_s={
                language: rate * options.rate / USUAL_RATE for language, rate in CHARS_PER_S.items()
            },
            deterministic=True,
            seeds=False,
            speeds=(
                math.ceil(100 * LOWEST_RATE / options.rate) / 100,
                math.floor(100 * HIGHEST_RATE / options.rate) / 100,
            ),
        )

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        """All options, and the version of the wheel, which contains the library and its data."""
        heard = [cls.name, version("espeakng-loader"), options.model_dump(mode="json")]
        return json.dumps(heard, sort_keys=True)

    @classmethod
    def voices(cls, options: PluginOptions) -> Sequence[Voice]:
        """All voices, then all variants. A variant changes how a voice sounds, in any language."""
        catalogue = _catalogue()
        return catalogue.voices + catalogue.variants

    @classmethod
    def check_voice(cls, voice: str, options: PluginOptions) -> None:
        """Check a voice ("en-gb"), a variant ("f3"), or a voice with a variant ("en-gb+f3").

        Raises UnknownNameError where the voice or the variant does not exist.
        """
        name, plus, variant = voice.partition("+")
        if not plus:
            return super().check_voice(voice, options)
        catalogue = _catalogue()
        variants = [offered.name for offered in catalogue.variants]
        for kind, part, known in (("voice", name, catalogue.files), ("variant", variant, variants)):
            if part not in known:
                hint = f"They are listed by: ttsflow voices --backend {cls.name}"
                raise UnknownNameError(kind, part, known, hint)
        return None

    def load(self, device: Device, slots: int) -> None:
        """Load the library once to check that it works. Raises BackendUnavailable if it does not."""
        file, data = _files()
        self._catalogue = _catalogue()
        self._parameters = {
            parameter: getattr(self.options, parameter.name.lower()) for parameter in Parameter
        }
        try:
            self._library = Library(file, data)
        except OSError as error:
            raise BackendUnavailable(
                f"eSpeak NG is installed but cannot be loaded: {error}. It needs Linux with glibc 2.29 "
                f"or later, or macOS. To install it again: {pip_command(*REPAIR)}"
            ) from error

    def synthesize(self, job: ChunkJob) -> Iterator[AudioPiece]:
        import numpy as np

        voice = self._catalogue.find(job.voice, job.language)
        if voice is None:
            raise JobRefused(f"eSpeak NG has no voice {job.voice!r} for language {job.language!r}")
        parameters = self._parameters | {Parameter.RATE: round(self.options.rate * job.speed)}
        pcm = self._library.speak(written(job.text, job.language), voice, job.seed, parameters)
        if pcm is None:
            raise JobRefused(f"eSpeak NG cannot use its voice {voice!r}")
        samples = np.frombuffer(pcm, dtype=np.int16)
        if not samples.any():
            raise JobRefused(f"eSpeak NG has no sound for {job.text!r} with voice {voice!r}")
        yield AudioPiece(samples.astype(np.float32) / 32768.0, SAMPLE_RATE)

    def close(self) -> None:
        self._library.close()


def _files() -> tuple[Path, Path]:
    """The paths of the library and of its data folder. Raises BackendUnavailable if one is missing."""
    try:
        import espeakng_loader

        return Path(espeakng_loader.get_library_path()), Path(espeakng_loader.get_data_path())
    except ImportError as error:
        raise BackendUnavailable(f"backend 'espeak' is not installed: {install_command('espeak')}") from error
    except RuntimeError as error:  # get_data_path raises it if there is no data folder
        raise BackendUnavailable(
            f"eSpeak NG is installed without its data ({error}): {pip_command(*REPAIR)}"
        ) from error


def _catalogue() -> Catalogue:
    _, data = _files()
    return read_catalogue(data)


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [Espeak]
