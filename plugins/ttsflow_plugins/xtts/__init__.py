"""XTTS-v2, through coqui-tts: 17 languages, built-in speakers, and any voice from a short recording.

One worker holds one model and speaks one chunk at a time, with upstream's own `inference()`.

What has been run: everything here, on a CPU, with a tiny checkpoint of random weights and the real
architecture. Neither the published weights nor a GPU have been tried; the figures in the profile say
where they come from. The published weights are for non-commercial use only (CPML).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt

from ttsflow import (
    AudioPiece,
    Backend,
    BackendUnavailable,
    ChunkJob,
    PluginOptions,
    Profile,
    Step,
    Voice,
    hookimpl,
)
from ttsflow_plugins.xtts import checkpoint, download

if TYPE_CHECKING:
    from ttsflow import Device
    from ttsflow_plugins.xtts.conditioning import Conditioning

SAMPLE_RATE = 24_000

# Characters to a chunk by language, above which upstream warns of cut-off audio
# (`char_limits` in TTS/tts/layers/xtts/tokenizer.py).
MAX_CHARS = {
    "en": 250, "es": 239, "fr": 273, "de": 253, "it": 213, "pt": 203, "pl": 224, "tr": 226, "ru": 182,
    "nl": 251, "cs": 186, "ar": 166, "zh-cn": 82, "hu": 224, "ko": 95, "ja": 71, "hi": 150,
}  # fmt: skip

PUBLISHED_BYTES = 1_900_000_000  # of weights: 32-bit floats
# Libraries and vocoder took 1.1 GB on a CPU for the longest chunk (28 s); its key-value cache is
# 30 layers x 2 x 1,024 channels x 1,040 positions x 4 bytes = 0.26 GB. On a GPU: an estimate.
WORKING_BYTES = 1_500_000_000
CPU_RTF = 4.0  # measured at full size, with random weights, on two CPU threads

INSTALL = "pip install 'ttsflow[xtts]'"
_MODULES = ("TTS", "torch", "torchaudio", "torchcodec", "transformers", "soundfile")


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


class Xtts(Backend):
    """XTTS-v2, through coqui-tts: 17 languages, built-in speakers and voice cloning."""

    name = "xtts"

    class Options(PluginOptions):
        """Where the model is, and how it speaks.

        An option that is None by default leaves the value of the same name in the checkpoint's
        config.json as it is.
        """

        model_config = ConfigDict(allow_inf_nan=False)

        model_dir: Annotated[Path, AfterValidator(_absolute)] | None = Field(
            default=None, description="folder with config.json, model.pth, vocab.json and speakers_xtts.pth"
        )
        model: str = Field(
            default=download.PUBLISHED, description="model to download where no model_dir is given"
        )
        threads: PositiveInt = Field(default=1, description="CPU threads of a worker; audio may depend on it")
        temperature: PositiveFloat | None = Field(
            default=None, description="of the sampling; lower is more even"
        )
        top_k: NonNegativeInt | None = Field(default=None, description="sample among the k likeliest codes")
        top_p: float | None = Field(
            default=None, gt=0, le=1, description="sample among the codes of this probability"
        )
        repetition_penalty: PositiveFloat | None = Field(
            default=None, description="against codes that repeat; 1 is none"
        )
        length_penalty: float | None = Field(
            default=None, description="with beams: above 0 favours longer speech"
        )
        do_sample: bool = Field(default=True, description="sample; else always take the likeliest code")
        num_beams: PositiveInt = Field(default=1, description="beams of the search; 1 is none")
        speed: float = Field(default=1.0, ge=0.05, description="of speaking, relative to the voice's own")
        max_ref_len: PositiveInt | None = Field(
            default=None, description="seconds of reference audio that are used"
        )
        gpt_cond_len: PositiveInt | None = Field(
            default=None, description="seconds of it that shape the manner"
        )
        gpt_cond_chunk_len: PositiveInt | None = Field(
            default=None, description="seconds of each stretch of those"
        )
        sound_norm_refs: bool | None = Field(
            default=None, description="bring reference audio to one loudness"
        )

    options: Options

    _OVERRIDES = (
        "temperature", "top_k", "top_p", "repetition_penalty", "length_penalty",
        "max_ref_len", "gpt_cond_len", "gpt_cond_chunk_len", "sound_norm_refs",
    )  # fmt: skip

    def __init__(self, options: PluginOptions | None = None) -> None:
        super().__init__(options)
        self._model: Any = None
        self._voices: Conditioning | None = None
        self._flag: str | None = None

    @classmethod
    def missing(cls) -> str | None:
        if any(importlib.util.find_spec(module) is None for module in _MODULES):
            return INSTALL
        try:
            distribution("coqui-tts")
        except PackageNotFoundError:  # the older project TTS, up to 0.22, has the same import name
            return f"pip uninstall -y TTS && {INSTALL}"
        return None

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        """The profile; its figures hold for the published model unless `model_dir` names another.

        `deterministic` is not claimed: on a CPU audio is byte-identical, on CUDA nobody has measured.
        Apple's "mps" is left out because it has not been tried.
        """
        folder = cls._folder(options)
        weights = PUBLISHED_BYTES if folder is None else checkpoint.weights_bytes(folder)
        return Profile(
            backend=cls.name,
            sample_rate=SAMPLE_RATE,
            device_kinds=("cuda", "cpu"),
            languages=tuple(MAX_CHARS),
            memory_bytes=weights + WORKING_BYTES,
            max_chars=MAX_CHARS,
            rtf=CPU_RTF,
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
    def prepare(cls, options: PluginOptions, ask: Callable[[str], bool] | None) -> None:
        """Check `model_dir`, or else settle the licence and download the model."""
        assert isinstance(options, cls.Options)
        if options.model_dir is None:
            download.prepare(options.model, ask)
        cls._folder(options)

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
        from ttsflow_plugins.xtts.conditioning import Conditioning
        from ttsflow_plugins.xtts.upstream import load_model

        settings = self.options.model_dump(include=set(self._OVERRIDES), exclude_none=True)
        self._model = load_model(folder, device.kind, self.options.threads, settings)
        self._voices = Conditioning(self._model)

    def synthesize(self, job: ChunkJob) -> Iterator[AudioPiece]:
        """Speak one job, in one piece; equal jobs give equal audio."""
        from ttsflow_plugins.xtts.speech import check_text, speak

        assert self._voices is not None, "load comes first"
        self._flag = None
        check_text(self._model, job)
        samples, cap_s = speak(
            self._model,
            job,
            self._voices.of(job.voice),
            do_sample=self.options.do_sample,
            num_beams=self.options.num_beams,
            speed=self.options.speed,
        )
        if cap_s is not None:
            self._flag = f"reached the model's audio cap of {cap_s:.1f} s; speech may be cut off"
        yield AudioPiece(samples, SAMPLE_RATE)

    def step(self) -> Iterable[Step]:
        return [replace(step, flag=self._flag) if step.done else step for step in super().step()]

    def close(self) -> None:
        self._model = self._voices = None


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [Xtts]
