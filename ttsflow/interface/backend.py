"""The second extension point: a TTS backend, which turns chunk jobs into audio pieces."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ttsflow.errors import PluginError, UnknownNameError
from ttsflow.interface.options import PluginOptions

if TYPE_CHECKING:
    from ttsflow.interface.device import Device
    from ttsflow.interface.jobs import AudioPiece, ChunkJob
    from ttsflow.interface.profile import Profile


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that a backend offers; `languages` is empty if the voice speaks all languages."""

    name: str
    languages: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class VoiceRequest:
    """The voice that a request, and each of its jobs, asks for.

    `language` is one that the profile lists. `voice` is a name that `check_voice` accepted. `references`
    replace it: the absolute paths of recordings. Without both, the backend uses its default voice. `speed`
    is within the profile's `speeds`.
    """

    language: str = "en"
    voice: str | None = None
    references: tuple[str, ...] = ()
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one step for one job: a piece of audio, the end, an error, or a split.

    `flag` names a doubt about the audio ("reached the audio cap"). `parts` are texts to speak instead of
    the job's text, which is too long for the model: two or more, before any audio. `parts`, `done` and
    `error` end the job, and its slot is free.
    """

    job: ChunkJob
    piece: AudioPiece | None = None
    done: bool = False
    error: Exception | None = None
    flag: str | None = None
    parts: tuple[str, ...] = ()


class JobRefused(Exception):
    """Raised by a backend for a job for which every further attempt would fail too."""


class DeviceLost(Exception):
    """Raised by a backend when no worker can use its device any more: a server is gone, or refuses the key.

    The device is not used again; its jobs go to the other devices, and count no failure.
    """


class TextTooLong(Exception):
    """Raised by a backend, before any audio, for a job whose text is too long for its model.

    `texts` are the texts to speak instead: two or more, in order; each must fit.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        super().__init__("the text is too long for the model")
        self.texts = (texts,) if isinstance(texts, str) else tuple(texts)


class Backend(ABC):
    """Turns chunk jobs into audio pieces, inside a worker process.

    The class methods run in the main process, before any worker starts, and must import nothing heavy.
    The other methods run in the worker. A backend whose worker can decode several chunks at a time
    overrides `start`, `step` and `cancel` instead of `synthesize`.
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
        """The command that installs what is missing for this backend, or None if nothing is missing."""
        return None

    @classmethod
    @abstractmethod
    def describe(cls, options: PluginOptions) -> Profile:
        """The backend's profile for these options. Raises BackendUnavailable if it cannot run."""

    @classmethod
    def devices(cls, options: PluginOptions) -> Sequence[Device]:
        """Devices that the options name, beside those of the machine: servers, of the kind "remote".

        Their ids differ from each other and from those of the machine ("remote:0"); `load` gets one of them.
        """
        return ()

    @classmethod
    def voices(cls, options: PluginOptions) -> Sequence[Voice]:
        """The voices that can be named; empty if there is only one voice."""
        return ()

    @classmethod
    def check_voice(cls, voice: str, options: PluginOptions) -> None:
        """Raise UnknownNameError if there is no voice of that name."""
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
        """Refuse a request that cannot be spoken: once, and not once for each of its chunks.

        Called for each request after `prepare`, even before a model is loaded. Raises a UsageError that says
        what to do: a text front-end of the language is not installed, a recording is not audio.
        """

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        """What the audio depends on, apart from the job: model, engine, and options that change the audio.

        Stored audio is used again if this value, the job's text, language and voice, and the run's seed are
        the same. Called after `prepare`. By default all options count; a backend should leave out options
        that change only the speed of the work or a location.
        """
        return json.dumps([cls.name, options.model_dump(mode="json")], sort_keys=True)

    @classmethod
    def prepare(cls, options: PluginOptions, ask: Callable[[str], bool] | None) -> None:
        """Do what must happen before any worker starts: a licence question, a download.

        `ask` asks the person at the terminal a yes/no question; it is None if there is no terminal.
        Raises BackendUnavailable if the backend cannot be used.
        """

    @abstractmethod
    def load(self, device: Device, slots: int) -> None:
        """Load the model on `device`, for `slots` jobs at a time."""

    def progress(self, what: str) -> None:
        """Call this in `load` to show the next step at the terminal: "reading the weights (1.9 GB)".

        It does nothing if no worker is loading.
        """
        if self._listener is not None:
            self._listener(what)

    def synthesize(self, job: ChunkJob) -> Iterator[AudioPiece]:
        """Speak one job, in one or more pieces.

        Raises JobRefused if another attempt would fail too, TextTooLong if the text must be split.
        """
        raise NotImplementedError(f"backend {self.name!r} implements neither synthesize nor step")

    def start(self, job: ChunkJob) -> None:
        """Take `job` into a free slot. Raises the same exceptions as `synthesize`."""
        pieces = self.synthesize(job)
        if not isinstance(pieces, Iterable):
            gave = f"synthesize gave {type(pieces).__name__}, not AudioPieces one by one"
            raise PluginError(f"backend {self.name!r}: {gave}; is there a `yield` in it?")
        self._running = (job, iter(pieces))

    def step(self) -> Iterable[Step]:
        """Work a little on the jobs in the slots, and return the results.

        Called repeatedly while any job runs. An exception ends every job in the worker; an error of one
        job is returned as a Step.
        """
        if self._running is None:
            return ()
        job, pieces = self._running
        try:
            piece = next(pieces, None)
        except Exception as error:  # any error of the backend belongs to the only job that it speaks
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
        """Free memory that is not needed; called after a job failed because memory ran out.

        Other jobs may be running. What is freed may be computed or read again later.
        """

    def close(self) -> None:
        """Free what `load` allocated."""
