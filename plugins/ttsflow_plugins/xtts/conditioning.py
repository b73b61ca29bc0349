"""The conditioning latents, from which XTTS-v2 takes a voice; computed once per voice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ttsflow import JobRefused, UnknownNameError
from ttsflow_plugins.xtts.latents import LatentsCache, add_tensor, cache_folder
from ttsflow_plugins.xtts.recordings import Recording, read_recording, unreadable

if TYPE_CHECKING:
    import torch

_VOICES_KEPT = 256  # in memory, about 130 kB each
_FORMAT = 1  # of the latents on disk; increase it when `_compute` returns something else


class Latents(NamedTuple):
    """Upstream's two tensors, float32: GPT latents (1, 32, channels) and speaker embedding (1, 512, 1)."""

    gpt: torch.Tensor
    speaker: torch.Tensor


class Conditioning:
    """The latents of every voice that a worker has used. Latents of recordings are stored on disk too.

    Their key on disk is a digest of everything they depend on: samples, settings, weights, libraries. So
    the stored latents are equal, bit by bit, to what the worker would compute, in whichever folder the
    recordings are.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._speakers: dict[str, Any] = model.speaker_manager.speakers if model.speaker_manager else {}
        self._cache = LatentsCache(cache_folder())
        self._of_recordings = lru_cache(maxsize=_VOICES_KEPT)(self._find)

    def of(self, voice: str | None, references: Sequence[str] = ()) -> Latents:
        """The latents of a built-in speaker, or of one voice from the recordings at these paths.

        Without both, those of the first built-in speaker. Raises JobRefused if there is no such voice, or
        if a recording cannot be used.
        """
        if references:
            return self._of_recordings(tuple(references), tuple(map(_stamp, references)))
        if voice is None:
            voice = next(iter(self._speakers), None)
            if voice is None:
                raise JobRefused(
                    "this XTTS-v2 checkpoint has no built-in speaker: name a recording to take the voice from"
                )
        if voice not in self._speakers:
            hint = "The voice of a recording is asked for by --reference FILE."
            raise JobRefused(str(UnknownNameError("voice", voice, self._speakers, hint)))
        speaker = self._speakers[voice]
        return Latents(speaker["gpt_cond_latent"], speaker["speaker_embedding"])

    def forget(self) -> None:
        """Drop the latents of recordings from memory; later they are read from disk or computed again."""
        self._of_recordings.cache_clear()

    def _find(self, paths: Sequence[str], stamps: Sequence[tuple[int, int]]) -> Latents:
        """Latents from disk, else computed. `stamps` change when a file changes, for the cache in memory."""
        recordings = [read_recording(Path(path), self._model.config.max_ref_len) for path in paths]
        key = self._key(recordings)
        found = self._cache.get(key)
        if found is not None:
            return Latents(*(found[name].to(self._model.device) for name in Latents._fields))
        latents = self._compute(recordings)
        self._cache.put(key, latents._asdict())
        return latents

    def _compute(self, recordings: Sequence[Recording]) -> Latents:
        """As upstream's `get_conditioning_latents`, but soundfile reads the files instead of torchaudio.

        The speaker embedding is the mean over the recordings. The GPT latents come from the first
        `gpt_cond_len` seconds of all recordings joined. Everything is float32: the parts of the model that
        are used here are never converted to bfloat16.
        """
        import torch
        from torchaudio.functional import resample

        model, config = self._model, self._model.config
        rate = config.audio.sample_rate
        audios = []
        for samples, own_rate in recordings:
            audio = torch.from_numpy(samples).unsqueeze(0)
            if own_rate != rate:
                audio = resample(audio, own_rate, rate)
            audio = audio.clip(-1, 1)[:, : rate * config.max_ref_len]
            if config.sound_norm_refs:
                audio = audio / audio.abs().max() * 0.75
            audios.append(audio.to(model.device))
        with torch.inference_mode():
            gpt = model.get_gpt_cond_latents(
                torch.cat(audios, dim=-1),
                rate,
                length=config.gpt_cond_len,
                chunk_length=config.gpt_cond_chunk_len,
            )
            embeddings = [model.get_speaker_embedding(audio, rate) for audio in audios]
            return Latents(gpt.contiguous(), torch.stack(embeddings).mean(dim=0))

    def _key(self, recordings: Sequence[Recording]) -> str:
        """Digest of everything that the latents depend on. Threads and device change the rounding."""
        import torch

        config, device = self._model.config, self._model.device.type
        made_of = (
            _FORMAT,
            (config.max_ref_len, config.gpt_cond_len, config.gpt_cond_chunk_len, config.sound_norm_refs),
            (version("coqui-tts"), torch.__version__),
            (device, torch.get_num_threads() if device == "cpu" else None),
            self._weights,
            [(rate, len(samples)) for samples, rate in recordings],
        )
        digest = hashlib.blake2b(repr(made_of).encode(), digest_size=20)
        for samples, _ in recordings:
            digest.update(samples.data)
        return digest.hexdigest()

    @cached_property
    def _weights(self) -> str:
        """Digest of the weights with which latents are computed: 54 M numbers at full size, 0.2 s."""
        digest = hashlib.blake2b(digest_size=20)
        gpt, decoder = self._model.gpt, self._model.hifigan_decoder
        for part in (gpt.conditioning_encoder, gpt.conditioning_perceiver, decoder.speaker_encoder):
            for name, tensor in part.state_dict().items():
                add_tensor(digest, name, tensor)
        add_tensor(digest, "mel_stats", self._model.mel_stats)
        return digest.hexdigest()


def _stamp(path: str) -> tuple[int, int]:
    """Modification time (ns) and size in bytes of the file at `path`. Raises JobRefused."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise unreadable(path, error) from error
    return status.st_mtime_ns, status.st_size
