"""The backend command, with real programs: what they read and write, and what they do wrong."""

from __future__ import annotations

import json
import stat
import sys
import time
import wave
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from pydantic import ValidationError

from tests.cli.program import Program
from tests.fakes.speaking import RATE, tone
from ttsflow import (
    BackendUnavailable,
    ChunkJob,
    Device,
    JobRefused,
    UnknownNameError,
    UsageError,
    VoiceRequest,
)
from ttsflow_plugins.command import Command
from ttsflow_plugins.command.process import ProgramFailed

SPEAKING = [sys.executable, "-IS", str(Path(__file__).parents[1] / "fakes" / "speaking.py")]
TEXT = "It was a {bright} cold day; “--text $HOME” `ls`, said he."


def options(*arguments: str, **values: object) -> Command.Options:
    return Command.Options.model_validate({"argv": [*SPEAKING, *arguments], "rate": RATE} | values)


def job(text: str = TEXT, **values: object) -> ChunkJob:
    return replace(ChunkJob("book", 0, text, seed=7), **values)  # type: ignore[arg-type]


def speak(*arguments: str, what: ChunkJob | None = None, **values: object) -> bytes:
    """The samples of a job as 16 bits."""
    backend = Command(options(*arguments, **values))
    backend.load(Device("cpu", "cpu"), 1)
    pieces = list(backend.synthesize(job() if what is None else what))
    backend.close()
    assert {piece.sample_rate for piece in pieces} == {RATE}
    samples = np.concatenate([piece.samples for piece in pieces])
    assert samples.dtype == np.float32
    return (samples * 32768).astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        ((), {}),
        (("--raw",), {"output": "raw"}),
        (("--text={text}",), {"input": "argument"}),
        (("--text", "{text}"), {"input": "argument"}),
        (("--read", "{input}"), {"input": "file"}),
        (("--write", "{output}"), {"output": "file"}),
        (("--read={input}", "--write={output}"), {"input": "file", "output": "file"}),
    ],
)
def test_ways_in_and_out(arguments: tuple[str, ...], values: dict[str, str]) -> None:
    """What a shell or a template would read in the text comes through as it is."""
    assert speak(*arguments, **values) == tone(TEXT, "", 0, 1.0)


def test_a_text_that_begins_with_a_dash_is_no_option() -> None:
    assert speak("--text", "{text}", what=job("--raw"), input="argument") == tone(" --raw", "", 0, 1.0)


def test_what_no_argument_can_have_is_replaced() -> None:
    spoken = speak("--text", "{text}", what=job("a\0b\ud800c"), input="argument")
    assert spoken == tone("a b?c", "", 0, 1.0)


def test_a_text_longer_than_a_pipe_holds() -> None:
    text = "word " * 20_000
    assert speak("--speed", "500", what=job(text)) == tone(text, "", 0, 500.0)


VOICES = {
    "anna": {"value": "v1", "languages": ["en"], "description": "calm"},
    "bert": {"languages": ["de", "fr"]},
}


def test_voices_languages_speed_and_seed_are_filled_in() -> None:
    arguments = ("--voice", "{voice}/{language}", "--seed={seed}", "--speed", "{speed}")
    table = {"voices": VOICES, "languages": {"en": "eng", "de": "deu", "fr": "fra"}, "speed": 2.0}
    assert speak(*arguments, **table) == tone(TEXT, "v1/eng", 7, 2.0)
    german = job(language="de", speed=1.5, seed=2**40 + 3)
    assert speak(*arguments, what=german, **table) == tone(TEXT, "bert/deu", 3, 3.0)
    named = job(language="fr", voice="bert")
    assert speak(*arguments, what=named, **table) == tone(TEXT, "bert/fra", 7, 2.0)


def test_what_it_promises_follows_from_the_program() -> None:
    bare = Command.describe(options())
    assert (bare.languages, bare.speeds, bare.seeds, bare.device_kinds) == (None, (1.0, 1.0), False, ("cpu",))
    full = options("{voice}", "{seed}", "{speed}", voices=VOICES, device="cuda", speeds=[0.8, 1.2])
    profile = Command.describe(full)
    assert profile.languages == ("en", "de", "fr")
    assert (profile.speeds, profile.seeds, profile.device_kinds) == ((0.8, 1.2), True, ("cuda",))
    assert Command.describe(options(languages=["en"])).languages == ("en",)
    assert (
        Command.describe(options("{voice}", voices={"a": "1", "b": {"languages": ["de"]}})).languages is None
    )
    assert [voice.description for voice in Command.voices(full)] == ["calm", ""]


def test_a_voice_speaks_its_languages_alone() -> None:
    table = options("{voice}", voices=VOICES)
    Command.check(VoiceRequest("fr", "bert"), table)
    Command.check(VoiceRequest("de"), table)
    with pytest.raises(UsageError, match="'bert' speaks de, fr, not 'en'"):
        Command.check(VoiceRequest("en", "bert"), table)
    with pytest.raises(UsageError, match=r"no voice in backend.options.voices speaks 'pl'"):
        Command.check(VoiceRequest("pl"), table)
    with pytest.raises(UnknownNameError, match="did you mean 'anna'"):
        Command.check_voice("ana", table)


@pytest.mark.parametrize(
    ("arguments", "values", "says"),
    [
        (("{voise}",), {}, r"argv has \{voise\}; it may have \{text\}"),
        (("{voice}",), {}, "belong together"),
        ((), {"voices": {"a": "b"}}, "belong together"),
        (("{text}",), {}, "argv has {text}; set input to 'argument', or leave it out"),
        ((), {"input": "argument"}, "input is 'argument', so argv must have {text}"),
        ((), {"input": "file"}, "input is 'file', so argv must have {input}"),
        ((), {"output": "file"}, "output is 'file', so argv must have {output}"),
        (("{output}",), {}, "set output to 'file'"),
        (("{language}",), {}, "say in `languages`"),
        (("{voice}",), {"voices": VOICES, "languages": ["en", "fr"]}, "'bert' speaks 'de', which"),
        ((), {"speeds": [1.2, 2]}, "slowest and the fastest"),
        (("a\0b",), {}, "NUL"),
        ((), {"argv": ["{text}"], "input": "argument"}, "must begin with the name"),
        ((), {"argv": []}, "at least 1 item"),
    ],
)
def test_options_that_do_not_fit_together(
    arguments: tuple[str, ...], values: dict[str, object], says: str
) -> None:
    with pytest.raises(ValidationError, match=says if "\\" in says else says.replace("{", r"\{")):
        options(*arguments, **values)


@pytest.mark.parametrize(
    ("wrong", "values", "says"),
    [
        ("fails", {}, r"ended with exit code 1: speaking \d+ characters no such voice \[31m: zoé$"),
        ("dies", {}, r"was killed by signal 11 \(Segmentation fault\): speaking"),
        ("says nothing", {}, r"the output has no audio: speaking \d+ characters$"),
        ("says words", {}, "the output is not a WAV file: speaking"),
        ("reads nothing", {}, "has read nothing from standard input; .*backend.options.input"),
        ("half", {}, "the output broke off, 1,000 bytes before its end"),
        (
            "ignores its end",
            {"limit_s": 0.5},
            r"did not end in 0.5 s \(backend.options.limit_s\) and was killed",
        ),
        ("complains for ever", {"limit_s": 2}, r"did not end in 2 s .*: \.\.\..*not now"),
        ("writes for ever", {}, "goes on after 87 s, too long for the text, and was stopped"),
        ("writes for ever", {"output": "file"}, "goes on after 87 s"),
        ("writes no file", {"output": "file"}, r"a file at \{output\}, was not written: speaking"),
    ],
)
def test_a_program_that_does_wrong(wrong: str, values: dict[str, object], says: str) -> None:
    write = ("--write", "{output}") if values.get("output") == "file" else ()
    with pytest.raises(ProgramFailed, match=says):
        speak("--wrong", wrong, *write, **values)


def test_another_rate_is_told_with_what_to_set() -> None:
    with pytest.raises(JobRefused, match=r"at 8000 Hz, not at 16000 Hz: set backend.options.rate=8000"):
        speak("--wrong", "another rate")


def test_a_listener_hears_the_start_before_the_end(tmp_path: Path) -> None:
    """The program ends only when the test has heard it begin."""
    script = "import sys, time, pathlib\nsys.stdin.read()\nsys.stdout.buffer.write(b'\\1\\2' * 16_000)\n"
    script += "sys.stdout.flush()\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)\n"
    go = tmp_path / "go"
    argv = [sys.executable, "-c", script, str(go)]
    backend = Command(Command.Options(argv=tuple(argv), rate=RATE, output="raw"))
    backend.load(Device("cpu", "cpu"), 1)
    backend.start(job())
    [first] = backend.step()
    assert first.piece is not None
    assert first.piece.samples.size == RATE / 4
    go.touch()
    rest = [step for _ in range(5) for step in backend.step()]
    assert [step.done for step in rest if step.piece is None] == [True]


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, int], Path]:
    def write(text: str, mode: int) -> Path:
        path = tmp_path / "speak"
        path.write_text(text)
        path.chmod(mode)
        return path

    return write


class TestTheProgram:
    def test_it_is_found_in_its_folder(self, script: Callable[[str, int], Path], tmp_path: Path) -> None:
        path = script("#!/bin/sh\ncat >/dev/null; pwd >&2\n", stat.S_IRWXU)
        here = Command.Options(argv=("./speak",), rate=RATE, folder=tmp_path)
        backend = Command(here)
        backend.load(Device("cpu", "cpu"), 1)
        with pytest.raises(ProgramFailed, match=f"^speak: the output has no audio: {tmp_path}$"):
            list(backend.synthesize(job()))
        before = Command.identity(here)
        path.write_text("#!/bin/sh\nexit 3\n")
        assert Command.identity(here) != before
        whole = Command.Options(argv=(str(path),), rate=RATE, limit_s=3)
        assert json.loads(Command.identity(whole))[1] == json.loads(Command.identity(here))[1]

    def test_its_script_is_part_of_it(self, script: Callable[[str, int], Path], tmp_path: Path) -> None:
        path = script("one", stat.S_IRUSR)
        options = Command.Options(argv=("cat", "speak", "x" * 5_000), rate=RATE, folder=tmp_path)
        before = Command.identity(options)
        path.chmod(stat.S_IRWXU)
        path.write_text("two")
        assert Command.identity(options) != before

    def test_it_is_not_there(self, script: Callable[[str, int], Path], tmp_path: Path) -> None:
        for argv, says in [
            (("no-such-program",), "no program 'no-such-program' is on the PATH"),
            ((f"{tmp_path}/none",), f"there is no program at {tmp_path}/none"),
            ((str(script("", stat.S_IRUSR)),), "speak may not be run: chmod"),
        ]:
            with pytest.raises(BackendUnavailable, match=says):
                Command.prepare(Command.Options(argv=argv, rate=RATE), None)
        with pytest.raises(BackendUnavailable, match="there is no folder"):
            Command.prepare(Command.Options(argv=("cat",), rate=RATE, folder=tmp_path / "nosuch"), None)

    def test_it_cannot_be_run_now(self, script: Callable[[str, int], Path]) -> None:
        """While it is being written, as by an update; so may the chunk be spoken later."""
        path = script("#!/bin/sh\nexit 3\n", stat.S_IRWXU)
        backend = Command(Command.Options(argv=(str(path),), rate=RATE))
        backend.load(Device("cpu", "cpu"), 1)
        with path.open("a"), pytest.raises(ProgramFailed, match="speak cannot be run: Text file busy"):
            list(backend.synthesize(job()))
        with pytest.raises(ProgramFailed, match="exit code 3"):
            list(backend.synthesize(job()))

    def test_it_cannot_be_run(self, script: Callable[[str, int], Path]) -> None:
        backend = Command(Command.Options(argv=(str(script("\0\0", stat.S_IRWXU)),), rate=RATE))
        backend.load(Device("cpu", "cpu"), 1)
        with pytest.raises(JobRefused, match="speak cannot be run: Exec format error"):
            list(backend.synthesize(job()))


class TestWhatTheProgramStarts:
    """A program may start others, which hold its output open and do not end with it."""

    def shell(self, script: str, *arguments: str) -> Command:
        values = {"argv": ["sh", "-c", script, *arguments], "rate": RATE, "limit_s": 30}
        backend = Command(Command.Options.model_validate(values))
        backend.load(Device("cpu", "cpu"), 1)
        return backend

    def test_it_ends_with_the_run(self, tmp_path: Path) -> None:
        noted = tmp_path / "pid"
        backend = self.shell('sleep 3600 >&- 2>&- & echo $! >"$0"; exit 3', str(noted))
        with pytest.raises(ProgramFailed, match="exit code 3"):
            list(backend.synthesize(job()))
        await_end_of(noted)

    def test_it_ends_with_the_limit(self, tmp_path: Path) -> None:
        noted = tmp_path / "pid"
        script = 'sleep 3600 & echo $! >"$0"; wait'
        with pytest.raises(ProgramFailed, match=r"did not end in 0\.5 s"):
            speak(argv=["sh", "-c", script, str(noted)], limit_s=0.5)
        await_end_of(noted)

    def test_it_is_not_waited_for(self, tmp_path: Path) -> None:
        noted = tmp_path / "pid"
        backend = self.shell('"$@"; sleep 3600 & echo $! >"$0"', str(noted), *SPEAKING)
        sound = np.concatenate([piece.samples for piece in backend.synthesize(job())])
        assert sound.size * 2 == len(tone(TEXT, "", 0, 1.0))
        await_end_of(noted)

    def test_what_it_still_says_is_heard(self, tmp_path: Path) -> None:
        """As the last program of a pipe that nobody waits for; more than the pipe holds."""
        pcm = tone("x" * 300, "", 0, 1.0)
        (tmp_path / "speech").write_bytes(pcm)
        argv = ["sh", "-c", 'cat >/dev/null; cat "$0" &', str(tmp_path / "speech")]
        assert speak(argv=argv, output="raw") == pcm

    def test_a_program_that_ends_its_group_ends_alone(self) -> None:
        with pytest.raises(ProgramFailed, match="killed by signal 15"):
            list(self.shell("kill 0; sleep 3600").synthesize(job()))

    def test_it_ends_with_a_run_that_is_killed(self, program: Program) -> None:
        argv = json.dumps(["sh", "-c", "touch here; sleep 3600; true"])
        settings = (f"backend.options.argv={argv}", f"backend.options.rate={RATE}")
        flags = [part for each in settings for part in ("--set", each)]
        run = program.start("run", "--text", "One.", "-o", "a.wav", "--backend", "command", *flags)
        program.until((program.folder / "here").exists)
        run.kill()
        program.finish(run)
        program.await_end()


def await_end_of(noted: Path) -> None:
    """Wait for the end of a process whose number is in a file; it may have ended and not been waited for."""
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(int(noted.read_text())).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.02)


def test_a_chapter_through_workers(program: Program) -> None:
    """From YAML; the folder of the program starts from the file."""
    parts = [f"This is part {number} of a chapter." for number in range(12)]
    program.write("chapter.txt", "\n\n".join(parts))
    program.write("my/speaking.py", Path(SPEAKING[-1]).read_text())
    program.write(
        "my/engine.yaml",
        f"version: 1\nbackend:\n  use: command\n  options:\n    rate: {RATE}\n    folder: .\n"
        f"    argv: [{sys.executable}, -IS, speaking.py, --voice, '{{voice}}']\n"
        "    voices: {anna: v1, bert: v2}\ntext: {voice: bert}\n",
    )
    program("run", "chapter.txt", "-o", "chapter.wav", "--config", "my/engine.yaml")
    with wave.open(str(program.folder / "chapter.wav")) as file:
        data = file.readframes(file.getnframes())
    at = 0
    for part in parts:
        at = data.index(tone(part, "v2", 0, 1.0), at)


def test_an_error_of_the_program_is_told(program: Program) -> None:
    argv = json.dumps([*SPEAKING, "--wrong", "fails"])
    settings = (f"backend.options.argv={argv}", f"backend.options.rate={RATE}", "limits.retries=0")
    flags = [part for each in settings for part in ("--set", each)]
    ended = program("run", "--text", "One.", "-o", "a.wav", "--backend", "command", *flags, code=1)
    assert "ended with exit code 1: speaking 4 characters no such voice" in ended.err
