"""The backend `command`: any program that speaks, without a line of Python.

The program runs once for each chunk, without a shell: it reads the text and writes the audio. How, is said in
the options.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ttsflow import (
    AudioPiece,
    Backend,
    BackendUnavailable,
    ChunkJob,
    Device,
    JobRefused,
    PluginOptions,
    Profile,
    UsageError,
    Voice,
    VoiceRequest,
    hookimpl,
)
from ttsflow_plugins.command.options import PLACEHOLDER, CommandOptions

if TYPE_CHECKING:
    from ttsflow_plugins.command.process import ProgramRun
    from ttsflow_plugins.sound import Samples, Sound

LONGEST_S, LONGEST_S_PER_CHAR = 30.0, 1.0
"""seconds of audio of a chunk, and more for each of its characters, beyond which it is no speech"""

MOST_BYTES = 2**20, 16
"""of a file: notes and pictures in it, and for each sample, of all channels"""

LARGEST_SEED = 2**31
"""programs read a seed as an int"""

_NOT_HEARD = {"folder", "limit_s", "max_chars", "min_chars", "cores", "device", "deterministic", "speeds"}


class Command(Backend):
    """Any program that speaks, such as espeak-ng or flite: in a few lines of YAML, without Python."""

    name = "command"

    class Options(CommandOptions):
        """The program, what it is given, and what it gives."""

    options: Options

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        """Nothing is known of the program, so costs are guesses."""
        assert isinstance(options, cls.Options)
        return Profile(
            backend=cls.name,
            sample_rate=options.rate,
            device_kinds=(options.device,),
            languages=options.spoken(),
            max_chars={"*": options.max_chars},
            min_chars=options.min_chars,
            rtf=0.3,
            deterministic=options.deterministic,
            speeds=options.speeds if options.uses("speed") else (1.0, 1.0),
            seeds=options.uses("seed"),
            cores=options.cores,
        )

    @classmethod
    def voices(cls, options: PluginOptions) -> Sequence[Voice]:
        assert isinstance(options, cls.Options)
        return [Voice(name, row.languages, row.description) for name, row in options.voices.items()]

    @classmethod
    def check(cls, request: VoiceRequest, options: PluginOptions) -> None:
        """Refuse a voice that does not speak the language, and a language that no voice speaks."""
        assert isinstance(options, cls.Options)
        if not options.voices:
            return
        voice = request.voice or options.voice_for(request.language)
        if voice is None:
            raise UsageError(f"no voice in backend.options.voices speaks {request.language!r}")
        if not options.speaks(voice, request.language):
            codes = ", ".join(options.voices[voice].languages)
            raise UsageError(f"voice {voice!r} speaks {codes}, not {request.language!r}")

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        """What is in the program's file and in files among its arguments, and all options that it sees."""
        assert isinstance(options, cls.Options)
        digests = [_digest(path) for path in (_program(options), *_files(options))]
        heard = options.model_dump(mode="json", exclude=_NOT_HEARD)
        heard["voices"] = {name: row.value for name, row in options.voices.items()}
        return json.dumps([cls.name, digests, heard], sort_keys=True)

    @classmethod
    def prepare(cls, options: PluginOptions, ask: Callable[[str], bool] | None) -> None:
        """Raises BackendUnavailable where the program is not there."""
        assert isinstance(options, cls.Options)
        _program(options)

    def load(self, device: Device, slots: int) -> None:
        """Find the program; it is loaded anew for each chunk."""
        self._program = _program(self.options)

    def synthesize(self, job: ChunkJob) -> Iterator[AudioPiece]:
        """Run the program. Raises ProgramFailed, and JobRefused for what each run would do again."""
        from ttsflow_plugins.command.process import ProgramFailed, ProgramRun
        from ttsflow_plugins.sound import BadSound, OtherRate, Sound

        options = self.options
        written = job.text.replace("\0", " ").encode("utf-8", "replace")
        text = written.decode("utf-8")
        sound = Sound(f"{self._program.name}: the output", options.rate, raw=options.output == "raw")
        longest_s = LONGEST_S + LONGEST_S_PER_CHAR * len(text)
        with tempfile.TemporaryDirectory(prefix="ttsflow-") as temporary:
            said, heard = Path(temporary, "text.txt"), Path(temporary, "speech.wav")
            if options.input == "file":
                said.write_bytes(written)
            stdin = written if options.input == "stdin" else b""
            argv = self._argv(job, text, said, heard)
            with ProgramRun(argv, stdin, options.folder, options.limit_s) as run:
                try:
                    for samples in _heard(run, sound, heard if options.output == "file" else None, longest_s):
                        yield AudioPiece(samples, options.rate)
                except OtherRate as error:
                    raise JobRefused(f"{error}: set backend.options.rate={error.rate}") from None
                except BadSound as error:
                    raise ProgramFailed(f"{error}{run.words}") from None

    def _argv(self, job: ChunkJob, text: str, said: Path, heard: Path) -> list[str]:
        """The program and its arguments for a job, with all names in braces filled in."""
        options = self.options
        voice = job.voice or options.voice_for(job.language)
        values = {
            "text": text,
            "input": str(said),
            "output": str(heard),
            "voice": (options.voices[voice].value or voice) if voice in options.voices else "",
            "language": (options.languages or {}).get(job.language, job.language),
            "speed": f"{options.speed * job.speed:g}",
            "seed": str(job.seed % LARGEST_SEED),
        }
        argv = [PLACEHOLDER.sub(lambda name: values[name[1]], part) for part in options.argv[1:]]
        # A text that begins with a dash would be taken for an option; nobody hears the space.
        return [
            str(self._program),
            *(f" {part}" if part == text and part[:1] == "-" else part for part in argv),
        ]


def _heard(run: ProgramRun, sound: Sound, file: Path | None, longest_s: float) -> Iterator[Samples]:
    """The samples of a run as they come, from standard output, or at its end from `file`.

    Raises ProgramFailed, and BadSound for what is no speech or longer than `longest_s`.
    """
    from ttsflow_plugins.sound import BadSound

    most = int(longest_s * sound.rate)
    too_long = BadSound(f"{sound.what} goes on after {longest_s:g} s, too long for the text, and was stopped")

    def look() -> None:
        if file is not None and file.exists() and file.stat().st_size > MOST_BYTES[0] + MOST_BYTES[1] * most:
            raise too_long

    for data in run.output(look):
        for samples in sound.take(data) if file is None else ():
            most -= samples.size
            if most < 0:
                raise too_long
            yield samples
    if file is not None:
        look()
        if not file.is_file():
            raise BadSound(f"{sound.what}, a file at {{output}}, was not written")
        yield from sound.take(file.read_bytes())
    yield sound.end()


def _program(options: CommandOptions) -> Path:
    """The program's file. Raises BackendUnavailable where there is none, or it may not be run."""
    name = options.argv[0]
    if options.folder and not Path(options.folder).is_dir():
        raise BackendUnavailable(f"backend.options.folder: there is no folder {str(options.folder)!r}")
    if "/" not in name:
        found = shutil.which(name)
        if found is None:
            raise BackendUnavailable(
                f"backend.options.argv: no program {name!r} is on the PATH: install it, or give its path"
            )
        return Path(found).absolute()
    path = Path(options.folder or "", Path(name).expanduser()).absolute()
    if not path.is_file():
        raise BackendUnavailable(f"backend.options.argv: there is no program at {path}")
    if not os.access(path, os.X_OK):
        raise BackendUnavailable(f"backend.options.argv: {path} may not be run: chmod +x {path}")
    return path


def _files(options: CommandOptions) -> Iterator[Path]:
    """The files that its arguments name, such as a script or a model."""
    for part in options.argv[1:]:
        path = Path(options.folder or "", part)
        with suppress(OSError):  # a name that is too long for a file
            if path.is_file():
                yield path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:40]


@hookimpl
def ttsflow_backends() -> list[type[Backend]]:
    return [Command]
