"""The backend `piper`: voices of Piper, small and quick, for some forty languages.

piper-tts is under the GPL, version 3 or later, and is not part of ttsflow: the extra `ttsflow[piper]`
installs it, and only worker processes load it. Each voice has a licence of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec

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
from ttsflow_plugins.onnx import device_kinds
from ttsflow_plugins.piper import files
from ttsflow_plugins.piper.files import PiperModel
from ttsflow_plugins.piper.options import PiperOptions

REVISION = 1
"""of how texts are written here: another one is another sound"""

WORKING_BYTES = 130_000_000
"""of a worker, beside the weights; measured with a voice of 63 MB"""

SPEEDS = (0.5, 2.0)

PACKAGES = ("piper-tts", "onnxruntime", "onnxruntime-gpu")

_NOT_HEARD = {"model", "threads"}


class Piper(Backend):
    """Piper: quick neural voices for some forty languages, on a CPU; a voice's files are brought by you."""

    name = "piper"

    class Options(PiperOptions):
        """Which voices, and how they speak."""

    options: Options

    @classmethod
    def missing(cls) -> str | None:
        return None if find_spec("piper") and find_spec("onnxruntime") else install_command("piper")

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        """Raises BackendUnavailable where a voice is not there, or is half."""
        assert isinstance(options, cls.Options)
        models = files.find(options.wanted)
        steady = options.reproducible or (options.noise_scale == 0 and options.noise_w_scale == 0)
        return Profile(
            backend=cls.name,
            sample_rate=models[0].rate,
            device_kinds=device_kinds(),
            languages=tuple(dict.fromkeys(code for model in models for code in model.languages)),
            max_chars={"*": 400},
            memory_bytes=WORKING_BYTES + sum(model.path.stat().st_size for model in models),
            rtf=0.1,
            cores=options.threads,
            deterministic=steady and device_kinds() == ("cpu",),
            reproducible_on=("cpu",) if steady else (),
            speeds=SPEEDS,
        )

    @classmethod
    def voices(cls, options: PluginOptions) -> Sequence[Voice]:
        assert isinstance(options, cls.Options)
        return [voice for model in files.find(options.wanted) for voice in model.listed()]

    @classmethod
    def check(cls, request: VoiceRequest, options: PluginOptions) -> None:
        """Refuse a voice of another language: it would read the words by the rules of its own."""
        assert isinstance(options, cls.Options)
        _spoken_by(request.voice, request.language, files.find(options.wanted))

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        """The content of the voices, the version of piper-tts, and how it speaks."""
        assert isinstance(options, cls.Options)
        heard = options.model_dump(mode="json", exclude=_NOT_HEARD)
        content = [model.digests() for model in files.find(options.wanted)]
        return json.dumps([cls.name, REVISION, version("piper-tts"), content, heard], sort_keys=True)

    @classmethod
    def prepare(cls, options: PluginOptions, ask: Callable[[str], bool] | None) -> None:
        """Raises BackendUnavailable where a voice is not there, or is half."""
        cls.voices(options)

    def load(self, device: Device, slots: int) -> None:
        from ttsflow_plugins.piper.engine import Engine

        self._models = files.find(self.options.wanted)
        self._engines = {model.path: Engine(model, device.kind, self.options) for model in self._models}

    def synthesize(self, job: ChunkJob) -> Iterator[AudioPiece]:
        """Speak a job, a piece for each sentence. Raises JobRefused."""
        model, speaker = _spoken_by(job.voice, job.language, self._models)
        silent = True
        for samples in self._engines[model.path].speak(job, speaker):
            silent = False
            yield AudioPiece(samples, model.rate)
        if silent:
            raise JobRefused(f"Piper has no sound for {job.text!r}")


def _spoken_by(
    voice: str | None, language: str, models: Sequence[PiperModel]
) -> tuple[PiperModel, int | None]:
    """The model and the speaker of a voice, or of the first that speaks the language. Raises UsageError."""
    for model in models:
        if voice in model.voices or (voice is None and language in model.languages):
            if language not in model.languages:
                raise UsageError(f"voice {voice!r} speaks {model.languages[-1]!r}, not {language!r}")
            name = next(iter(model.voices)) if voice is None else voice
            return model, model.voices[name]
    raise UsageError(f"none of the voices of Piper speaks {language!r}")


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [Piper]
