"""What a file of audio says of itself: who made it and of what, its title, its chapters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ttsflow.output.tag import Tag
from ttsflow.text import Details

UNSAID = Details()


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter of the audio, from `start_s` seconds to the next one, or to the end."""

    title: str
    start_s: float


@dataclass(frozen=True, slots=True)
class About:
    """What is written into a file beside its audio, as far as its format has room for it.

    `length_s` is the length of the whole audio in seconds, by which the last chapter ends. A file that is
    one of several has a `track`: its number and how many there are, and the `album` that all belong to.
    """

    tag: Tag | None = None
    details: Details = UNSAID
    chapters: Sequence[Chapter] = ()
    length_s: float = 0.0
    track: tuple[int, int] | None = None
    album: str | None = None
