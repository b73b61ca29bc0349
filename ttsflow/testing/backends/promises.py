"""Rules for what a backend promises: the same audio, slots that do not disturb each other, an end."""

from __future__ import annotations

from collections.abc import Iterator

from ttsflow.testing.backends.probe import RELIEVED
from ttsflow.testing.backends.studio import Performance
from ttsflow.testing.backends.subject import OTHER_SEEDS, BackendSubject, promised
from ttsflow.testing.rule import DoesNotApply, Note, NotReached, Rule, rule

PROFILE = "backends.md#the-profile"
SLOTS = "backends.md#several-chunks-at-a-time"
PLAIN = ("long", "middle", "short")


@rule(PROFILE)
def repeats(subject: BackendSubject) -> Iterator[str]:
    """An identical job gives the same audio again."""
    promised(subject)
    for name in PLAIN:
        yield from _compared(subject, subject.alone, name, subject.alone, f"{name} again", "spoken again")


@rule(PROFILE)
def repeats_elsewhere(subject: BackendSubject) -> Iterator[str]:
    """An identical job gives the same audio in another process, after other jobs."""
    promised(subject)
    for name in PLAIN:
        yield from _compared(subject, subject.alone, name, subject.elsewhere, name, "in another process")


@rule("backends.md#jobs-pieces-and-errors")
def seeds(subject: BackendSubject) -> Iterator[str]:
    """Another seed gives other audio, or the profile says seeds=False and it does not."""
    if not subject.repeats:
        raise DoesNotApply("without the same audio for the same seed nothing shows what a seed does")
    [usual] = subject.spoken(subject.alone, "long")
    others = list(subject.spoken(subject.alone, *(f"seed {seed}" for seed in OTHER_SEEDS)))
    same = [other for other in others if subject.is_same(usual, other)]
    if subject.profile.seeds and len(same) == len(others):
        tried = ", ".join(str(each.job.seed) for each in (usual, *others))
        yield f"the seeds {tried} give the same audio"
    if not subject.profile.seeds and len(same) < len(others):
        yield "another seed gives other audio, and the profile says that none does"


@rule(SLOTS)
def slots(subject: BackendSubject) -> Iterator[str]:
    """Jobs that share a worker are all spoken."""
    if subject.slots == 1:
        raise DoesNotApply("the profile has one slot")
    yield from _failures(subject.together, "beside")


@rule(SLOTS)
def slots_apart(subject: BackendSubject) -> Iterator[str]:
    """A job sounds the same whatever its worker speaks at the time."""
    if subject.slots == 1:
        raise DoesNotApply("the profile has one slot")
    promised(subject)
    yield from _as_alone(subject, "beside")


@rule(SLOTS)
def cancels(subject: BackendSubject) -> Iterator[str]:
    """After cancel a job gives nothing more, and its slot is free."""
    for name in ("cancelled at once", "cancelled later"):
        spoken = subject.together.spoken[name]
        if spoken.ended in ("died", "hung", "failed"):
            yield f"a job that is {name} {spoken.outcome}"
    yield from _failures(subject.together, "after cancelling")


@rule(SLOTS)
def cancels_alone(subject: BackendSubject) -> Iterator[str]:
    """cancel leaves the other jobs untouched."""
    yield from _failures(subject.together, "while cancelled")
    promised(subject)
    yield from _as_alone(subject, "while cancelled")
    yield from _as_alone(subject, "after cancelling")


@rule(SLOTS)
def fails_alone(subject: BackendSubject) -> Iterator[str]:
    """A job that fails leaves the other jobs untouched."""
    if subject.refused is None:
        raise DoesNotApply("it speaks all that it is given")
    for name in ("while refused", "after refusing"):
        yield from _failures(subject.together, name)
        if subject.repeats:
            yield from _as_alone(subject, name)


@rule("backends.md#the-contract")
def relieves(subject: BackendSubject) -> Iterator[str]:
    """relieve works while jobs run, may be called twice, and changes no audio."""
    yield from _done(subject.together, "relieve", "relieve again")
    for name in (RELIEVED, "while relieved"):
        yield from _failures(subject.together, name)
        if subject.repeats:
            yield from _as_alone(subject, name)


@rule("backends.md#the-contract")
def closes(subject: BackendSubject) -> Iterator[str]:
    """close works, and may be called twice."""
    yield from _done(subject.together, "close", "close again")


@rule("backends.md#the-contract")
def loads_again(subject: BackendSubject) -> Iterator[str]:
    """A backend that was closed can be loaded again, and sounds as before."""
    yield from _done(subject.together, "load after close", "speak after load", "close at the end")
    if subject.repeats:
        [usual] = subject.spoken(subject.alone, "long")
        digests = _digests(subject.alone, "long")
        for note in subject.together.noted("again"):
            if subject.profile.deterministic and note["digests"] != digests:
                yield f"after it was loaded again, {usual.job.text[:40]!r} sounds otherwise"


@rule("backends.md#the-contract")
def ends(subject: BackendSubject) -> Iterator[str | Note]:
    """The worker ends by itself, with exit code 0, when it is asked to."""
    performance = subject.together
    list(subject.spoken(performance))
    if performance.out_of_time:
        raise NotReached(subject.too_late)
    if performance.ended is None:
        yield "the worker does not end after close"
    elif "SIGKILL" in performance.ended and not list(_done(performance, "close at the end")):
        yield Note("all was closed, and the process took so long to end that it was killed")
    elif not performance.ended.startswith("exit code 0"):
        yield f"the worker ended otherwise: {performance.ended}"


@rule("backends.md#the-contract")
def identity_of_sound(subject: BackendSubject) -> Iterator[str | Note]:
    """Options that identity leaves out change no audio."""
    promised(subject)
    if not subject.left_out:
        raise DoesNotApply("identity has all of its options")
    names = ", ".join(f"{name}={value!r}" for name, value in subject.left_out.items())
    other = subject.otherwise
    if other.not_loaded is not None:
        yield Note(f"with {names} no worker loads: {other.not_loaded}")
        return
    for name in PLAIN:
        a, b = subject.alone.spoken[name], other.spoken[name]
        if a.whole and b.whole and not subject.is_same(a, b):
            yield f"with {names} identity is the same, and the audio is not: {subject.difference(a, b)}"
            return
    yield Note(f"tried: {names}")


def _digests(performance: Performance, name: str) -> list[int]:
    return [each["digest"] for each in performance.noted("piece") if each["job"] == name and "digest" in each]


def _compared(
    subject: BackendSubject, one: Performance, name: str, other: Performance, name_there: str, how: str
) -> Iterator[str]:
    a, b = one.spoken[name], other.spoken[name_there]
    if not a.whole:
        next(subject.spoken(one, *PLAIN))
        return
    if b.ended == "not spoken":
        raise NotReached(subject.too_late)
    if not b.whole:
        yield f"{b.job.text[:40]!r}, {how}, {b.outcome}"
    elif not subject.is_same(a, b):
        yield f"{a.job.text[:40]!r}, {how}: {subject.difference(a, b)}"


def _failures(performance: Performance, name: str) -> Iterator[str]:
    """The jobs whose names begin so, as far as they were not spoken."""
    for stream, spoken in performance.spoken.items():
        if stream.startswith(name) and not spoken.whole:
            if spoken.ended == "not spoken":
                raise NotReached("the worker had ended before, or the budget was over")
            yield f"the job {stream!r} {spoken.outcome}"


def _as_alone(subject: BackendSubject, name: str) -> Iterator[str]:
    """The jobs whose names begin so, as far as they sound otherwise than alone."""
    for stream, spoken in subject.together.spoken.items():
        if stream.startswith(name) and spoken.whole:
            [alone] = subject.spoken(subject.alone, subject.plain(spoken.job.text))
            if not subject.is_same(alone, spoken):
                yield f"the job {stream!r} and alone: {subject.difference(alone, spoken)}"


def _done(performance: Performance, *names: str) -> Iterator[str]:
    """What went wrong with what the probe did."""
    notes = {note["what"]: note for note in performance.noted("did")}
    begun = {note["what"] for note in performance.noted("began")}
    if not begun & set(names):
        raise NotReached(f"the worker ended before ({performance.ended or 'it was killed'})")
    for name in names:
        if name in begun and name not in notes:
            yield f"{name}: it did not come back, and the worker ended ({performance.ended or 'killed'})"
        elif name in notes and notes[name]["error"]:
            yield f"{name}: {notes[name]['error']}"


RULES: tuple[Rule[BackendSubject], ...] = (
    repeats, repeats_elsewhere, seeds, slots, slots_apart, cancels, cancels_alone, fails_alone, relieves,
    closes, loads_again, ends, identity_of_sound,
)  # fmt: skip
