"""The backend `coqui`: the models of coqui-tts other than XTTS: VITS, YourTTS, Tacotron, Glow-TTS, fairseq's.

The code is under MPL-2.0; each model has a licence of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from importlib.util import find_spec

from ttsflow import (
    AudioPiece,
    Backend,
    ChunkJob,
    Device,
    PluginOptions,
    Profile,
    Step,
    UsageError,
    Voice,
    VoiceRequest,
    hookimpl,
    install_command,
)
from ttsflow_plugins.coqui import catalogue
from ttsflow_plugins.coqui.catalogue import Entry
from ttsflow_plugins.coqui.models import find
from ttsflow_plugins.coqui.options import CoquiOptions

WORKING_BYTES = 700_000_000
"""of a worker, beside the weights: mostly torch"""

DEVICE_KINDS = ("cuda", "cpu")

USUAL_RATE = 22_050
"""Hz of most models"""

SHOWN = 5
"""characters that a doubt names"""

_NOT_HEARD = {"model", "model_dir", "vocoder_dir", "language", "max_chars", "threads"}


class Coqui(Backend):
    """The other models of coqui-tts: VITS, YourTTS, Tacotron with a vocoder, fairseq's 1,100 languages."""

    name = "coqui"

    class Options(CoquiOptions):
        """Which model, and how it is used."""

    options: Options

    @classmethod
    def missing(cls) -> str | None:
        return None if find_spec("TTS") and find_spec("torch") else install_command("coqui")

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        """Raises BackendUnavailable where a model is half; of one that is not there yet little is known."""
        assert isinstance(options, cls.Options)
        awaited = _awaited(options)
        if awaited is not None:
            spoken = options.language or awaited.language
            return Profile(
                backend=cls.name,
                sample_rate=USUAL_RATE,
                device_kinds=DEVICE_KINDS,
                languages=None if spoken is None else (spoken,),
            )
        found = find(options)
        parts = [found.model, *([found.vocoder] if found.vocoder else [])]
        return Profile(
            backend=cls.name,
            sample_rate=found.rate,
            device_kinds=DEVICE_KINDS,
            languages=found.languages,
            max_chars={"*": options.max_chars},
            memory_bytes=WORKING_BYTES + sum(part.checkpoint.stat().st_size for part in parts),
            rtf=0.4,
            cores=options.threads,
            reproducible_on=("cpu",),
        )

    @classmethod
    def voices(cls, options: PluginOptions) -> Sequence[Voice]:
        assert isinstance(options, cls.Options)
        return [] if _awaited(options) else [Voice(name) for name in find(options).speakers]

    @classmethod
    def takes_reference_audio(cls) -> bool:
        return True

    @classmethod
    def check(cls, request: VoiceRequest, options: PluginOptions) -> None:
        """Refuse reference audio for a model that takes none."""
        assert isinstance(options, cls.Options)
        if request.references and not find(options).takes_references:
            raise UsageError(
                "this model of coqui-tts takes no reference audio: leave it out, or take another model"
            )

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        """The content of the model and of its vocoder, and the engine's version."""
        assert isinstance(options, cls.Options)
        versions = [version("coqui-tts"), version("torch")]
        heard = options.model_dump(mode="json", exclude=_NOT_HEARD)
        return json.dumps([cls.name, versions, find(options).digests(), heard], sort_keys=True)

    @classmethod
    def prepare(cls, options: PluginOptions, ask: Callable[[str], bool] | None) -> None:
        """Ask about the licence of a model by name, and download it where it is not there."""
        assert isinstance(options, cls.Options)
        if options.model is not None:
            catalogue.prepare(catalogue.entry(options.model), ask)
        find(options)

    def load(self, device: Device, slots: int) -> None:
        from ttsflow_plugins.coqui.engine import Engine

        self._model = find(self.options)
        self.progress("importing torch and coqui-tts")
        self._engine = Engine(self._model, device.kind, self.options.threads)
        self._job: ChunkJob | None = None

    def start(self, job: ChunkJob) -> None:
        self._job = job

    def step(self) -> Iterable[Step]:
        """Speak the whole job. Characters that the model does not know make the audio doubtful."""
        job, self._job = self._job, None
        if job is None:
            return ()
        speaker = job.voice or (None if job.references else next(iter(self._model.speakers), None))
        try:
            samples, unknown = self._engine.speak(job, speaker)
        except Exception as error:  # any error here belongs to the only job
            return (Step(job, error=error),)
        letters = list(dict.fromkeys(char for char in unknown if char.isalnum()))[:SHOWN]
        flag = f"the model does not know {', '.join(map(repr, letters))}" if letters else None
        return (Step(job, piece=AudioPiece(samples, self._model.rate)), Step(job, done=True, flag=flag))

    def cancel(self, job: ChunkJob) -> None:
        self._job = None


def _awaited(options: CoquiOptions) -> Entry | None:
    """The model that is named and not on this machine yet."""
    entry = None if options.model is None else catalogue.entry(options.model)
    return None if entry is None or entry.folder.is_dir() else entry


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [Coqui]
