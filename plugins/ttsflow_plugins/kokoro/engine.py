"""Kokoro in a worker: phonemes in, samples out, through kokoro-onnx."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ttsflow import BackendUnavailable, JobRefused, install_command
from ttsflow_plugins.kokoro.files import SOURCE, Files
from ttsflow_plugins.kokoro.voices import Blend
from ttsflow_plugins.onnx import open_session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SENTENCE_S, CLAUSE_S = 0.25, 0.1
"""seconds of silence between the parts of a long text, as kokoro-onnx has them"""

WIDTH = 256
"""numbers of a style"""


class Engine:
    """The model on "cuda" or "cpu", with `threads` CPU threads. Raises BackendUnavailable."""

    def __init__(self, files: Files, device_kind: str, threads: int) -> None:
        self._files = files
        try:
            from kokoro_onnx import Kokoro
        except ImportError as error:
            raise BackendUnavailable(
                f"kokoro-onnx is installed and cannot be loaded: {error}. {install_command('kokoro')}"
            ) from error
        session = open_session(files.model, device_kind, threads, f"get it again from {SOURCE}")
        inputs = {each.name for each in session.get_inputs()}
        if not ({"style", "speed"} <= inputs and inputs & {"tokens", "input_ids"}):
            raise BackendUnavailable(f"{files.model} is a model, but not of Kokoro: get one from {SOURCE}")
        self._kokoro = Kokoro.from_session(session, str(files.voices))

    def speak(self, phonemes: str, blend: Blend, speed: float) -> Iterator[NDArray[np.float32]]:
        """The samples of a text, part by part: the model takes 510 phonemes at a time. Raises JobRefused."""
        import numpy as np
        from kokoro_onnx.chunker import pause_after, split_phonemes
        from kokoro_onnx.config import MAX_PHONEME_LENGTH, SAMPLE_RATE

        known = " ".join(self._kokoro.tokenizer.known(phonemes).split())
        parts = split_phonemes(known, MAX_PHONEME_LENGTH) if any(map(str.isalpha, known)) else []
        style = self._style(blend)
        for number, part in enumerate(parts, 1):
            samples, _ = self._kokoro.create(
                part, style, speed, is_phonemes=True, sentence_pause=SENTENCE_S, clause_pause=CLAUSE_S
            )
            yield np.asarray(samples, np.float32)
            pause_s = pause_after(part, SENTENCE_S, CLAUSE_S) if number < len(parts) else 0.0
            if pause_s:
                yield np.zeros(int(pause_s * SAMPLE_RATE), np.float32)

    def _style(self, blend: Blend) -> Any:
        """The mean of the blend's voices: shape (phonemes, 1, 256)."""
        styles = []
        for name, weight in blend.parts.items():
            try:
                style = self._kokoro.get_voice_style(name)
            except Exception as error:  # a damaged archive may fail in any of the libraries that read it
                raise JobRefused(f"voice {name!r} in {self._files.voices} cannot be read: {error}") from error
            if style.ndim != 3 or style.shape[1:] != (1, WIDTH):
                raise JobRefused(f"{name!r} in {self._files.voices} is no voice: its shape is {style.shape}")
            styles.append(weight * style)
        return styles[0] if len(styles) == 1 else sum(styles)
