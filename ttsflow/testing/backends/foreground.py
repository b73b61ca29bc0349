"""Rules for what a backend does in the main process, before any worker starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ttsflow.testing.backends.subject import BackendSubject
from ttsflow.testing.backends.survey import Call, Survey
from ttsflow.testing.crowding import crowding
from ttsflow.testing.rule import DoesNotApply, Note, Rule, rule

QUICK_CPU_S, QUICK_S = 1.0, 5.0
"""seconds that a call may take: of the processor, and by the clock, as it may wait for something"""

CONTRACT = "backends.md#the-contract"


@rule("backends.md#the-hook")
def imports(subject: BackendSubject) -> Iterator[str]:
    """The module is imported without an error."""
    yield from _errors(subject.surveys[0], "import")


@rule("backends.md#a-first-backend")
def described(subject: BackendSubject) -> Iterator[str]:
    """The class has a docstring: its first line stands in lists."""
    if not subject.plugin.summary:
        yield f"{subject.plugin.cls.__name__} has none"


@rule(CONTRACT)
def light(subject: BackendSubject) -> Iterator[str]:
    """Neither the import nor a class method imports anything heavy."""
    for call in subject.surveys[0].calls:
        if call.heavy:
            yield f"{call.method} imports {', '.join(call.heavy)}; import that in load, or inside a function"


@rule(CONTRACT)
def quick(subject: BackendSubject) -> Iterator[str | Note]:
    """The import and each class method are back within 1 s."""
    survey = subject.surveys[0]
    for call in survey.calls:
        if call.stuck:
            yield f"{call.method} does not come back: {survey.ended}"
        elif call.cpu_s > QUICK_CPU_S or call.wall_s > QUICK_S * crowding():
            yield f"{call.method} took {call.wall_s:.1f} s ({call.cpu_s:.1f} s of the processor)"
    yield Note(f"all of them took {sum(call.wall_s for call in survey.calls):.2f} s")


@rule(CONTRACT)
def quiet(subject: BackendSubject) -> Iterator[str]:
    """Nothing is written to standard output: audio may go there."""
    for call in subject.surveys[0].calls:
        if call.printed:
            yield f"{call.method} wrote {call.printed!r}"


@rule(CONTRACT)
def survives(subject: BackendSubject) -> Iterator[str]:
    """The process lives on after each class method."""
    survey = subject.surveys[0]
    if survey.ended and survey.calls:
        yield f"{survey.calls[-1].method}: {survey.ended}"


@rule("backends.md#the-profile")
def describes(subject: BackendSubject) -> Iterator[str]:
    """describe gives a Profile, the same each time and in each process."""
    yield from _errors(subject.surveys[0], "describe")
    yield from _differences(subject, "describe")


@rule("backends.md#the-profile")
def profile(subject: BackendSubject) -> Iterator[str]:
    """The profile names its backend, and kinds of device that there are."""
    profile = subject.profile
    if profile.backend != subject.plugin.name:
        yield f"backend is {profile.backend!r}, and the class is named {subject.plugin.name!r}"
    known = ("cuda", "mps", "cpu", "remote")
    for kind in {*profile.device_kinds, *profile.reproducible_on} - {*known}:
        yield f"{kind!r} is no kind of device; they are {', '.join(known)}"
    if any(table and (table[0] != 1.0 or min(table) <= 0.0) for table in (profile.slowdown, profile.workers)):
        yield "slowdown and workers begin with 1.0: s(1) is one chunk alone"
    if profile.rtf < 0.0 or profile.memory_bytes < 0 or profile.slot_memory_bytes < 0:
        yield "rtf and memory are not below 0"
    for language in profile.languages or ():
        if language != language.strip() or not language:
            yield f"{language!r} is no language code"


@rule(CONTRACT)
def identity(subject: BackendSubject) -> Iterator[str]:
    """identity gives a string, the same each time and in each process."""
    yield from _errors(subject.surveys[0], "identity")
    yield from _differences(subject, "identity")


@rule(CONTRACT)
def missing(subject: BackendSubject) -> Iterator[str]:
    """missing gives None, or the command that installs what is missing."""
    yield from _errors(subject.surveys[0], "missing")
    yield from _differences(subject, "missing")


@rule("backends.md#devices-of-its-own")
def devices(subject: BackendSubject) -> Iterator[str]:
    """devices gives Devices, with ids of their own and a kind that the profile lists."""
    yield from _errors(subject.surveys[0], "devices")
    for device in _gave(subject.surveys[0], "devices") or ():
        if device["kind"] not in subject.profile.device_kinds:
            yield f"{device['id']} is of the kind {device['kind']!r}, which device_kinds does not list"


@rule(CONTRACT)
def voices(subject: BackendSubject) -> Iterator[str]:
    """voices gives Voices with names of their own; check_voice takes each of them."""
    yield from _errors(subject.surveys[0], "voices")
    found = _gave(subject.surveys[0], "voices") or []
    names = [voice["name"] for voice in found]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"two voices are named {name!r}"
    languages = subject.profile.languages
    for voice in found:
        strange = set(voice["languages"]) - set(voice["languages"] if languages is None else languages)
        if strange:
            listed = ", ".join(sorted(strange))
            yield f"voice {voice['name']!r} speaks {listed}, which the profile does not list"
    yield from _errors(subject.surveys[0], "check_voice")


@rule(CONTRACT)
def unknown_voice(subject: BackendSubject) -> Iterator[str]:
    """A voice that does not exist is refused with UnknownNameError, in words."""
    for call in subject.surveys[0].of("check_unknown_voice"):
        if call.error is None:
            if subject.surveys[0].of("check_voice"):
                yield "check_voice takes 'no-such-voice-anywhere'"
            else:
                raise DoesNotApply("it lists no voices, and takes any name")
        elif not call.refused:
            yield f"check_voice {call.error}; raise ttsflow.UnknownNameError"


@rule(CONTRACT)
def checks_requests(subject: BackendSubject) -> Iterator[str]:
    """check takes a request in a language of the profile, or refuses it with a UsageError."""
    for call in subject.surveys[0].of("check"):
        if call.error and not call.refused:
            yield f"check {call.error}"
    yield from _errors(subject.surveys[0], "takes_reference_audio")


@rule("backends.md#the-hook")
def options(subject: BackendSubject) -> Iterator[str]:
    """The options go to a worker as JSON, and come out the same."""
    yield from _errors(subject.surveys[0], "options")


@rule(CONTRACT)
def prepares(subject: BackendSubject) -> Iterator[str]:
    """prepare is done, or raises BackendUnavailable with words; then a worker loads."""
    from ttsflow.errors import BackendUnavailable, PluginError

    try:
        _ = subject.prepared
    except BackendUnavailable as error:
        if not str(error).strip():
            yield "prepare raises BackendUnavailable without a word"
        raise
    except PluginError as error:
        yield str(error)


def _errors(survey: Survey, method: str) -> Iterator[str]:
    for call in survey.of(method):
        if call.error:
            yield f"{method} {call.error}"
        elif call.stuck:
            yield f"{method} does not come back: {survey.ended}"


def _gave(survey: Survey, method: str) -> Any:
    calls = survey.of(method)
    return calls[0].gave if calls else None


def _differences(subject: BackendSubject, method: str) -> Iterator[str]:
    """What two calls in one process give differently, and calls in two processes."""
    one, other = (survey.of(method) for survey in subject.surveys)
    if len(one) > 1 and one[0].gave != one[1].gave:
        yield f"two calls of {method} in one process differ: {_apart(one[0], one[1])}"
    elif one and other and one[0].gave != other[0].gave:
        yield f"{method} differs from process to process: {_apart(one[0], other[0])}"


def _apart(one: Call, other: Call) -> str:
    a, b = one.gave, other.gave
    if isinstance(a, dict) and isinstance(b, dict):
        keys = [key for key in a if a[key] != b.get(key)]
        return "; ".join(f"{key} is {a[key]!r}, then {b.get(key)!r}" for key in keys[:3])
    return f"{a!r}, then {b!r}"


RULES: tuple[Rule[BackendSubject], ...] = (
    imports, described, light, quick, quiet, survives, describes, profile, identity, options, missing,
    devices, voices, unknown_voice, checks_requests, prepares,
)  # fmt: skip
