"""A model of coqui-tts in a worker, through upstream's own Synthesizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ttsflow import BackendUnavailable, ChunkJob, JobRefused, install_command
from ttsflow_plugins.coqui.models import CoquiModel
from ttsflow_plugins.xtts.upstream import brief, import_torchaudio

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Engine:
    """The model on "cuda" or "cpu", with `threads` CPU threads. Raises BackendUnavailable."""

    def __init__(self, model: CoquiModel, device_kind: str, threads: int) -> None:
        self._model = model
        try:
            import_torchaudio()
            import torch
            from TTS.utils.synthesizer import PAD_SILENCE_SAMPLES, Synthesizer
        except (ImportError, OSError, RuntimeError) as error:
            raise BackendUnavailable(
                f"coqui-tts cannot be imported ({type(error).__name__}: {brief(error)}); "
                f"install the tested set again: {install_command('coqui')}"
            ) from error
        torch.set_num_threads(threads)
        self._silence = PAD_SILENCE_SAMPLES
        vocoder = model.vocoder
        try:
            self._synthesizer = Synthesizer(
                tts_checkpoint=str(model.model.checkpoint),
                tts_config_path=str(model.model.config),
                vocoder_checkpoint=None if vocoder is None else str(vocoder.checkpoint),
                vocoder_config=None if vocoder is None else str(vocoder.config),
                use_cuda=device_kind == "cuda",
            )
        except Exception as error:  # a wrong file may fail in any of the libraries that read it
            raise BackendUnavailable(
                f"{model.model.checkpoint} cannot be loaded ({type(error).__name__}: {brief(error)}): it is "
                "damaged, or does not belong to its config.json; get its files again"
            ) from error

    def speak(self, job: ChunkJob, speaker: str | None) -> tuple[NDArray[np.float32], list[str]]:
        """The samples of a job, and the characters that the model does not know and has left out.

        Raises JobRefused.
        """
        import numpy as np
        import torch

        torch.manual_seed(job.seed)
        np.random.seed(job.seed % 2**32)  # upstream draws from it
        unknown: list[str] = self._synthesizer.tts_model.tokenizer.not_found_characters
        unknown.clear()
        references: Sequence[str] | None = list(job.references) or None
        try:
            with torch.inference_mode():
                samples = self._synthesizer.tts(
                    job.text,
                    speaker_name=speaker,
                    language_name=job.language if self._model.multilingual else None,
                    speaker_wav=references,
                    split_sentences=False,
                )
        except (ValueError, KeyError, IndexError, AssertionError) as error:
            raise JobRefused(f"coqui-tts cannot speak it: {type(error).__name__}: {brief(error)}") from error
        return np.asarray(samples[: -self._silence], np.float32), list(unknown)
