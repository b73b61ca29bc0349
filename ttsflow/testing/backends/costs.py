"""Rules for what the profile says of costs, beside what was measured on the way."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from ttsflow.profiles import Costs, Measured
from ttsflow.testing.backends.subject import BackendSubject
from ttsflow.testing.crowding import crowding
from ttsflow.testing.rule import DoesNotApply, Note, NotReached, Rule, rule

PROFILE = "backends.md#the-profile"

FAR = 8.0
"""times that the profile may be off: the run learns quickly, but plans and deadlines begin with it"""

NO_MATTER_RTF = 0.05
"""below it, it does not matter how far off the profile is"""

LONG_S = 0.2
"""seconds of work from which s(k) can be seen"""

OFF_BYTES, OFF_TIMES = 300_000_000, 2.0
"""by which the memory may be more than the profile says: an interpreter with numpy has 60 MB"""

PATIENT_S = 20.0
"""seconds of loading for which nobody wonders; on a busy machine anything takes long"""

PROSE_CHARS = 20
"""characters from which a text tells how fast is spoken"""

DIGITS = 3
"""significant digits of what is measured"""

SPOKEN = ("long again", "middle again", "short again")


@rule(PROFILE)
def rtf(subject: BackendSubject) -> Iterator[str | Note]:
    """The work for a second of audio is about what the profile's rtf says."""
    measured, claimed = measured_rtf(subject), subject.profile.rtf
    said = f"RTF {measured:.3g} measured, {claimed:g} in the profile"
    if measured > FAR * claimed * crowding() and measured > NO_MATTER_RTF:
        yield f"{said}; it would be {measured:.2g}"
    elif claimed > FAR * measured and claimed > NO_MATTER_RTF:
        yield Note(f"{said}: it is quicker here than it says")
    yield Note(said)


@rule(PROFILE)
def slowdown(subject: BackendSubject) -> Iterator[str | Note]:
    """Chunks that share a worker slow each other down about as the profile's slowdown says."""
    k = subject.slots
    if k == 1:
        raise DoesNotApply("the profile has one slot")
    names = [name for name in subject.together.spoken if name.startswith("beside")]
    ratios = []
    for spoken in subject.spoken(subject.together, *names):
        alone = subject.alone.spoken[f"{subject.plain(spoken.job.text)} again"]
        if alone.whole and alone.took_s > LONG_S:
            ratios.append(spoken.took_s / alone.took_s)
    if not ratios:
        raise DoesNotApply(f"a chunk takes less than {LONG_S:g} s: too little to tell")
    measured, claimed = median(ratios), subject.profile.slow(k)
    if measured > 2.0 * claimed * crowding():
        yield f"s({k}) is {measured:.2f}, and {claimed:g} in the profile"
    yield Note(f"s({k}) {measured:.2f} measured, {claimed:g} in the profile")


@rule(PROFILE)
def memory(subject: BackendSubject) -> Iterator[str | Note]:
    """A worker takes about the memory that the profile says."""
    taken = max(spoken.memory_bytes for spoken in subject.spoken(subject.alone))
    claimed = subject.profile.memory(1)
    said = f"{taken / 1e6:,.0f} MB of the machine's memory, {claimed / 1e6:,.0f} MB in the profile"
    if subject.device.kind == "cpu" and taken > OFF_TIMES * claimed + OFF_BYTES:
        yield said
    yield Note(said)


@rule("backends.md#the-contract")
def loading(subject: BackendSubject) -> Iterator[str | Note]:
    """A model that loads for more than 20 s says how far it is, with progress."""
    loaded = subject.alone.noted("loaded")
    if not loaded:
        raise NotReached("no worker was loaded")
    load_s = float(loaded[0]["took_s"])
    if load_s > PATIENT_S and not subject.alone.noted("progress"):
        yield f"it loaded for {load_s:.0f} s without a word"
    yield Note(f"loaded in {load_s:.1f} s, without the start of the process")


def measured_rtf(subject: BackendSubject) -> float:
    """Seconds of work for a second of audio, one chunk at a time. Raises NotReached."""
    rate = subject.profile.sample_rate
    spoken = [subject.alone.spoken[name] for name in SPOKEN if subject.alone.spoken[name].whole]
    audio_s = sum(each.audio_s(rate) for each in spoken)
    if not audio_s:
        raise NotReached("nothing was spoken twice")
    return sum(each.took_s for each in spoken) / audio_s


def measured(subject: BackendSubject) -> Measured:
    """An entry of a profile file with what was measured. Raises NotReached."""
    from ttsflow.version import __version__

    alone, profile = subject.alone, subject.profile
    spoken = [each for each in subject.spoken(alone) if len(each.job.text) > PROSE_CHARS]
    audio_s = sum(each.audio_s(profile.sample_rate) for each in spoken) or 1.0
    chars = sum(len(each.job.text) for each in spoken)
    shares = [each.at_s[0] / max(each.took_s, 1e-9) for each in spoken if len(each.pieces) > 1]
    costs = Costs(
        rtf=_short(measured_rtf(subject)),
        chars_per_s={subject.language: _short(chars / audio_s)} if chars else None,
        load_s=_short(alone.load_s or 0.0),
        first_piece=_short(min(shares)) if shares else None,
        memory_mb=_short(max(each.memory_bytes for each in alone.spoken.values()) / 1e6),
    )
    source = f"ttsflow check, ttsflow {__version__}; `ttsflow bench` measures more exactly"
    device = subject.device
    return Measured(backend=profile.backend, device=device.kind, name=device.name, source=source, costs=costs)


def _short(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")


RULES: tuple[Rule[BackendSubject], ...] = (rtf, slowdown, memory, loading)
