"""One loaded model and the modules that speak with it: text to tokens, voice to latents, both to audio."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from ttsflow import BackendUnavailable, ChunkJob, Step
from ttsflow_plugins.xtts.beams import Beams
from ttsflow_plugins.xtts.checkpoint import cache_size
from ttsflow_plugins.xtts.conditioning import Conditioning
from ttsflow_plugins.xtts.decoder import Decoder
from ttsflow_plugins.xtts.graphs import CudaCapture, Graphs
from ttsflow_plugins.xtts.options import XttsOptions
from ttsflow_plugins.xtts.sampling import Sampling
from ttsflow_plugins.xtts.selfcheck import check_graphs
from ttsflow_plugins.xtts.slots import Slots
from ttsflow_plugins.xtts.text import TextReader
from ttsflow_plugins.xtts.upstream import load_model
from ttsflow_plugins.xtts.vocoder import Vocoder


class Speaker:
    """Loads the checkpoint in `folder` onto "cuda" or "cpu". Raises BackendUnavailable.

    It is for up to `slots` jobs at a time. `progress` is called with a text before each step of loading.
    """

    def __init__(
        self,
        folder: Path,
        device_kind: str,
        options: XttsOptions,
        slots: int,
        progress: Callable[[str], None],
    ) -> None:
        _check_dtype(device_kind, options.dtype)
        model = load_model(folder, device_kind, options.threads, options.overrides(), progress)
        self._reader = TextReader(model.tokenizer, model.args.gpt_max_text_tokens)
        self._voices = Conditioning(model)
        progress("laying out the weights")
        tokens = options.cache_size(slots, cache_size(folder).tokens)
        self._jobs = _jobs(model, options, slots, tokens, progress)
        _give_back_memory()

    def start(self, job: ChunkJob) -> None:
        """Take in a job. Raises JobRefused and TextTooLong."""
        tokens = self._reader.tokens(job)
        self._jobs.start(job, tokens, self._voices.of(job.voice, job.references))

    def step(self) -> Iterable[Step]:
        """Work on every running job."""
        return self._jobs.step()

    def cancel(self, job: ChunkJob) -> None:
        """Drop a job."""
        self._jobs.cancel(job)

    def relieve(self) -> None:
        """Free what is cached of voices, and the memory that the allocators hold in reserve."""
        self._voices.forget()
        self._jobs.forget()
        torch.cuda.empty_cache()  # does nothing if CUDA is not in use
        _give_back_memory()


def _jobs(
    model: Any, options: XttsOptions, slots: int, tokens: int, progress: Callable[[str], None]
) -> Slots | Beams:
    config = model.config
    cap_s = model.gpt.max_gen_mel_tokens * model.gpt.code_stride_len / config.audio.sample_rate

    def at_cap(speed: float) -> str:
        return f"reached the model's audio cap of {cap_s / speed:.1f} s; speech may be cut off"

    if options.num_beams > 1:
        return Beams(model, at_cap, options)
    sampling = Sampling(
        temperature=config.temperature,
        top_k=config.top_k,
        top_p=config.top_p,
        repetition_penalty=config.repetition_penalty,
        do_sample=options.do_sample,
    )
    graphs = graphs_for(model.gpt.mel_head.weight.device.type, options.graphs)
    dtype = getattr(torch, options.dtype)
    decoder = Decoder(model.gpt, dtype, slots, sampling, tokens, graphs)
    if graphs is not None and graphs.in_use:
        progress("checking the recorded steps against plain ones")
        check_graphs(decoder, graphs)
    return Slots(decoder, Vocoder(model.hifigan_decoder, dtype), at_cap, options.speed)


def graphs_for(device_kind: str, wanted: bool) -> Graphs | None:
    """CUDA graphs, on a GPU; without them if they are not wanted. On a CPU rows attend one by one."""
    if device_kind == "cpu":
        return None
    return Graphs(CudaCapture() if wanted else None)


def _check_dtype(device_kind: str, dtype: str) -> None:
    """Raises BackendUnavailable if the GPU has no bfloat16. It could be emulated, but that is slow."""
    if device_kind != "cuda" or dtype != "bfloat16" or not torch.cuda.is_available():
        return
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        name = torch.cuda.get_device_name()
        raise BackendUnavailable(f"{name} has no bfloat16: set the option dtype to float16 or float32")


def _give_back_memory() -> None:
    """Return the memory of the weights before packing to the system: about 1 GB at full size.

    glibc keeps freed blocks of up to 32 MB. Other C libraries do not have this call.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
