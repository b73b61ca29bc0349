"""The sixth extension point: an encoder, which writes audio in a format that ttsflow itself does not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from ttsflow.interface.options import PluginOptions

if TYPE_CHECKING:
    import numpy as np


class AudioFile(Protocol):
    """The binary file that an encoder writes to; one that is heard as it is made is not `seekable`."""

    def write(self, data: bytes, /) -> int:
        """Write all of the bytes; returns how many they are. Raises OSError."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to another place in bytes, as in Python's own files. Raises OSError."""

    def tell(self) -> int:
        """The place in bytes at which the next are written. Raises OSError."""

    def seekable(self) -> bool:
        """Whether `seek` and `tell` may be called."""


@dataclass(frozen=True, slots=True)
class AudioDetails:
    """What a file may tell of its audio; None and nothing for what is not known.

    `length_s` is the length of the whole in seconds. `chapters` are titles, each with the second at which it
    begins. `cover` are the bytes of a picture. A file that is one of several has a `track`: its number and
    how many there are, and the `album` that all belong to.
    """

    length_s: float
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
    An object is made for each file.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    streamed: ClassVar[bool] = False
    bit_rates: ClassVar[tuple[int, int] | None] = None

    class Options(PluginOptions):
        """An encoder has no options yet."""

    options: PluginOptions

    def __init__(self, options: PluginOptions | None = None) -> None:
        self.options = self.Options() if options is None else options

    @abstractmethod
    def begin(self, file: AudioFile, sample_rate: int, kbit_s: int | None) -> None:
        """Begin a file of mono audio at a rate in Hz, with this bit rate; None for what is usual.

        What `file` raises must pass through, here and later.
        """

    @abstractmethod
    def write(self, samples: np.ndarray) -> None:
        """Add samples: an array of int16, of any length."""

    @abstractmethod
    def finish(self, details: AudioDetails) -> None:
        """There are no more samples: complete the file, which is not closed here."""

    def drop(self) -> None:
        """The audio ends early, and nobody wants the file: give back what is held."""
