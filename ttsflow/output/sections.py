"""Encoding in sections, several at a time: a codec runs on one core, and may be slower than an engine.

A codec carries a little of the past along, and looks a little ahead. So each section begins some frames
early and ends some frames late, and their packets are dropped. What is left fits together without a seam:
on both sides of it the packets were made from the same samples.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from ttsflow.devices.detection import cores
from ttsflow.output.pool import EncoderPool, Interrupted, IsInterrupted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ttsflow.output.compressed import Codec
    from ttsflow.output.packets import Packet

_SECTION_S = 30.0
_EARLY, _LATE = 40, 4  # frames; AAC takes 30 until it uses its bits well, and none looks 3 frames ahead
_AT_ONCE = 64  # frames that the codec is given: with one at a time Python would take as long as it
_WAITING = 2  # sections for each core that may be in memory


class Sections:
    """Encodes as the open `context` would, which is of this `codec`, with the threads of a `pool`."""

    def __init__(self, context: Any, codec: Codec, pool: EncoderPool) -> None:
        self._like, self._codec = context, codec
        self._frame = int(context.frame_size)
        self._length = round(_SECTION_S * context.sample_rate / self._frame) * self._frame
        self._start = 0  # the sample with which the next section begins
        self._held: list[NDArray[Any]] = []  # the samples from `_EARLY` frames before it on
        self._held_samples = 0
        self._most = _WAITING * cores()
        self._pool = pool
        self._coming: deque[Future[list[Packet]]] = deque()

    def encode(self, samples: bytes | None) -> Iterator[list[Packet]]:
        """Take samples, or the end of the audio; the packets that are ready, in their order."""
        import numpy as np

        if samples is not None:
            self._held.append(np.frombuffer(samples, "<i2"))
            self._held_samples += len(self._held[-1])
        while self._held_samples >= self._early + self._length + _LATE * self._frame:
            self._submit(self._length)
        if samples is None:
            self._submit(None)
            self._pool.end()
        while self._coming and (self._coming[0].done() or self._is_to_wait(last=samples is None)):
            yield self._coming.popleft().result()

    def drop(self) -> None:
        """Encode nothing more."""
        self._pool.end(drop=True)

    def _is_to_wait(self, *, last: bool) -> bool:
        return last or (len(self._coming) > self._most and self._pool.waited_for)

    @property
    def _early(self) -> int:
        """Samples that are held of those before the next section."""
        return min(self._start, _EARLY * self._frame)

    def _submit(self, length: int | None) -> None:
        """Have the next section encoded, of so many samples; None for all that are left."""
        import numpy as np

        held, early = np.concatenate(self._held or [np.empty(0, np.int16)]), self._early
        until = len(held) if length is None else early + length + _LATE * self._frame
        task = partial(self._packets, held[:until], self._start - early, self._start, length)
        self._coming.append(self._pool.submit(task))
        if length is not None:
            self._start += length
            self._held = [held[early + length - self._early :]]
            self._held_samples = len(self._held[0])

    def _packets(
        self, samples: NDArray[Any], at: int, start: int, length: int | None, interrupted: IsInterrupted
    ) -> list[Packet]:
        """The packets of the section from sample `start` on; `samples` are those from sample `at` on."""
        import numpy as np
        from av import AudioFrame

        context = self._codec.context(self._like.sample_rate, self._like.bit_rate)
        packets: list[Packet] = []
        step = _AT_ONCE * self._frame
        for first in range(0, len(samples), step):
            if interrupted():
                raise Interrupted
            part = samples[np.newaxis, first : first + step]
            frame = AudioFrame.from_ndarray(part, "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = context.sample_rate, first, context.time_base
            packets += context.encode(frame)
        packets += context.encode(None)
        delay = -(packets[0].pts or 0) if packets else 0
        begin = start - delay if start else -delay
        end = math.inf if length is None else start + length - delay
        for packet in packets:
            packet.pts = packet.dts = (packet.pts or 0) + at
        return [packet for packet in packets if begin <= (packet.pts or 0) < end]
