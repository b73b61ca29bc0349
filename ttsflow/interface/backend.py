"""The second extension point: a TTS backend, which turns chunk jobs into audio pieces."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ttsflow.errors import UnknownNameError
from ttsflow.interface.options import PluginOptions

if TYPE_CHECKING:
    from ttsflow.interface.device import Device
    from ttsflow.interface.jobs import AudioPiece, ChunkJob
    from ttsflow.interface.profile import Profile


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that a backend offers; `languages` is empty where a voice speaks them all."""

    name: str
    languages: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class VoiceRequest:
    """The voice that a request asks for, as each of its jobs will ask for it.

    `language` is one that the profile lists. `voice` is a name that `check_voice` let pass, `references` are
    instead the absolute paths of recordings; neither is the backend's own default. `speed` lies within
    the profile's `speeds`.
    """

    language: str = "en"
    voice: str | None = None
    references: tuple[str, ...] = ()
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of a backend did for one job: a piece of audio, the end, an error, or a split.

    `flag` names a doubt about audio that is delivered all the same ("reached the audio cap").
    `parts` are texts to speak instead of the job's, which is too long for the model; two or more,
    before any audio. Like `done` and `error` they end the job: its slot is free.
    """

    job: ChunkJob
    piece: AudioPiece | None = None
    done: bool = False
    error: Exception | None = None
    flag: str | None = None
    parts: tuple[str, ...] = ()


class JobRefused(Exception):
    """Raised by a backend for a job that will fail however often it is tried."""


class TextTooLong(Exception):
    """Raised by a backend, before any audio, for a job whose text is too long for its model.

    `texts` are what to speak instead, two or more, in order; each must fit.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        super().__init__("the text is too long for the model")
        self.texts = (texts,) if isinstance(texts, str) else tuple(texts)


class Backend(ABC):
    """Turns chunk jobs into audio pieces, inside a worker process.

    The class methods run in the foreground process, before any worker: they must import nothing
    heavy. `load`, `synthesize` and `close` run in the worker. A backend whose worker can decode
    several chunks at a time overrides `start`, `step` and `cancel` instead of `synthesize`.
    """

    name: ClassVar[str]

    class Options(PluginOptions):
        """No options."""

    options: PluginOptions
    _listener: Callable[[str], None] | None = None  # set by the worker while it loads

    def __init__(self, options: PluginOptions | None = None) -> None:
        self.options = self.Options() if options is None else options
        self._running: tuple[ChunkJob, Iterator[AudioPiece]] | None = None

    @classmethod
    def missing(cls) -> str | None:
        """The command that installs what this backend needs, or None where all of it is installed."""
        return None

    @classmethod
    @abstractmethod
    def describe(cls, options: PluginOptions) -> Profile:
        """The backend's profile under these options. Raises BackendUnavailable where it cannot run."""

    @classmethod
    def voices(cls, options: PluginOptions) -> Sequence[Voice]:
        """The voices that can be named; empty where there is but one."""
        return ()

    @classmethod
    def check_voice(cls, voice: str, options: PluginOptions) -> None:
        """Raise UnknownNameError where there is no voice of that name."""
        known = [offered.name for offered in cls.voices(options)]
        if voice not in known:
            hint = f"They are listed by: ttsflow voices --backend {cls.name}"
            raise UnknownNameError("voice", voice, known, hint)

    @classmethod
    def takes_reference_audio(cls) -> bool:
        """Whether `job.references` may name recordings of the voice to speak with."""
        return False

    @classmethod
    def check(cls, request: VoiceRequest, options: PluginOptions) -> None:
        """Refuse a request that could not be spoken: once, instead of once for each of its chunks.

        Called for each request after `prepare`; for the first one no model need be loaded. Raises UsageError
        with what to do: a text front-end of the language is not installed, a recording is no audio.
        """

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        """What the audio depends on beside the job: model, engine and the options that change what is heard.

        Audio that is kept is used again where this, the job's text, language and voice, and the run's
        seed are the same. Called after `prepare`. All options count unless a backend knows better: what
        only changes speed or place should not.
        """
        return json.dumps([cls.name, options.model_dump(mode="json")], sort_keys=True)

    @classmethod
    def prepare(cls, options: PluginOptions, ask: Callable[[str], bool] | None) -> None:
        """Do what must come before any worker: a licence question, a download.

        `ask` puts a yes/no question to the person at the terminal; it is None where there is none.
        Raises BackendUnavailable where the backend cannot be used.
        """

    @abstractmethod
    def load(self, device: Device, slots: int) -> None:
        """Load the model on `device`, ready for `slots` jobs at a time."""

    def progress(self, what: str) -> None:
        """To be called in `load`: tell a person who waits what is done next, in a few words.

        "reading the weights (1.9 GB)". Outside of a worker that is loading it does nothing.
        """
        if self._listener is not None:
            self._listener(what)

    def synthesize(self, job: ChunkJob) -> Iterator[AudioPiece]:
        """Speak one job, in one or more pieces.

        Raises JobRefused where trying again is no use, TextTooLong where the text is to be split.
        """
        raise NotImplementedError(f"backend {self.name!r} implements neither synthesize nor step")

    def start(self, job: ChunkJob) -> None:
        """Take `job` into a free slot. Raises as `synthesize` does."""
        self._running = (job, iter(self.synthesize(job)))

    def step(self) -> Iterable[Step]:
        """Work a little on the jobs in the slots, and tell what came of it.

        Called again and again while any job runs. An exception ends every job in the worker; an
        error that concerns one job alone is told as a Step.
        """
        if self._running is None:
            return ()
        job, pieces = self._running
        try:
            piece = next(pieces, None)
        except Exception as error:  # whatever a backend raises belongs to the one job it speaks
            self._running = None
            if isinstance(error, TextTooLong) and error.texts:
                return (Step(job, parts=error.texts),)
            return (Step(job, error=error),)
        if piece is None:
            self._running = None
            return (Step(job, done=True),)
        return (Step(job, piece=piece),)

    def cancel(self, job: ChunkJob) -> None:
        """Stop working on `job` and free its slot."""
        self._running = None

    def relieve(self) -> None:
        """Give back memory that is not needed: called after a job has failed because there was not enough.

        Jobs may be running. What is given back may be made or read again when it is needed.
        """

    def close(self) -> None:
        """Free what `load` took."""
