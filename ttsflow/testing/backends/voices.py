"""Rules for the languages and the voices that a backend declares."""

from __future__ import annotations

from collections.abc import Iterator

from ttsflow.testing.backends.subject import BackendSubject
from ttsflow.testing.backends.texts import is_known
from ttsflow.testing.rule import DoesNotApply, Note, NotReached, Rule, rule


@rule("backends.md#the-profile")
def languages(subject: BackendSubject) -> Iterator[str | Note]:
    """Something is spoken in each language of the profile that `check` does not refuse."""
    if not subject.languages:
        raise DoesNotApply("the profile says that it speaks any language")
    yield from (Note(f"language {each} was not tried: {why}") for each, why in subject.lacking.items())
    yield from _toured(subject, "language")


@rule("backends.md#the-contract")
def voices_speak(subject: BackendSubject) -> Iterator[str | Note]:
    """Each voice speaks a language of its own."""
    if not subject.voices:
        raise DoesNotApply("it lists no voices")
    yield from _toured(subject, "voice")


@rule("backends.md#the-contract")
def voices_differ(subject: BackendSubject) -> Iterator[str]:
    """Voices differ: another voice gives other audio."""
    if len(subject.voices) < 2:
        raise DoesNotApply("it lists fewer than two voices")
    spoken = [each for name, each in subject.tour.spoken.items() if name.startswith("voice ") and each.whole]
    for at, one in enumerate(spoken):
        for other in spoken[at + 1 :]:
            same_text = one.job.text == other.job.text
            if same_text and one.samples.size == other.samples.size and subject.is_same(one, other):
                yield f"{one.job.voice!r} and {other.job.voice!r} sound the same"


def _toured(subject: BackendSubject, kind: str) -> Iterator[str | Note]:
    asked = {name: each for name, each in subject.tour.spoken.items() if name.startswith(f"{kind} ")}
    for name, spoken in asked.items():
        if spoken.ended in ("finished", "too long", "not spoken"):
            continue
        if spoken.kind == "refused" and not is_known(spoken.job.language):
            yield Note(f"{name} was tried with numbers, and {spoken.outcome}")
        else:
            yield f"{name}: {spoken.outcome}"
    done = sum(spoken.ended != "not spoken" for spoken in asked.values())
    if not done:
        raise NotReached(subject.too_late)
    if done < len(asked):
        yield Note(f"{done} of {len(asked)} were tried in the budget")


RULES: tuple[Rule[BackendSubject], ...] = (languages, voices_speak, voices_differ)
