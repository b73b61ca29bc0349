"""The sixth extension point: an encoder, which writes audio in a format that ttsflow itself does not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from io import RawIOBase

    import numpy as np


@dataclass(frozen=True, slots=True)
class AudioDetails:
    """What a file may tell of its audio; None and nothing for what is not known.

    `length_s` is the length of the whole in seconds; None where it is heard as it is made. `chapters` are
    titles, each with the second at which it begins. `cover` are the bytes of a picture. A file that is one of
    several has a `track`: its number and how many there are, and the `album` that all belong to.
    """

    length_s: float | None
    title: str | None = None
    author: str | None = None
    language: str | None = None
    chapters: tuple[tuple[str, float], ...] = ()
    cover: bytes | None = None
    track: tuple[int, int] | None = None
    album: str | None = None


class AudioEncoder(ABC):
    """Writes one file of audio in a format, which is found by its name or by the suffix of a file.

    `suffixes` are those of its files, such as ".aiff", in lower case, the usual one first; none that ttsflow
    writes itself. `streamed` tells whether it can write to a file that is not seekable, such as a pipe.
    `bit_rates` are the least and the greatest in kbit/s that can be asked for; None for a format without.
    An object is made for each file, without arguments, and another one where a file is begun anew.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    streamed: ClassVar[bool] = False
    bit_rates: ClassVar[tuple[int, int] | None] = None

    @abstractmethod
    def begin(self, file: RawIOBase, sample_rate: int, kbit_s: int | None) -> None:
        """Begin a file of mono audio at a rate in Hz, with this bit rate; None for what is usual.

        `file` is empty, and open for writing; it is seekable, unless somebody hears it as it is made.
        """

    @abstractmethod
    def write(self, samples: np.ndarray) -> None:
        """Add samples: an array of int16, of any length, which is the encoder's own."""

    @abstractmethod
    def finish(self, details: AudioDetails) -> None:
        """There are no more samples: complete the file, which is not closed here."""

    def drop(self) -> None:
        """The audio ends early, and nobody wants the file: give back what is held."""
