"""One text through XTTS-v2, by upstream's own `inference()`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ttsflow import ChunkJob, JobRefused
from ttsflow_plugins.xtts.conditioning import Latents
from ttsflow_plugins.xtts.upstream import brief

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NEEDS = {"zh": "pip install 'ttsflow[xtts]'", "ja": "pip install cutlet 'fugashi[unidic-lite]'"}


def check_text(model: Any, job: ChunkJob) -> None:
    """Raise JobRefused for a text that the model cannot take.

    The limit counts tokens, in the model's own vocabulary, after numbers and abbreviations were
    written out.
    """
    language = job.language.partition("-")[0]
    try:
        tokens = len(model.tokenizer.encode(job.text.strip().lower(), lang=language))
    except ImportError as error:
        remedy = _NEEDS.get(language, "pip install 'ttsflow[xtts]'")
        raise JobRefused(f"XTTS-v2 needs more to speak {job.language!r} ({error}): {remedy}") from error
    except Exception as error:  # each language's normaliser raises its own, and would again at every try
        raise JobRefused(
            f"XTTS-v2 cannot read this text in {job.language!r} ({type(error).__name__}: {brief(error)}); "
            "write its numbers out as words"
        ) from error
    limit = model.args.gpt_max_text_tokens
    if tokens >= limit:
        raise JobRefused(f"the text has {tokens} tokens and XTTS-v2 takes at most {limit - 1}; shorten it")


def speak(
    model: Any, job: ChunkJob, latents: Latents, *, do_sample: bool, num_beams: int, speed: float
) -> tuple[NDArray[np.float32], float | None]:
    """Samples (n,) of one text and, where its audio ran into the model's cap, the cap in seconds."""
    import torch

    config = model.config
    torch.manual_seed(job.seed & 0xFFFF_FFFF_FFFF)
    spoken = model.inference(
        job.text,
        job.language,
        latents.gpt,
        latents.speaker,
        temperature=config.temperature,
        length_penalty=config.length_penalty,
        repetition_penalty=config.repetition_penalty,
        top_k=config.top_k,
        top_p=config.top_p,
        do_sample=do_sample,
        num_beams=num_beams,
        speed=speed,
    )
    cap = model.gpt.max_gen_mel_tokens
    # `speed` stretches the latents, of which there was one for each audio code
    capped = spoken["gpt_latents"].shape[1] >= int(cap / speed)
    cap_s = cap * model.gpt.code_stride_len / config.audio.sample_rate / speed
    return spoken["wav"], cap_s if capped else None
