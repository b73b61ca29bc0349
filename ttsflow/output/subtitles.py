"""Subtitles: the text beside the audio, with its times."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Cue:
    """A text, and when it is heard, in seconds."""

    start_s: float
    end_s: float
    text: str


def shared_out(cue: Cue, texts: Sequence[str]) -> Iterator[Cue]:
    """A cue for each of the texts that a cue is made of, one after the other: as long as its share of the
    characters."""
    whole, before = sum(map(len, texts)), 0
    long_s = cue.end_s - cue.start_s
    for text in texts:
        start_s = cue.start_s + long_s * before / whole
        before += len(text)
        yield Cue(start_s, cue.start_s + long_s * before / whole, text.strip())


def _srt(cues: Sequence[Cue]) -> str:
    return "\n".join(
        f"{number}\n{clock(cue.start_s, ',')} --> {clock(cue.end_s, ',')}\n{_arrowless(cue.text)}\n"
        for number, cue in enumerate(cues, 1)
    )


def _vtt(cues: Sequence[Cue]) -> str:
    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    shown = (f"{clock(cue.start_s)} --> {clock(cue.end_s)}\n{escaped(cue.text)}\n" for cue in cues)
    return "\n".join(("WEBVTT\n", *shown))


def _json(cues: Sequence[Cue]) -> str:
    return json.dumps(list(map(asdict, cues)), ensure_ascii=False, indent=1) + "\n"


SUBTITLES: dict[str, Callable[[Sequence[Cue]], str]] = {".srt": _srt, ".vtt": _vtt, ".json": _json}
"""what writes subtitles, by the suffix of their file"""


def _arrowless(text: str) -> str:
    return text.replace("-->", "->")  # which would begin a time


def clock(seconds: float, comma: str = ".") -> str:
    """01:02:03.500, as subtitles and chapters have times, or with a comma."""
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{comma}{rest % 1000:03}"
