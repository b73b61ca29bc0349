"""XTTS-v2, through coqui-tts: 17 languages, built-in speakers, and any voice from a short recording.

One worker holds one model and speaks up to `slots` chunks at a time. Each chunk sounds as it would
alone, and comes in pieces while it is decoded.

Everything here was tested on a CPU, with a tiny checkpoint of random weights and the real
architecture. Neither the published weights nor a GPU has been tried; comments say where the figures
in the profile come from. The published weights are for non-commercial use only (CPML).
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

# Longest chunk by language, in characters. For longer texts upstream warns that audio may be cut off
# (`char_limits` in TTS/tts/layers/xtts/tokenizer.py).
MAX_CHARS = {
    "en": 250, "es": 239, "fr": 273, "de": 253, "it": 213, "pt": 203, "pl": 224, "tr": 226, "ru": 182,
    "nl": 251, "cs": 186, "ar": 166, "zh-cn": 82, "hu": 224, "ko": 95, "ja": 71, "hi": 150,
}  # fmt: skip

PUBLISHED_BYTES = 1_900_000_000  # size of the weights, as 32-bit floats
# Numbers of a token: layers, keys and values, channels.
PUBLISHED_CACHE = checkpoint.CacheSize(tokens=32 + 402 + 605, numbers=30 * 2 * 1024)
# The libraries and the vocoder took 0.65 GB on a CPU while speaking. The rest is for loading, when the
# weights are in memory twice for a short time. For a GPU this is an estimate; there, it also has to do for
# the keys and values that a layer copies, in float32 up to 17 MB a slot.
WORKING_BYTES = 1_500_000_000
# Measured at full size, with random weights, on one thread of the slowest machine; on the quickest 1.57, and
# 0.93 in bfloat16. The greatest is taken, because the chunks of a slow machine must not seem to hang.
CPU_RTF = 4.0
# s(k), measured at full size on two CPU cores for 1, 2, 4 and 8 chunks, and interpolated. On the machine of
# docs/xtts.md it is 1, 1.32, 2.01 and 3.39.
SLOWDOWN = (1.0, 1.32, 1.53, 1.73, 2.04, 2.35, 2.66, 2.97)

# Speeds that a request may ask for. The speech is stretched, and sounds bad outside this range.
SPEEDS = (0.5, 2.0)

# To be increased when this backend makes other audio for the same job.
AUDIO_VERSION = {"float32": 1, "bfloat16": 2, "float16": 1}
_NOT_IN_IDENTITY = {"model_dir", "model", "slots", "cache_tokens", "threads", "graphs"}

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
        """The profile, for the published model or the one in `model_dir`.

        Audio is reproducible on a CPU. On CUDA this was not measured, so the profile does not claim it.
        Apple's "mps" is left out because it has not been tried.
        """
        assert isinstance(options, cls.Options)
        folder = cls._folder(options)
        weights = PUBLISHED_BYTES if folder is None else checkpoint.weights_bytes(folder)
        cache = PUBLISHED_CACHE if folder is None else checkpoint.cache_size(folder)
        token_bytes = 4 * cache.numbers * options.num_beams  # on a GPU half of it, if dtype is not float32
        each = options.slot_tokens(cache.tokens)
        first = (cache.tokens - each) * token_bytes  # more than each slot has, so that one chunk always fits
        return Profile(
            backend=cls.name,
            sample_rate=SAMPLE_RATE,
            device_kinds=("cuda", "cpu"),
            languages=tuple(MAX_CHARS),
            slots=1 if options.num_beams > 1 else options.slots,
            slowdown=SLOWDOWN,
            cores=options.threads,
            memory_bytes=weights + WORKING_BYTES + first,
            slot_memory_bytes=each * token_bytes,
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
        """Refuse a language whose packages are not installed, and a recording that cannot be used."""
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
        """Check `model_dir`; without it, ask about the licence and download the model."""
        assert isinstance(options, cls.Options)
        if options.model_dir is None:
            download.prepare(options.model, ask)
        if folder := cls._folder(options):
            checkpoint.token_count(folder)

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        """The content of the checkpoint in any folder, the engine's version, and how it speaks.

        Slots, device, threads and the use of memory are left out, because they change only the rounding of
        the last digits.
        """
        assert isinstance(options, cls.Options)
        folder = cls._folder(options)
        if folder is None:
            raise BackendUnavailable(f"{options.model} is not downloaded; start a run at a terminal")
        speech = options.model_dump(mode="json", exclude=_NOT_IN_IDENTITY)
        engine = [AUDIO_VERSION[options.dtype], version("coqui-tts"), version("torch")]
        return json.dumps([cls.name, engine, checkpoint.content(folder), speech], sort_keys=True)

    @classmethod
    def _folder(cls, options: PluginOptions) -> Path | None:
        """The checkpoint's folder, after a check; None if it is not downloaded yet."""
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
        """Take a job into a slot. Raises JobRefused and TextTooLong."""
        self._speaker.start(job)

    def step(self) -> Iterable[Step]:
        """Decode the next audio code of every job in the slots."""
        return self._speaker.step()

    def cancel(self, job: ChunkJob) -> None:
        self._speaker.cancel(job)

    def relieve(self) -> None:
        self._speaker.relieve()

    def close(self) -> None:
        if hasattr(self, "_speaker"):  # else it is closed
            del self._speaker


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [Xtts]
