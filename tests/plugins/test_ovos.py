"""The backend ovos, with plugins that are installed as those of OpenVoiceOS are.

ovos-plugin-manager itself is not among the packages of the tests: it needs another filelock than they do.
What it asks of a plugin is here: an entry point, `TTS(config=...)`, `validator.validate()`, `get_tts(...)`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from traceback import format_exception

import numpy as np
import pytest
from pydantic import ValidationError

from tests.cli.program import Program
from ttsflow import BackendUnavailable, ChunkJob, Device, JobRefused, RunError, UnknownNameError
from ttsflow_plugins.ovos import Ovos

PLUGIN = """
import wave

class Validator:
    def __init__(self, config):
        self.config = config
    def validate(self):
        if self.config.get("key") == "sk-WRONG42":
            raise ValueError("no account has the key " + self.config["key"])

class Buzz:
    audio_ext = "wav"
    def __init__(self, config=None, lang=None):
        self.config = config or {}
        self.validator = Validator(self.config)
    def write(self, sentence, wav_file, volume):
        with wave.open(wav_file, "wb") as file:
            file.setparams((2, 2, self.config.get("rate", 16000), 0, "NONE", ""))
            file.writeframes(volume.to_bytes(2, "little") * 2 * 1000 * len(sentence))

class Old(Buzz):
    def get_tts(self, sentence, wav_file):
        if sentence.startswith("Paid"):
            assert self.config["account"] == {"key": "sk-SECRET42", "urls": ["http://a/?k=sk-SECRET42"]}
        if sentence.startswith("Refused"):
            raise OSError("403 for http://a/?k=" + self.config["key"])
        if sentence.startswith("Nothing"):
            return (wav_file, None)
        if sentence.startswith("Words"):
            with open(wav_file, "w") as file:
                file.write("no sound")
            return (wav_file, None)
        if sentence.startswith("Elsewhere"):
            other = self.config["elsewhere"]
            self.write(sentence, other, 8192)
            return (other, None)
        self.write(sentence, wav_file, 8192 if not sentence.startswith("Silence") else 0)
        return (wav_file, None)

class New(Buzz):
    def get_tts(self, sentence, wav_file, lang=None, voice=None):
        self.write(sentence, wav_file, {("de", "anna"): 16384}.get((lang, voice), 4096))
        return wav_file, None
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Installs plugins: a package with entry points, in a folder on the path of modules."""

    def install(**entries: str) -> Path:
        folder = tmp_path / "site"
        about = folder / "buzz-1.0.dist-info"
        about.mkdir(parents=True)
        (folder / "buzz.py").write_text(dedent(PLUGIN))
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: buzz\nVersion: 1.0\n")
        group = "".join(f"{name.replace('_', '-')} = {value}\n" for name, value in entries.items())
        (about / "entry_points.txt").write_text(f"[opm.tts]\n{group}")
        monkeypatch.syspath_prepend(folder)
        return folder

    yield install
    sys.modules.pop("buzz", None)


def speak(text: str, *, voice: str | None = None, language: str = "en", **options: object) -> np.ndarray:
    backend = Ovos(Ovos.Options.model_validate({"rate": 16_000} | options))
    backend.load(Device("cpu", "cpu"), 1)
    job = replace(ChunkJob("book", 0, text, seed=7), voice=voice, language=language)
    [piece] = backend.synthesize(job)
    assert piece.sample_rate == backend.options.rate
    assert piece.samples.dtype == np.float32
    return np.asarray(piece.samples)


def test_a_text_is_spoken_as_mono(install: Callable[..., Path]) -> None:
    install(buzz_old="buzz:Old")
    samples = speak("Hello.", voice="anna")
    assert samples.shape == (6_000,)
    assert np.allclose(samples, 0.25)


def test_another_rate_is_converted(install: Callable[..., Path]) -> None:
    install(buzz_old="buzz:Old")
    assert speak("Hello.", rate=24_000).size == pytest.approx(9_000, abs=100)


def test_language_voice_and_settings_reach_a_plugin_that_takes_them(install: Callable[..., Path]) -> None:
    install(buzz_new="buzz:New")
    assert speak("Hallo.", voice="anna", language="de").max() == pytest.approx(0.5)
    assert speak("Hallo.", language="de").max() == pytest.approx(0.125)
    assert speak("Hallo.", config={"rate": 8_000}).size == pytest.approx(12_000, abs=100)


def test_a_file_elsewhere_is_read(install: Callable[..., Path], tmp_path: Path) -> None:
    install(buzz_old="buzz:Old")
    assert speak("Elsewhere.", config={"elsewhere": str(tmp_path / "else.wav")}).size == 10_000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Nothing.", "buzz-old wrote no sound file for 'Nothing.'"),
        ("Words.", "buzz-old wrote a file that is no sound: InvalidDataError"),
        ("Silence.", "buzz-old has no sound for 'Silence.'"),
    ],
)
def test_what_is_no_sound(install: Callable[..., Path], text: str, says: str) -> None:
    install(buzz_old="buzz:Old")
    with pytest.raises(JobRefused, match=says):
        speak(text)


def test_which_plugin(install: Callable[..., Path]) -> None:
    with pytest.raises(BackendUnavailable, match=r"no TTS plugin .*install ovos-tts-plugin-pico"):
        Ovos.describe(Ovos.Options(plugin="ovos-tts-plugin-pico"))
    install(buzz_old="buzz:Old", buzz_new="buzz:New", gone="gone.module:TTS")
    with pytest.raises(BackendUnavailable, match=r"several .*plugin: buzz-new, buzz-old, gone$"):
        Ovos.describe(Ovos.Options())
    with pytest.raises(UnknownNameError, match="did you mean 'buzz-old'"):
        Ovos.describe(Ovos.Options(plugin="buz-old"))
    with pytest.raises(
        BackendUnavailable, match="gone cannot be used: ModuleNotFoundError: No module named 'gone'"
    ):
        speak("One.", plugin="gone")
    one = Ovos.identity(Ovos.Options(plugin="buzz-old"))
    assert "buzz 1.0" in one
    assert one == Ovos.identity(Ovos.Options(plugin="buzz-old", max_chars=100, languages=("de",)))
    assert one != Ovos.identity(Ovos.Options(plugin="buzz-old", config={"voice": "x"}))


ACCOUNT = {"key": "${BUZZ_KEY}", "urls": ["http://a/?k=${BUZZ_KEY}"]}


class TestSecrets:
    def test_the_plugin_is_given_what_variables_hold(
        self, install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install(buzz_old="buzz:Old")
        monkeypatch.setenv("BUZZ_KEY", "sk-SECRET42")
        assert speak("Paid.", config={"account": ACCOUNT}).size == 5_000
        assert "SECRET42" not in Ovos.identity(Ovos.Options.model_validate({"config": {"account": ACCOUNT}}))

    @pytest.mark.parametrize("value", [None, ""])
    def test_a_variable_is_not_set(
        self, value: str | None, install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install(buzz_old="buzz:Old")
        monkeypatch.delenv("BUZZ_KEY", raising=False)
        if value is not None:
            monkeypatch.setenv("BUZZ_KEY", value)
        options = Ovos.Options.model_validate({"config": {"account": ACCOUNT}})
        with pytest.raises(BackendUnavailable, match=r"config takes \$\{BUZZ_KEY\} .* export BUZZ_KEY="):
            Ovos.prepare(options, None)
        with pytest.raises(BackendUnavailable, match="export BUZZ_KEY="):
            speak("Paid.", config={"account": ACCOUNT})

    @pytest.mark.parametrize("config", [{"api_key": "sk-1"}, {"a": [{"secretToken": "sk-1"}]}])
    def test_one_in_clear_is_refused(self, config: dict[str, object]) -> None:
        with pytest.raises(ValidationError, match=r"in clear, .*(api_key|secretToken): \$\{VARIABLE\}"):
            Ovos.Options.model_validate({"config": config})
        for harmless in ({"api_key": ""}, {"key_file": "k.json"}, {"token": 3}, {"password": "${PASS}"}):
            Ovos.Options.model_validate({"config": harmless})

    @pytest.mark.parametrize(
        ("key", "error", "says"),
        [
            ("sk-WRONG42", BackendUnavailable, r"no account has the key \$\{BUZZ_KEY\}$"),
            ("sk-SECRET42", RunError, r"buzz-old: OSError: 403 for http://a/\?k=\$\{BUZZ_KEY\}$"),
            ("short", OSError, "403 for http://a/.k=short"),
        ],
    )
    def test_errors_show_none(
        self,
        key: str,
        error: type[Exception],
        says: str,
        install: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        install(buzz_old="buzz:Old")
        monkeypatch.setenv("BUZZ_KEY", key)
        with pytest.raises(error, match=says) as raised:
            speak("Refused.", config={"key": "${BUZZ_KEY}"})
        assert "sk-" not in "".join(format_exception(raised.value))

    def test_no_file_of_a_run_has_one(self, install: Callable[..., Path], program: Program) -> None:
        program.env |= {"PYTHONPATH": str(install(buzz_old="buzz:Old")), "BUZZ_KEY": "sk-SECRET42"}
        program.write(
            "book.yaml",
            "version: 1\nbackend:\n  use: ovos\n  options:\n    config:\n      account:\n"
            "        {key: '${BUZZ_KEY}', urls: ['http://a/?k=${BUZZ_KEY}']}\n",
        )
        program.write("one.txt", "Paid for.\n\nAnd this not.")
        run = ("run", "one.txt", "-o", "one.wav", "--config", "book.yaml", "--set", "text.max_chars=25")
        ended = program(*run, "--report", "one.html", "-vv")
        assert "2 delivered, 0 failed" in ended.err
        assert "SECRET42" not in ended.err
        written = [path for path in program.folder.rglob("*") if path.is_file() and "site" not in path.parts]
        assert {"one.html", "one.wav.ttsflow"} <= {path.name for path in written}
        assert [path.name for path in written if b"SECRET42" in path.read_bytes()] == []
        assert "${BUZZ_KEY}" in (program.folder / "one.html").read_text()


def test_a_chapter_through_the_program(install: Callable[..., Path], program: Program) -> None:
    program.env["PYTHONPATH"] = str(install(buzz_old="buzz:Old"))
    program.write("chapter.txt", "The first part of it.\n\nAnd the second part.")
    ended = program(
        "run", "chapter.txt", "-o", "chapter.wav", "--backend", "ovos", "--set", "text.max_chars=25"
    )
    assert "2 delivered, 0 failed" in ended.err
