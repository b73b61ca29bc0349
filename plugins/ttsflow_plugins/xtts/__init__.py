"""XTTS-v2, through coqui-tts: 17 languages, built-in speakers, and any voice from a short recording.

One worker holds one model and speaks up to `slots` chunks at a time, each as it would sound alone,
and each in pieces as they come.

What has been run: everything here, on a CPU, with a tiny checkpoint of random weights and the real
architecture. Neither the published weights nor a GPU have been tried; the figures in the profile say
where they come from. The published weights are for non-commercial use only (CPML).
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import TYPE_CHECKING

from ttsflow import (
    Backend,
    BackendUnavailable,
    ChunkJob,
    JobRefused,
    PluginOptions,
    Profile,
    Step,
    UsageError,
    Voice,
    VoiceRequest,
    hookimpl,
    install_command,
    pip_command,
)
from ttsflow_plugins.xtts import checkpoint, download
from ttsflow_plugins.xtts.options import XttsOptions
from ttsflow_plugins.xtts.recordings import read_recording
from ttsflow_plugins.xtts.text import check_language

if TYPE_CHECKING:
    from ttsflow import Device
    from ttsflow_plugins.xtts.speaker import Speaker

SAMPLE_RATE = 24_000

# Characters to a chunk by language, above which upstream warns of cut-off audio
# (`char_limits` in TTS/tts/layers/xtts/tokenizer.py).
MAX_CHARS = {
    "en": 250, "es": 239, "fr": 273, "de": 253, "it": 213, "pt": 203, "pl": 224, "tr": 226, "ru": 182,
    "nl": 251, "cs": 186, "ar": 166, "zh-cn": 82, "hu": 224, "ko": 95, "ja": 71, "hi": 150,
}  # fmt: skip

PUBLISHED_BYTES = 1_900_000_000  # of weights: 32-bit floats
PUBLISHED_CACHE = 30 * 2 * 1024 * (32 + 402 + 605)  # numbers: layers, keys and values, channels, tokens
# Libraries and vocoder took 0.65 GB on a CPU while speaking; the rest is room for loading, in which the
# weights are there twice for a moment. On a GPU: an estimate.
WORKING_BYTES = 1_500_000_000
CPU_RTF = 4.0  # at full size, with random weights, on one thread; 1.9 on two
# s(k), measured at full size on two CPU cores for 1, 2, 4 and 8 chunks (docs/xtts.md), and between them.
SLOWDOWN = (1.0, 1.32, 1.53, 1.73, 2.04, 2.35, 2.66, 2.97)

SPEEDS = (0.5, 2.0)  # that a request may ask for: the model's own speech is stretched, and suffers beyond

AUDIO_VERSION = 1  # to be raised when this backend speaks the same job in another way
_NOT_HEARD = {"model_dir", "model", "slots", "threads"}

_MODULES = ("TTS", "torch", "torchaudio", "torchcodec", "transformers", "soundfile")


class Xtts(Backend):
    """XTTS-v2, through coqui-tts: 17 languages, built-in speakers and voice cloning."""

    name = "xtts"

    class Options(XttsOptions):
        """Where the model is, how it runs, and how it speaks."""

    options: Options

    _speaker: Speaker

    @classmethod
    def missing(cls) -> str | None:
        if any(importlib.util.find_spec(module) is None for module in _MODULES):
            return install_command("xtts")
        try:
            distribution("coqui-tts")
        except PackageNotFoundError:  # the older project TTS, up to 0.22, has the same import name
            return f"{pip_command('uninstall', '-y', 'TTS')} && {install_command('xtts')}"
        return None

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        """The profile; its figures hold for the published model unless `model_dir` names another.

        On a CPU audio is the same again; on CUDA nobody has measured, so that is not claimed.
        Apple's "mps" is left out because it has not been tried.
        """
        assert isinstance(options, cls.Options)
        folder = cls._folder(options)
        weights = PUBLISHED_BYTES if folder is None else checkpoint.weights_bytes(folder)
        number_bytes = 4 if options.dtype == "float32" else 2
        cache = PUBLISHED_CACHE if folder is None else checkpoint.cache_numbers(folder)
        return Profile(
            backend=cls.name,
            sample_rate=SAMPLE_RATE,
            device_kinds=("cuda", "cpu"),
            languages=tuple(MAX_CHARS),
            slots=1 if options.num_beams > 1 else options.slots,
            slowdown=SLOWDOWN,
            memory_bytes=weights + WORKING_BYTES,
            slot_memory_bytes=cache * number_bytes * options.num_beams,
            max_chars=MAX_CHARS,
            rtf=CPU_RTF,
            reproducible_on=("cpu",) if options.dtype == "float32" else (),
            speeds=SPEEDS,
        )

    @classmethod
    def voices(cls, options: PluginOptions) -> Sequence[Voice]:
        """The built-in speakers; empty until the model is downloaded."""
        folder = cls._folder(options)
        return () if folder is None else [Voice(name) for name in checkpoint.speaker_names(folder)]

    @classmethod
    def takes_reference_audio(cls) -> bool:
        return True

    @classmethod
    def check(cls, request: VoiceRequest, options: PluginOptions) -> None:
        """Refuse a language whose packages are not installed, and a recording that is no use."""
        assert isinstance(options, cls.Options)
        check_language(request.language)
        folder = cls._folder(options)
        if folder is not None and request.references:
            longest_s = options.max_ref_len or checkpoint.reference_seconds(folder)
            try:
                for path in request.references:
                    read_recording(Path(path), longest_s)
            except JobRefused as error:
                raise UsageError(str(error)) from error

    @classmethod
    def prepare(cls, options: PluginOptions, ask: Callable[[str], bool] | None) -> None:
        """Check `model_dir`, or else settle the licence and download the model."""
        assert isinstance(options, cls.Options)
        if options.model_dir is None:
            download.prepare(options.model, ask)
        if folder := cls._folder(options):
            checkpoint.token_count(folder)

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        """The checkpoint's content wherever it lies, the engine's version, and how it speaks.

        Slots, device and threads are left out: they change the rounding of the last digits only.
        """
        assert isinstance(options, cls.Options)
        folder = cls._folder(options)
        if folder is None:
            raise BackendUnavailable(f"{options.model} is not downloaded; start a run at a terminal")
        heard = options.model_dump(mode="json", exclude=_NOT_HEARD)
        engine = [AUDIO_VERSION, version("coqui-tts"), version("torch")]
        return json.dumps([cls.name, engine, checkpoint.content(folder), heard], sort_keys=True)

    @classmethod
    def _folder(cls, options: PluginOptions) -> Path | None:
        """The checkpoint's folder, checked; None where it has yet to be downloaded."""
        assert isinstance(options, cls.Options)
        folder = options.model_dir or download.downloaded(options.model)
        if folder is not None:
            checkpoint.check_folder(folder)
        return folder

    def load(self, device: Device, slots: int) -> None:
        folder = self._folder(self.options)
        if folder is None:
            raise BackendUnavailable(f"{self.options.model} is not downloaded; start a run at a terminal")
        from ttsflow_plugins.xtts.speaker import Speaker

        self._speaker = Speaker(folder, device.kind, self.options, slots, self.progress)

    def start(self, job: ChunkJob) -> None:
        """Take a job into a slot. Raises JobRefused."""
        self._speaker.start(job)

    def step(self) -> Iterable[Step]:
        """One audio code more for every job in the slots."""
        return self._speaker.step()

    def cancel(self, job: ChunkJob) -> None:
        self._speaker.cancel(job)

    def relieve(self) -> None:
        self._speaker.relieve()

    def close(self) -> None:
        del self._speaker


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [Xtts]
