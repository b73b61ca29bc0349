"""What makes XTTS-v2 speak with one voice: the conditioning latents, computed once per voice."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ttsflow import JobRefused, UnknownNameError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

_VOICES_KEPT = 256  # of about 130 kB each
_SHORTEST_S = 0.5  # upstream ignores pieces under 0.33 s, and a voice is not to be had from less
_SILENCE = 1e-4  # greatest amplitude, of 1.0 (-80 dBFS)


class Latents(NamedTuple):
    """Upstream's two tensors: GPT latents (1, 32, channels) and speaker embedding (1, 512, 1)."""

    gpt: torch.Tensor
    speaker: torch.Tensor


class Conditioning:
    """The latents of every voice that a worker has spoken with."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._speakers: dict[str, Any] = model.speaker_manager.speakers if model.speaker_manager else {}
        self._of_recording = lru_cache(maxsize=_VOICES_KEPT)(self._compute)

    def of(self, voice: str | None) -> Latents:
        """The latents of a built-in speaker, or of the recording at the path `voice`.

        None stands for the first built-in speaker. Raises JobRefused where there is no such voice,
        or where the recording is no use.
        """
        if voice is None:
            voice = next(iter(self._speakers), None)
            if voice is None:
                raise JobRefused(
                    "this XTTS-v2 checkpoint has no built-in speaker: name a recording to take the voice from"
                )
        if voice in self._speakers:
            speaker = self._speakers[voice]
            return Latents(speaker["gpt_cond_latent"], speaker["speaker_embedding"])
        try:
            changed_ns = Path(voice).stat().st_mtime_ns
        except (OSError, ValueError) as error:
            hint = "A voice may also be the path of a recording; there is none of that name."
            raise JobRefused(str(UnknownNameError("voice", voice, self._speakers, hint))) from error
        return self._of_recording(Path(voice), changed_ns)

    def _compute(self, path: Path, changed_ns: int) -> Latents:
        """Upstream's `get_conditioning_latents` for one file, which soundfile reads instead of torchaudio."""
        import torch
        from torchaudio.functional import resample

        config = self._model.config
        rate = config.audio.sample_rate
        mono, file_rate = _read_recording(path, config.max_ref_len)
        audio = torch.from_numpy(mono).unsqueeze(0)
        if file_rate != rate:
            audio = resample(audio, file_rate, rate)
        audio = audio.clip(-1, 1)[:, : rate * config.max_ref_len]
        if config.sound_norm_refs:
            audio = audio / audio.abs().max() * 0.75
        audio = audio.to(self._model.device)
        return Latents(
            self._model.get_gpt_cond_latents(
                audio, rate, length=config.gpt_cond_len, chunk_length=config.gpt_cond_chunk_len
            ),
            self._model.get_speaker_embedding(audio, rate),
        )


def _read_recording(path: Path, longest_s: int) -> tuple[NDArray[np.float32], int]:
    """Mono samples (n,) and sample rate (Hz) of the start of a recording; raises JobRefused."""
    import numpy as np
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            rate = int(file.samplerate)
            # one second more than is used, so that the end is resampled like the middle
            samples = file.read((longest_s + 1) * rate, dtype="float32", always_2d=True)
    except (OSError, RuntimeError, TypeError) as error:  # TypeError: a headerless .raw file
        raise JobRefused(f"cannot read the reference audio {path}: {error}") from error
    mono: NDArray[np.float32] = samples.mean(axis=1, dtype=np.float32)
    if len(mono) < _SHORTEST_S * rate:
        raise JobRefused(
            f"the reference audio {path} is too short: {len(mono) / rate:.2f} s; "
            f"{_SHORTEST_S} s is the least, 6 s or more is better"
        )
    if not np.isfinite(mono).all() or np.abs(mono).max() < _SILENCE:
        raise JobRefused(f"the reference audio {path} is silent or not audio; record the voice again")
    return mono, rate
