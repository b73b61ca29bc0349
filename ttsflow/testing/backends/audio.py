"""Rules for the audio that a backend makes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from ttsflow.testing.backends.subject import BackendSubject
from ttsflow.testing.backends.texts import ODD
from ttsflow.testing.rule import DoesNotApply, Note, NotReached, Rule, rule

PIECES = "backends.md#jobs-pieces-and-errors"
PROFILE = "backends.md#the-profile"

LOUDEST = 1.0001
"""amplitude; a little above full scale is rounding"""

OFF_MEASURED, OFF_GUESSED = 4.0, 10.0
"""times that the length of audio may be off where `chars_per_s` is measured, and where it is one number"""

ENOUGH_CHARS = 30
"""characters of a text from which its length is judged"""

AT_THE_END = 0.9
"""share of the work after which a first piece comes at the end"""

LONG_S = 0.2
"""seconds of work from which it matters when the first piece comes"""


@rule("backends.md#a-first-backend")
def speaks(subject: BackendSubject) -> Iterator[str]:
    """A plain sentence becomes audio."""
    for name in ("long", "middle", "short"):
        spoken = subject.alone.spoken[name]
        if spoken.ended == "not spoken":
            raise NotReached(subject.too_late)
        if not spoken.whole:
            yield f"{spoken.job.text[:40]!r} {spoken.outcome}"
        elif spoken.doubts:
            yield f"{spoken.job.text[:40]!r} is in doubt: {'; '.join(spoken.doubts)}"


@rule(PIECES)
def sample_type(subject: BackendSubject) -> Iterator[str]:
    """Each piece is an AudioPiece of float32 samples in a numpy array."""
    for piece in _pieces(subject):
        if piece["type"] != "AudioPiece":
            yield f"{_of(piece)} is a {piece['type']}"
        elif piece["samples"] != "ndarray" or piece["dtype"] != "float32":
            kind = piece["dtype"] if piece["samples"] == "ndarray" else piece["samples"]
            yield f"{_of(piece)} has samples of {kind}"


@rule(PIECES)
def shape(subject: BackendSubject) -> Iterator[str]:
    """Samples are mono: an array of the shape (n,)."""
    for piece in _pieces(subject):
        if piece["samples"] == "ndarray" and len(piece["shape"]) != 1:
            yield f"{_of(piece)} has the shape {tuple(piece['shape'])}"


@rule(PIECES)
def sample_rate(subject: BackendSubject) -> Iterator[str]:
    """The sample rate of each piece is the profile's, a whole number."""
    for piece in _pieces(subject):
        if piece["type"] == "AudioPiece" and piece["rate"] != repr(subject.profile.sample_rate):
            what = f"{piece['rate']} ({piece['rate_type']})"
            yield f"{_of(piece)} is at {what} Hz, and the profile says {subject.profile.sample_rate}"


@rule(PIECES)
def finite(subject: BackendSubject) -> Iterator[str]:
    """No sample is NaN or infinite."""
    for piece in _pieces(subject):
        if piece.get("finite") is False:
            yield f"{_of(piece)} has samples that are NaN or infinite"


@rule(PIECES)
def loudness(subject: BackendSubject) -> Iterator[str]:
    """Samples are in [-1, 1], and neither silent nor clipped throughout."""
    for piece in _pieces(subject):
        if piece.get("peak", 0.0) > LOUDEST:
            yield f"{_of(piece)} reaches {piece['peak']:.3g}"
        elif piece.get("full", 0.0) > 0.5:
            yield f"{_of(piece)} has {piece['full']:.0%} of its samples at full scale"
    for spoken in subject.spoken(subject.alone):
        if any("silent" in doubt for doubt in spoken.doubts):
            yield f"{spoken.job.stream}: {spoken.job.text[:40]!r} is silent throughout"


@rule(PIECES)
def buffers(subject: BackendSubject) -> Iterator[str]:
    """The samples of a piece stay as they are after it was given: no buffer is used again."""
    _pieces(subject)
    for note in subject.alone.noted("changed"):
        yield f"piece {note['number']} of job {note['job']!r} changed while later ones were made"


@rule(PROFILE)
def length(subject: BackendSubject) -> Iterator[str | Note]:
    """Audio is about as long as the profile's chars_per_s says."""
    profile = subject.profile
    audio_s, chars = 0.0, 0
    for spoken in subject.spoken(subject.alone, "long", "middle", "short", "longest"):
        text, language = spoken.job.text, spoken.job.language
        if len(text) < ENOUGH_CHARS:
            continue
        seconds, expected = spoken.audio_s(profile.sample_rate), len(text) / profile.rate(language)
        audio_s, chars = audio_s + seconds, chars + len(text)
        off = OFF_GUESSED if profile.measured_rate(language) is None else OFF_MEASURED
        if not expected / off <= seconds <= expected * off:
            rate = len(text) / max(seconds, 1e-3)
            yield (
                f"{len(text)} characters in {language!r} became {seconds:.2f} s of audio, and "
                f"{expected:.2f} s are expected: chars_per_s would be {rate:.1f}"
            )
    if audio_s:
        yield Note(f"{chars / audio_s:.1f} characters per second of audio in {subject.language!r}")


@rule(PROFILE)
def longer(subject: BackendSubject) -> Iterator[str]:
    """A longer text becomes longer audio."""
    names = [name for name in ("short", "long", "longest") if subject.alone.spoken[name].whole]
    texts = [subject.alone.spoken[name] for name in names]
    for one, other in pairwise(texts):
        more = len(other.job.text) / len(one.job.text)
        if more >= 2.0 and other.audio_s(1) <= one.audio_s(1):
            yield f"{len(other.job.text)} characters are no longer than {len(one.job.text)}"
    if not texts:
        raise NotReached("nothing was spoken")


@rule(PROFILE)
def longest(subject: BackendSubject) -> Iterator[str | Note]:
    """A text of max_chars characters is spoken, or split with TextTooLong."""
    spoken = subject.alone.spoken["longest"]
    if spoken.ended == "not spoken":
        raise NotReached(subject.too_late)
    if spoken.ended not in ("finished", "too long"):
        yield f"{len(spoken.job.text)} characters in {subject.language!r}: {spoken.outcome}"
    if spoken.ended == "too long":
        yield Note(f"{len(spoken.job.text)} characters became {len(spoken.parts)} parts")


@rule("backends.md#a-text-that-is-too-long-for-the-model")
def parts(subject: BackendSubject) -> Iterator[str]:
    """The parts of a text that is too long are all of it, each shorter."""
    split = [spoken for spoken in subject.alone.spoken.values() if spoken.parts]
    refusals = [each for each in subject.alone.spoken.values() if "too long" in each.why]
    for spoken in refusals:
        yield f"{len(spoken.job.text)} characters: {spoken.why}"
    if not split and not refusals:
        raise DoesNotApply("it found no text too long")
    for spoken in split:
        if _letters("".join(spoken.parts)) != _letters(spoken.job.text):
            yield f"the parts of {spoken.job.text[:40]!r} are not all of its words, in their order"
        if any(len(part) >= len(spoken.job.text) for part in spoken.parts):
            yield f"a part of {spoken.job.text[:40]!r} is as long as the whole"


@rule(PIECES)
def odd_texts(subject: BackendSubject) -> Iterator[str | Note]:
    """Odd texts (emoji, other scripts, 5,000 characters, one letter) are spoken or refused in words."""
    refused = []
    for name in ODD:
        spoken = subject.alone.spoken[name]
        if spoken.ended == "failed" and spoken.kind == "refused" and spoken.why:
            refused.append(name)
        elif spoken.ended == "not spoken":
            raise NotReached(subject.too_late)
        elif spoken.ended not in ("finished", "too long"):
            yield f"{name}: {spoken.outcome}; raise ttsflow.JobRefused with the reason"
    if refused:
        yield Note(f"refused: {', '.join(refused)}")


@rule(PIECES)
def streams(subject: BackendSubject) -> Iterator[str | Note]:
    """Of several pieces the first comes before the work is done."""
    several = [each for each in subject.spoken(subject.alone) if len(each.pieces) > 1]
    if not several:
        raise DoesNotApply("each job gives one piece")
    slow = [each for each in several if each.took_s > LONG_S]
    if not slow:
        raise DoesNotApply(f"no chunk takes {LONG_S:g} s: too little to tell")
    # Of them all the best counts: on a busy machine pieces may be read late.
    best = min(slow, key=lambda each: each.at_s[0] / each.took_s)
    share = best.at_s[0] / best.took_s
    if share > AT_THE_END:
        yield f"the first of {len(best.pieces)} pieces came after {share:.0%} of {best.took_s:.1f} s"
    yield Note(f"first piece after {share:.0%} of a chunk's work")


@rule(PROFILE)
def speeds(subject: BackendSubject) -> Iterator[str]:
    """A faster speed gives shorter audio, a slower one longer."""
    wanted = [name for name in subject.alone.spoken if name.startswith("speed ")]
    if not wanted:
        raise DoesNotApply("the profile has one speed")
    [usual] = subject.spoken(subject.alone, "middle")
    for name in wanted:
        spoken = subject.alone.spoken[name]
        if spoken.ended == "not spoken":
            raise NotReached(subject.too_late)
        speed, ratio = spoken.job.speed, spoken.audio_s(1) / usual.audio_s(1)
        if not spoken.whole:
            yield f"speed {speed:g} {spoken.outcome}"
        elif (ratio > 1.0) != (speed < 1.0) or ratio == 1.0:
            yield f"at speed {speed:g} the audio is {ratio:.2f} times as long"


def _pieces(subject: BackendSubject) -> list[dict[str, Any]]:
    """What the probe noted of each piece. Raises NotReached where there was none."""
    pieces = subject.alone.noted("piece")
    if not pieces:
        list(subject.spoken(subject.alone))
    return pieces


def _of(piece: dict[str, Any]) -> str:
    return f"piece {piece['number']} of job {piece['job']!r}"


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


RULES: tuple[Rule[BackendSubject], ...] = (
    speaks, sample_type, shape, sample_rate, finite, loudness, buffers, length, longer, longest, parts,
    odd_texts, streams, speeds,
)  # fmt: skip
