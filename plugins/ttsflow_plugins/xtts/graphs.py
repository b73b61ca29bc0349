"""Steps that are recorded once and replayed: CUDA graphs, which save the host nearly all of its work.

A recorded step may read and write only tensors whose addresses stay, and may not wait for the device.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

import torch

logger = logging.getLogger(__name__)

Work = Callable[[], None]
Capture = Callable[[Work], Work]
"""records what a function does on the device, and returns what does it again"""


class Graphs:
    """Recordings by the shape of a step. Without `capture`, or once it has failed, steps run as they are."""

    def __init__(self, capture: Capture | None) -> None:
        self._capture = capture
        self._recorded: dict[Hashable, Work] = {}

    @property
    def in_use(self) -> bool:
        """Whether steps are recorded."""
        return self._capture is not None

    def recorded(self, shape: Hashable, work: Work, harmless: Work) -> Work:
        """What does `work`. To be recorded it is called, after `harmless`, with which it changes no row."""
        if self._capture is None:
            return work
        if shape not in self._recorded:
            harmless()
            why = ""
            try:
                self._recorded[shape] = self._capture(work)
            except Exception as error:  # out of memory, or whatever a driver says; without graphs it works
                why = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            if why:  # not above, where the error still holds the graph that failed, and its memory
                self.give_up(why)
                return work
        return self._recorded[shape]

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Within, steps run as they are."""
        capture, self._capture = self._capture, None
        try:
            yield
        finally:
            self._capture = capture

    def give_up(self, why: str) -> None:
        """Record no more steps, forget those recorded, and say so."""
        self._capture = None
        self._recorded.clear()
        torch.cuda.empty_cache()  # their memory; does nothing if CUDA is not in use
        logger.warning("XTTS-v2 goes on without CUDA graphs, which is slower: %s", why)


class CudaCapture:
    """Records as CUDA graphs; all of them share one pool of memory, because no two run at a time."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch has no types for it

    def __call__(self, work: Work) -> Work:
        usual = torch.cuda.current_stream()
        self._stream.wait_stream(usual)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.stream(self._stream):
                work()  # libraries allocate what they need at the first call, which a graph cannot contain
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                work()
        finally:
            torch.cuda.set_stream(usual)  # torch does not go back to it where recording fails
            usual.wait_stream(self._stream)
        return graph.replay
