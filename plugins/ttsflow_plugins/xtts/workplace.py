"""Where the vocoder works: beside the decoder, so that the next codes do not wait for sound.

On CUDA it has a stream of its own. Its pieces come to the host while the next codes are decoded, and are
fetched in a later step. On a CPU all cores already decode, so the vocoder works in its turn, and each piece
is there at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor


class Arrival(Protocol):
    """Samples (n,) on their way to the host."""

    def arrived(self) -> bool:
        """Whether `samples` would not wait."""

    def samples(self) -> Tensor:
        """The samples on the CPU. Waits for them."""


class Workplace:
    """For a CPU: what is computed here is there when the call returns."""

    @contextmanager
    def after(self, *tensors: Tensor) -> Iterator[None]:
        """The `with` block is computed there, after these tensors, which the decoder has computed."""
        yield

    def fetch(self, samples: Tensor) -> Arrival:
        """Bring samples (n,) that were computed there to the host."""
        return _There(samples)


class CudaWorkplace(Workplace):
    """A stream of its own on a GPU."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # it has no types

    @contextmanager
    def after(self, *tensors: Tensor) -> Iterator[None]:
        self._stream.wait_stream(torch.cuda.current_stream(self._stream.device))
        for tensor in tensors:
            if tensor.is_cuda:
                tensor.record_stream(self._stream)  # its memory is not used again before it has been read
        with torch.cuda.stream(self._stream):
            yield

    def fetch(self, samples: Tensor) -> Arrival:
        with torch.cuda.stream(self._stream):
            host = torch.empty(samples.shape, dtype=samples.dtype, pin_memory=True)
            host.copy_(samples, non_blocking=True)
            copied = torch.cuda.Event()  # type: ignore[no-untyped-call]  # it has no types
            copied.record(self._stream)
        return _Coming(host, copied)


def workplace(device: torch.device) -> Workplace:
    """For what is computed on a device."""
    return CudaWorkplace(device) if device.type == "cuda" else Workplace()


class _There:
    def __init__(self, samples: Tensor) -> None:
        self._samples = samples

    def arrived(self) -> bool:
        return True

    def samples(self) -> Tensor:
        return self._samples


class _Coming:
    def __init__(self, host: Tensor, copied: torch.cuda.Event) -> None:
        self._host, self._copied = host, copied

    def arrived(self) -> bool:
        return bool(self._copied.query())  # type: ignore[no-untyped-call]  # it has no types

    def samples(self) -> Tensor:
        self._copied.synchronize()
        return self._host
