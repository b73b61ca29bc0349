"""Whether a backend can speak in the voices that are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from ttsflow.config import BackendChoice
from ttsflow.config.model import TextSection
from ttsflow.errors import UsageError
from ttsflow.interface.backend import VoiceRequest
from ttsflow.interface.profile import Profile
from ttsflow.registry import check_request, check_voice, missing, takes_reference_audio, voices
from ttsflow.session.cast import Cast, speaks
from ttsflow.session.readings import Readings
from ttsflow.session.setup import spoken_language
from ttsflow.session.wording import TextRules
from ttsflow.text.languages import nearest


def check_voices(
    cast: Cast, backend: BackendChoice, profile: Profile, readings: Readings, *, prepared: bool = True
) -> None:
    """Raise a UsageError for a voice of a cast that the backend does not have, or not in this way.

    A voice that is listed for other languages than its text is a notice of the cast. What a backend knows
    only when it is `prepared`, which may mean a download, is left out until then.
    """
    for key, voice in cast.voices():
        with _naming(key):
            _check_speed(voice.speed, profile)
            _check_kind(voice, backend, prepared=prepared)
            recorded(voice, readings)
            if prepared:
                files = [Path(path) for path in voice.references]
                readings.get(("check", voice), files, partial(_check_by_backend, voice, backend))
    if prepared or _lists_voices(backend):
        offered = readings.get(("voices",), [], partial(voices, backend.plugin, backend.options))
        listed = {voice.name: voice.languages for voice in offered}
        strangers = (_stranger(voice, listed, backend) for _, voice in cast.voices())
        cast.notices = (*cast.notices, *dict.fromkeys(filter(None, strangers)))


def _stranger(voice: VoiceRequest, listed: Mapping[str, Sequence[str]], backend: BackendChoice) -> str | None:
    """What a person should know of a voice that speaks another language than its own."""
    if voice.references or not listed:
        return None
    name = f"backend {backend.plugin.name!r}"
    if voice.voice is None:
        every = [language for languages in listed.values() for language in languages]
        if not all(listed.values()) or nearest(voice.language, every) is not None:
            return None
        return f"{name} lists no voice for language {voice.language!r}: its usual one speaks it"
    languages = listed.get(voice.voice)
    if not languages or nearest(voice.language, languages) is not None:
        return None
    others = ", ".join(languages)
    return f"voice {voice.voice!r} of {name} is listed for {others}, and speaks {voice.language!r} here"


def foresee(
    asked: TextSection,
    backend: BackendChoice,
    profile: Profile,
    readings: Readings,
    rules: TextRules | None = None,
) -> Cast:
    """The cast of a text, checked as far as it can be before the backend is prepared. Raises UsageErrors."""
    language = spoken_language(asked.language, profile)
    asked = asked.model_copy(update={"language": language})
    cast = Cast(asked, profile, partial(speaks, backend), readings, rules)
    check_voices(cast, backend, profile, readings, prepared=False)
    return cast


def recorded(voice: VoiceRequest, readings: Readings) -> str:
    """The digests of a voice's recordings, wherever the files lie. Raises UsageError."""
    files = map(Path, voice.references)
    return "\n".join(readings.get(("digest", path), [path], partial(_digest, path)) for path in files)


def _check_speed(speed: float, profile: Profile) -> None:
    slowest, fastest = profile.speeds
    if not slowest <= speed <= fastest:
        backend = profile.backend
        if slowest == fastest:
            why = f"backend {backend!r} cannot change its speed: leave speed {speed:g} out"
            raise UsageError(why, field="speed")
        raise UsageError(
            f"backend {backend!r} speaks at speeds from {slowest:g} to {fastest:g}, not at {speed:g}; "
            f"1 is its normal speed",
            field="speed",
        )


def _check_kind(voice: VoiceRequest, backend: BackendChoice, *, prepared: bool) -> None:
    plugin, options = backend.plugin, backend.options
    if voice.voice is not None and (prepared or _lists_voices(backend)):
        check_voice(plugin, voice.voice, options)
    elif voice.references and not takes_reference_audio(plugin):
        raise UsageError(
            f"backend {plugin.name!r} does not take reference audio; "
            f"leave the reference out, or choose a backend that does: `ttsflow backends` lists them"
        )


def _lists_voices(backend: BackendChoice) -> bool:
    """Whether a backend that is not prepared knows its voices."""
    plugin = backend.plugin
    return missing(plugin) is None and bool(voices(plugin, backend.options))


def _check_by_backend(voice: VoiceRequest, backend: BackendChoice) -> None:
    check_request(backend.plugin, voice, backend.options)


@contextmanager
def _naming(key: str) -> Iterator[None]:
    """Have an error say which of several voices it is about."""
    try:
        yield
    except UsageError as error:
        if key == "text":  # there is no other
            raise
        raise UsageError(f"{key}: {error}") from error


def _digest(reference: Path) -> str:
    """Digest of a recording's content. Raises UsageError."""
    try:
        with reference.open("rb") as audio:
            return hashlib.file_digest(audio, "blake2b").hexdigest()
    except OSError as error:
        raise UsageError(f"reference audio {reference}: {error.strerror}; give another file") from error
