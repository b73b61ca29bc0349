"""The silence at the edges of a sentence: hibari makes up to 0.8 s of it, in which nothing is heard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_QUIET = 0.001  # amplitude, of 1.0
_BEFORE, _AFTER = 1_200, 6_000  # samples at 24 kHz that stay: 0.05 and 0.25 s


def joined(sentences: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The samples of all sentences, each with little silence before it and a short one behind it."""
    import numpy as np  # here, because what only lists the backends must not load it

    return np.concatenate([_trimmed(samples) for samples in sentences] or [np.zeros(0, np.float32)])


def _trimmed(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    loud = np.flatnonzero(np.abs(samples) > _QUIET)
    if not loud.size:
        return samples[:0]
    return samples[max(0, loud[0] - _BEFORE) : loud[-1] + _AFTER]
