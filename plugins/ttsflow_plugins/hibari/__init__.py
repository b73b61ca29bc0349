"""The backend `hibari`: a small neural engine for English, with one voice inside its package.

hibari-tts, code and weights, is under the Apache License 2.0. The extra `ttsflow[hibari]` installs it.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from itertools import groupby
from typing import Any

from pydantic import Field

from ttsflow import (
    AudioPiece,
    Backend,
    BackendUnavailable,
    ChunkJob,
    Device,
    JobRefused,
    PluginOptions,
    Profile,
    Step,
    Voice,
    VoiceRequest,
    hookimpl,
    install_command,
)
from ttsflow_plugins.hibari.edges import joined
from ttsflow_plugins.hibari.texts import written
from ttsflow_plugins.hibari.voices import DEFAULT, check_file, read_catalogue

SAMPLE_RATE = 24_000

REVISION = 3
"""of how texts are written and sentences joined here: another one is another sound"""

SHOWN, LONGEST = 3, 40
"""words that a doubt names, and characters of each"""

ALPHABETS = ("LATIN", "GREEK")
"""scripts that it reads; letters of others it spells in English or leaves out"""


class Hibari(Backend):
    """hibari: a natural neural voice for English, quick on a CPU; one voice in the package."""

    name = "hibari"

    class Options(PluginOptions):
        """How hibari reads a text."""

        pronunciations: bool = Field(False, description="[word](/phonemes/) says how a word is spoken")

    options: Options

    @classmethod
    def missing(cls) -> str | None:
        return None if find_spec("hibari") and find_spec("onnxruntime") else install_command("hibari")

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        """Rates as measured over English prose. The model takes 400 phonemes, about as many characters."""
        return Profile(
            backend=cls.name,
            sample_rate=SAMPLE_RATE,
            languages=("en",),
            max_chars={"*": 300},
            memory_bytes=250_000_000,
            min_chars=0,
            rtf=0.015,
            chars_per_s={"en": 17.5},
            deterministic=True,
            speeds=(0.5, 2.0),
        )

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        """All options, and the versions of the package, which has the weights, and of what is done here."""
        return json.dumps([cls.name, version("hibari-tts"), REVISION, options.model_dump(mode="json")])

    @classmethod
    def voices(cls, options: PluginOptions) -> Sequence[Voice]:
        return [voice.shown for voice in read_catalogue().values()]

    @classmethod
    def check(cls, request: VoiceRequest, options: PluginOptions) -> None:
        """Refuse a voice whose file is not on this machine: nothing is downloaded."""
        check_file(read_catalogue()[request.voice or DEFAULT])

    def load(self, device: Device, slots: int) -> None:
        """Load the default voice; others follow with their first job."""
        self._models: dict[str, Any] = {}
        self._job: ChunkJob | None = None
        self._model(DEFAULT)("Ready.")  # which reads the dictionary

    def start(self, job: ChunkJob) -> None:
        self._job = job

    def step(self) -> Iterable[Step]:
        """Speak the whole job. Letters that the engine cannot read make the audio doubtful, or refuse it."""
        job, self._job = self._job, None
        if job is None:
            return ()
        try:
            text = written(job.text, pronunciations=self.options.pronunciations)
            sentences = self._model(job.voice or DEFAULT).stream(text, job.speed, job.seed)
            samples = joined(list(sentences))
        except (OSError, MemoryError) as error:  # which may pass; it belongs to this job alone
            return (Step(job, error=error),)
        except Exception as error:  # the engine does the same with the same text
            return (Step(job, error=JobRefused(f"hibari cannot speak it: {type(error).__name__}: {error}")),)
        unknown = _foreign_words(job.text)
        if not samples.any():
            return (Step(job, error=JobRefused(f"hibari has no sound for {job.text!r}; it reads English")),)
        flag = f"hibari reads English letters and cannot read {_listed(unknown)}" if unknown else None
        return (Step(job, piece=AudioPiece(samples, SAMPLE_RATE)), Step(job, done=True, flag=flag))

    def cancel(self, job: ChunkJob) -> None:
        self._job = None

    def _model(self, voice: str) -> Any:
        if voice not in self._models:
            try:
                from hibari import Hibari as Model
            except ImportError as error:
                raise BackendUnavailable(
                    f"hibari is installed and cannot be loaded: {error}. {install_command('hibari')}"
                ) from error
            path = read_catalogue()[voice].path
            self._models[voice] = Model(voice, model=str(path), threads=1)
        return self._models[voice]


def _foreign_words(text: str) -> list[str]:
    """The words with letters that the engine cannot read, each once."""
    words = ("".join(run) for is_word, run in groupby(text, _is_in_word) if is_word)
    return list(dict.fromkeys(word for word in words if any(map(_is_foreign, word))))


def _is_in_word(char: str) -> bool:
    """Whether a character is a letter, or one of the marks with which some scripts write vowels."""
    return unicodedata.category(char)[0] in "LM"


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return ", ".join(repr(word[:LONGEST]) for word in words[:SHOWN]) + more


def _is_foreign(char: str) -> bool:
    """Whether a letter is of a script that the engine cannot read; modifier letters are of none."""
    if not char.isalpha() or unicodedata.category(char) == "Lm":
        return False
    return not unicodedata.name(unicodedata.normalize("NFKC", char)[0], "").startswith(ALPHABETS)


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [Hibari]
