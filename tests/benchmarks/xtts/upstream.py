"""Upstream's sides: coqui-tts as it is, with the sampling defaults of `inference()`.

Each function runs in a process of its own, loads and warms up, calls `ready` and then measures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from statistics import median
from typing import Any

from tests.benchmarks.xtts.clock import Watch, now, peaks
from tests.benchmarks.xtts.work import ALL, ALONE, LANGUAGE, VOICE, WARM_UP, Reading, Work, jobs
from ttsflow import ChunkJob

Ready = Callable[[], None]


class Upstream:
    """One copy of the model and a voice."""

    def __init__(self, work: Work) -> None:
        from ttsflow_plugins.xtts.upstream import load_model

        self._work = work
        self.model: Any = load_model(work.folder, work.device, work.threads, {})
        voice = self.model.speaker_manager.speakers[VOICE]
        self._latents = voice["gpt_cond_latent"], voice["speaker_embedding"]
        [job] = jobs(WARM_UP, 1)
        self.speak(job)

    def speak(self, job: ChunkJob) -> tuple[float, float]:
        """Seconds of audio, and seconds that it took."""
        began = now(self._work)
        samples = self.model.inference(job.text, LANGUAGE, *self._latents)["wav"]
        took_s = now(self._work) - began
        return len(samples) / self.model.args.output_sample_rate, took_s

    def speak_all(self, left: Iterable[ChunkJob]) -> list[tuple[float, float]]:
        return [self.speak(job) for job in left]

    def first_piece_s(self, job: ChunkJob) -> float:
        """Seconds until `inference_stream` gives its first piece; the rest is not asked for."""
        began = now(self._work)
        pieces = self.model.inference_stream(job.text, LANGUAGE, *self._latents)
        next(pieces)
        took_s = now(self._work) - began
        pieces.close()
        return took_s

    def step_s(self, job: ChunkJob) -> float:
        """Seconds of one step of `gpt.generate`, the median: from code to code, without the prefix."""
        import torch

        times: list[float] = []

        def step_ended(codes: torch.Tensor, scores: object, **_: object) -> torch.Tensor:
            times.append(now(self._work))
            return torch.zeros(len(codes), dtype=torch.bool, device=codes.device)

        tokens = torch.tensor(self.model.tokenizer.encode(job.text.lower(), lang=LANGUAGE))[None]
        with torch.no_grad():
            self.model.gpt.generate(
                cond_latents=self._latents[0].to(self.model.device),
                text_inputs=tokens.to(self.model.device),
                do_sample=True,
                top_p=0.85,
                top_k=50,
                temperature=0.75,
                repetition_penalty=10.0,
                stopping_criteria=[step_ended],
            )
        return median(later - earlier for earlier, later in pairwise(times))


def sequential(work: Work, ready: Ready) -> Reading:
    """`inference()`, one chunk after the other; then `gpt.generate` alone."""
    upstream = Upstream(work)
    ready()
    watch = Watch(work)
    spoken = upstream.speak_all(jobs(ALL, work.chunks))
    watch.stop()
    step_s = median(upstream.step_s(job) for job in jobs(ALONE, 2))
    return _reading(work, spoken, watch, step_s, alone=True)


def two_threads(work: Work, ready: Ready) -> Reading:
    """Two copies of the model in one process, each in a thread that takes the next chunk."""
    copies = [Upstream(work), Upstream(work)]
    ready()
    with ThreadPoolExecutor(len(copies)) as pool:
        left = iter(jobs(ALL, work.chunks))
        watch = Watch(work)
        parts = [pool.submit(copy.speak_all, left) for copy in copies]
        spoken = [chunk for part in parts for chunk in part.result()]
        watch.stop()
    return _reading(work, spoken, watch)


def half(work: Work, ready: Ready, number: int) -> Reading:
    """One of two processes, which speaks every second chunk."""
    upstream = Upstream(work)
    ready()
    watch = Watch(work)
    spoken = upstream.speak_all(jobs(ALL, work.chunks)[number::2])
    watch.stop()
    return _reading(work, spoken, watch)


def stream(work: Work, ready: Ready) -> Reading:
    """`inference_stream`, with its default `stream_chunk_size`, until the first piece."""
    upstream = Upstream(work)
    warm_up, *measured = jobs(ALONE, 4)
    upstream.first_piece_s(warm_up)
    ready()
    first_s = median(map(upstream.first_piece_s, measured))
    peak_mib, cuda_mib = peaks(work)
    return Reading(first_alone_s=first_s, peak_mib=peak_mib, cuda_mib=cuda_mib)


def _reading(
    work: Work,
    spoken: Sequence[tuple[float, float]],
    watch: Watch,
    step_s: float | None = None,
    alone: bool = False,
) -> Reading:
    """From (audio seconds, seconds) of each chunk; upstream's first piece is all of a chunk."""
    peak_mib, cuda_mib = peaks(work)
    chunk_s = median(took_s for _, took_s in spoken)
    return Reading(
        audio_s=sum(audio_s for audio_s, _ in spoken),
        wall_s=watch.wall_s,
        busy=watch.busy,
        chunk_s=chunk_s,
        first_s=chunk_s,
        first_alone_s=chunk_s if alone else None,
        step_s=step_s,
        peak_mib=peak_mib,
        cuda_mib=cuda_mib,
    )
