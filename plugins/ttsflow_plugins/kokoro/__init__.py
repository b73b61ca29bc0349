"""The backend `kokoro`: Kokoro-82M through kokoro-onnx, for nine languages.

kokoro-onnx is under the MIT licence and the weights under Apache-2.0. phonemizer and eSpeak NG, which read
the text, are under the GPL: the extra `ttsflow[kokoro]` installs them, and only workers load them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, PositiveInt

from ttsflow import (
    AudioPiece,
    Backend,
    ChunkJob,
    Device,
    JobRefused,
    PluginOptions,
    Profile,
    UsageError,
    Voice,
    VoiceRequest,
    hookimpl,
    install_command,
)
from ttsflow_plugins.kokoro import files, voices
from ttsflow_plugins.kokoro.readers import check_language, phonemes
from ttsflow_plugins.kokoro.voices import Blend
from ttsflow_plugins.onnx import device_kinds, is_installed

SAMPLE_RATE = 24_000

REVISION = 1
"""of how texts are read here: another one is another sound"""

WORKING_BYTES = 330_000_000
"""of a worker, beside the weights; measured with the int8 model"""

SPEEDS = (0.5, 2.0)
"""by kokoro-onnx"""

PACKAGES = ("kokoro-onnx", "phonemizer", "espeakng-loader", "onnxruntime")


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


class Kokoro(Backend):
    """Kokoro-82M: natural voices for nine languages, on a CPU or a GPU; its two files are brought by you."""

    name = "kokoro"

    class Options(PluginOptions):
        """Where the files are, and how they are used."""

        model: Annotated[Path, AfterValidator(_absolute)] | None = Field(
            None, description="file of the model (.onnx); unset: found where programs keep it"
        )
        voices: Annotated[Path, AfterValidator(_absolute)] | None = Field(
            None, description="file of the voices (voices-v1.0.bin); unset: found where programs keep it"
        )
        accents: bool = Field(False, description="a voice may speak languages that are not its own")
        threads: PositiveInt = Field(1, description="CPU threads of a worker")

    options: Options

    @classmethod
    def missing(cls) -> str | None:
        there = all(map(find_spec, ("kokoro_onnx", "onnxruntime", "phonemizer")))
        return None if there else install_command("kokoro")

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        """Raises BackendUnavailable where a file is not there."""
        assert isinstance(options, cls.Options)
        found = files.find(options.model, options.voices)
        return Profile(
            backend=cls.name,
            sample_rate=SAMPLE_RATE,
            device_kinds=device_kinds(),
            languages=voices.ALL if options.accents else voices.spoken(found.names),
            max_chars={"*": 350, "ja": 150, "zh": 100},
            memory_bytes=found.model.stat().st_size + WORKING_BYTES,
            rtf=0.5,
            cores=options.threads,
            deterministic=device_kinds() == ("cpu",),
            reproducible_on=("cpu",),
            seeds=False,
            speeds=SPEEDS,
        )

    @classmethod
    def voices(cls, options: PluginOptions) -> Sequence[Voice]:
        assert isinstance(options, cls.Options)
        return [voices.described(name) for name in files.find(options.model, options.voices).names]

    @classmethod
    def check_voice(cls, voice: str, options: PluginOptions) -> None:
        """Check a voice, or a blend of several. Raises UnknownNameError, UsageError."""
        assert isinstance(options, cls.Options)
        Blend.of(voice, files.find(options.model, options.voices).names)

    @classmethod
    def check(cls, request: VoiceRequest, options: PluginOptions) -> None:
        """Refuse a voice of another language, and a language whose reader is not installed."""
        assert isinstance(options, cls.Options)
        cls._blend(request.voice, request.language, options)
        check_language(request.language)

    @classmethod
    def _blend(cls, voice: str | None, language: str, options: Options) -> Blend:
        """What speaks. Raises UsageError if it does not speak the language."""
        found = files.find(options.model, options.voices)
        chosen = voice or voices.default(found.names, language, accents=options.accents)
        if chosen is None:
            raise UsageError(f"no voice in {found.voices} speaks {language!r}")
        blend = Blend.of(chosen, found.names)
        if not (options.accents or blend.speaks(language)):
            raise UsageError(
                f"voice {chosen!r} does not speak {language!r}: choose one of those that `ttsflow voices "
                f"--language {language}` lists, or set backend.options.accents=true to hear its accent"
            )
        return blend

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        """The content of both files, and the versions of what reads the text and speaks it."""
        assert isinstance(options, cls.Options)
        versions = {name: version(name) for name in PACKAGES if is_installed(name)}
        digests = files.find(options.model, options.voices).digests
        return json.dumps([cls.name, REVISION, versions, digests], sort_keys=True)

    @classmethod
    def prepare(cls, options: PluginOptions, ask: Callable[[str], bool] | None) -> None:
        """Raises BackendUnavailable where a file is not there, or the voices are none."""
        cls.voices(options)

    def load(self, device: Device, slots: int) -> None:
        from ttsflow_plugins.kokoro.engine import Engine

        found = files.find(self.options.model, self.options.voices)
        self.progress(f"reading the weights ({found.model.stat().st_size / 1e6:.0f} MB)")
        self._engine = Engine(found, device.kind, self.options.threads)

    def synthesize(self, job: ChunkJob) -> Iterator[AudioPiece]:
        """Speak a job, a piece for each part that the model takes at once. Raises JobRefused."""
        blend = self._blend(job.voice, job.language, self.options)
        read = phonemes(job.text, job.language, blend.letter)
        silent = True
        for samples in self._engine.speak(read, blend, job.speed):
            silent = False
            yield AudioPiece(samples, SAMPLE_RATE)
        if silent:
            raise JobRefused(f"Kokoro has no sound for {job.text!r}")


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [Kokoro]
