"""Piper in a worker, through piper-tts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttsflow import BackendUnavailable, ChunkJob, install_command
from ttsflow_plugins.espeak.texts import written
from ttsflow_plugins.onnx import open_session
from ttsflow_plugins.piper.files import SOURCE, PiperModel
from ttsflow_plugins.piper.options import PiperOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST_SEED = 2**31


class Engine:
    """One model on "cuda" or "cpu". Raises BackendUnavailable."""

    def __init__(self, model: PiperModel, device_kind: str, options: PiperOptions) -> None:
        self._model, self._device_kind, self._options = model, device_kind, options
        try:
            from piper import PiperVoice
            from piper.config import PiperConfig
        except ImportError as error:
            raise BackendUnavailable(
                f"piper-tts is installed and cannot be loaded: {error}. {install_command('piper')}"
            ) from error
        told = json.loads(Path(f"{model.path}.json").read_text("utf-8"))
        try:
            self._voice = PiperVoice(self._open(), PiperConfig.from_dict(told))
        except (KeyError, TypeError, ValueError) as error:
            raise BackendUnavailable(
                f"{model.path}.json describes no voice of Piper ({error!r}); get it again from {SOURCE}"
            ) from error
        inputs = {each.name for each in self._voice.session.get_inputs()}
        if not {"input", "input_lengths", "scales"} <= inputs:
            raise BackendUnavailable(f"{model.path} is a model, but no voice of Piper: get one from {SOURCE}")

    def speak(self, job: ChunkJob, speaker: int | None) -> Iterator[NDArray[np.float32]]:
        """The samples of a job, sentence by sentence."""
        from piper import SynthesisConfig

        if self._options.reproducible:
            self._begin_anew(job.seed)
        config = self._voice.config
        scale = config.length_scale if self._options.length_scale is None else self._options.length_scale
        how = SynthesisConfig(
            speaker_id=speaker,
            length_scale=scale / job.speed,
            noise_scale=self._options.noise_scale,
            noise_w_scale=self._options.noise_w_scale,
        )
        text = written(job.text, job.language)
        # Piper takes what stands in double brackets for phonemes.
        for sentence in self._voice.synthesize(text.replace("[[", "[ [").replace("]]", "] ]"), how):
            yield sentence.audio_float_array

    def _begin_anew(self, seed: int) -> None:
        """Load the model again: its noise goes on from text to text, and has no other beginning."""
        import onnxruntime

        onnxruntime.set_seed(seed % LARGEST_SEED)
        self._voice.session = self._open()

    def _open(self) -> Any:
        again = f"get {self._model.name} again from {SOURCE}"
        return open_session(self._model.path, self._device_kind, self._options.threads, again)
