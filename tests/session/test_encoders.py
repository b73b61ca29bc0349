"""Encoders of plugins: what they are given, where their formats work, and what their failing costs."""

from __future__ import annotations

import gc
import json
import resource
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ttsflow import Engine, OutputError, SinkError, UnknownNameError
from ttsflow.output import Encoding
from ttsflow.session.export import exporting

PLUGIN = """
import json, threading, time
import numpy as np
import soundfile
import ttsflow

class Floats(ttsflow.AudioEncoder):
    '''32-bit numbers behind a place of 1,000 bytes, which tells of them.'''
    name = "floats"
    suffixes = (".f32", ".f")
    bit_rates = (16, 256)
    streamed = True
    def begin(self, file, sample_rate, kbit_s):
        self.file, self.told = file, {"rate": sample_rate, "kbit_s": kbit_s, "samples": 0}
        if file.seekable():
            file.write(bytes(1000))
    def write(self, samples):
        assert samples.dtype == np.int16 and samples.ndim == 1
        self.file.write((samples / 32768).astype("<f4").tobytes())
        self.told["samples"] += len(samples)
    def finish(self, details):
        told = self.told | {
            "length_s": details.length_s, "title": details.title, "language": details.language,
            "chapters": details.chapters, "track": details.track, "album": details.album,
        }
        if self.file.seekable():
            assert self.file.tell() == 1000 + 4 * self.told["samples"]
            self.file.seek(0)
            self.file.write(json.dumps(told).encode())

class Fails(Floats):
    name = "fails"
    suffixes = (".fails",)
    streamed = False
    at = "AT"
    def drop(self):
        threading.dropped.append(self.at)
        if self.at == "drop":
            raise ttsflow.UsageError("not in drop")
    def _at(self, place):
        if self.at == place:
            raise RuntimeError(f"not in {place}")
        if self.at == "late " + place:
            threading.released.wait()
            self.file.write(b"too late")
            threading.late.append("it came back")
    def begin(self, file, *others):
        self.file = file
        self._at("begin")
        super().begin(file, *others)
    def write(self, samples):
        self._at("write")
        if self.at == "swallow":
            try:
                super().write(np.tile(samples, 9))
            except OSError:
                pass
        else:
            super().write(samples)
    def finish(self, details):
        self._at("finish")
        super().finish(details)

class Lazy(Fails):
    name = "lazy"
    suffixes = (".lazy",)
    def begin(self, file, *others):
        pass
    def write(self, samples):
        pass
    def finish(self, details):
        return (each for each in [details]) if self.at == "generator" else None

class Unasked(Fails):
    name = "unasked"
    suffixes = (".unasked",)
    async def write(self, samples):
        pass

class Sounds(ttsflow.AudioEncoder):
    '''By a library that writes once more when its object is forgotten.'''
    name = "sounds"
    suffixes = (".caf",)
    def begin(self, file, sample_rate, kbit_s):
        self.file = soundfile.SoundFile(file, "w", sample_rate, 1, "PCM_16", format="CAF")
    def write(self, samples):
        samples *= 2
        self.file.write(samples)
    def finish(self, details):
        self.file.close()
        threading.lengths.append(details.length_s)

@ttsflow.hookimpl
def ttsflow_encoders():
    return [Floats, Fails, Lazy, Unasked, Sounds]
"""

TEXT = "# Eins\n\nThe first part is here.\n\n# Zwei\n\nThe second part is here."
MARKDOWN = {"backend.use": "sim", "text.format": "markdown"}

Made = Callable[..., Engine]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Made]:
    """Makes engines with the plugin, one of whose encoders fails `at` a place."""
    engines = []

    def make(at: str = "", **settings: Any) -> Engine:
        folder = tmp_path / f"plugins{len(engines)}"
        folder.mkdir(exist_ok=True)
        (folder / "encoders.py").write_text(PLUGIN.replace('"AT"', repr(at)), encoding="utf-8")
        engines.append(Engine(settings=MARKDOWN | settings, plugins_dirs=[folder]))
        return engines[-1]

    yield make
    for each in engines:
        each.close(now=True)


def heard(path: Path) -> tuple[dict[str, Any], bytes]:
    """What a file of the plugin tells, and its samples as 16-bit PCM."""
    data = path.read_bytes()
    told = json.loads(data[:1000].rstrip(b"\0"))
    samples = np.frombuffer(data[1000:], "<f4")
    assert told["samples"] == len(samples) > 0
    return told, (samples * 32768).astype("<i2").tobytes()


@pytest.fixture
def pcm(engine: Made, tmp_path: Path) -> bytes:
    """The samples of the text."""
    path = tmp_path / "usual" / "book.pcm"
    path.parent.mkdir()
    engine().speak(TEXT, path)
    return path.read_bytes()


def test_a_format_is_found_by_its_suffix_and_by_its_name(engine: Made, pcm: bytes, tmp_path: Path) -> None:
    engine().speak(TEXT, tmp_path / "book.F32")
    told, samples = heard(tmp_path / "book.F32")
    assert samples == pcm
    chapters = told.pop("chapters")
    assert [title for title, _ in chapters] == ["Eins", "Zwei"]
    assert 0.0 == chapters[0][1] < chapters[1][1] < told["length_s"]
    assert told.pop("length_s") == pytest.approx(len(pcm) / 2 / told["rate"], abs=0.001)
    assert (told["kbit_s"], told["track"]) == (None, None)
    engine(**{"output.format": "floats"}).speak(TEXT, tmp_path / "book")
    assert heard(tmp_path / "book")[1] == pcm


def test_bit_rate_and_sample_rate_are_those_that_were_asked_for(engine: Made, tmp_path: Path) -> None:
    path = tmp_path / "book.f32"
    engine(**{"output.bit_rate": 64, "output.sample_rate": 8000}).speak(TEXT, path)
    told, _ = heard(path)
    assert (told["kbit_s"], told["rate"]) == (64, 8000)
    with pytest.raises(OutputError, match=r"floats audio has bit rates from 16 to 256 kbit/s, not 8$"):
        engine(**{"output.bit_rate": 8}).speak(TEXT, tmp_path / "other.f32")


def test_a_file_is_known_again_and_mended(engine: Made, tmp_path: Path) -> None:
    path, speaking = tmp_path / "book.f32", engine()
    speaking.speak(TEXT, path)
    before, made = path.read_bytes(), path.stat().st_mtime_ns
    assert speaking.speak(TEXT, path).account.submitted == 0
    assert path.stat().st_mtime_ns == made, "it was complete"
    changed = TEXT.replace("second", "other")
    assert speaking.speak(changed, path).account.submitted == 1
    assert path.read_bytes() != before
    speaking.redo(path, find="other part", words="another part is here.")
    assert heard(path)[0]["samples"]
    with pytest.raises(OutputError, match="was not made from this text"):
        speaking.speak("Another text altogether, by somebody else.", path)


def test_parts_by_chapter_and_exports(engine: Made, pcm: bytes, tmp_path: Path) -> None:
    path = tmp_path / "book.f32"
    engine(**{"output.split": "chapter"}).speak(TEXT, path)
    one, two = heard(tmp_path / "book" / "1 Eins.f32"), heard(tmp_path / "book" / "2 Zwei.f32")
    assert one[1] + two[1] == pcm
    assert (one[0]["title"], one[0]["track"]) == ("Eins", [1, 2])
    with exporting(path) as kept:
        for new in (tmp_path / "new.pcm", tmp_path / "new.f32"):
            kept.audio(new, kept.formats().of(new), Encoding())
    assert (tmp_path / "new.pcm").read_bytes() == heard(tmp_path / "new.f32")[1] == pcm


@pytest.fixture(autouse=True)
def dropped(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where the encoders failed that were dropped."""
    found: list[str] = []
    monkeypatch.setattr(threading, "dropped", found, raising=False)
    return found


@pytest.mark.parametrize("at", ["begin", "write", "finish"])
def test_one_that_fails_is_named_and_what_was_spoken_is_kept(
    engine: Made, pcm: bytes, tmp_path: Path, dropped: list[str], at: str
) -> None:
    path = tmp_path / "book.fails"
    error = OutputError if at == "begin" else SinkError  # before anything was spoken, or later
    with pytest.raises(error, match=rf"encoder 'fails' of .*raised in {at}: RuntimeError: not in {at}"):
        engine(at).speak(TEXT, path)
    assert dropped, "it may give back what it holds"
    assert not path.exists()
    assert not list(tmp_path.glob(".book*")), "nothing half-written is left"
    spoken = engine().speak(TEXT, path)
    assert spoken.account.submitted == (4 if at == "begin" else 0)
    assert heard(path)[1] == pcm


@pytest.mark.parametrize("at", ["begin", "write", "finish"])
def test_one_that_does_not_come_back_writes_nothing_later(
    engine: Made, pcm: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    path, released, late = tmp_path / "book.fails", threading.Event(), list[str]()
    monkeypatch.setattr(threading, "released", released, raising=False)
    monkeypatch.setattr(threading, "late", late, raising=False)
    error = OutputError if at == "begin" else SinkError
    with pytest.raises(error, match=rf"encoder 'fails' of .*: {at} has not come back within 5 s"):
        engine(f"late {at}", **{"limits.timeouts.plugin_s": 5}).speak(TEXT, path)
    assert not path.exists()
    engine().speak(TEXT, path)
    released.set()
    for _ in range(600):
        if late:
            break
        time.sleep(0.05)
    assert set(late) == {"it came back"}
    assert heard(path)[1] == pcm


@pytest.mark.parametrize(
    ("suffix", "at", "said"),
    [
        (".lazy", "", "finish left a file without a byte"),
        (".lazy", "generator", "finish gave a generator, which nobody runs; the rule: an ordinary method"),
        (".unasked", "", "write gave a coroutine, which nobody runs"),
    ],
)
def test_one_that_does_nothing_leaves_what_was_there(
    engine: Made, tmp_path: Path, suffix: str, at: str, said: str
) -> None:
    path = tmp_path / f"book{suffix}"
    with pytest.raises(SinkError, match=said):
        engine(at).speak(TEXT, path)
    assert not path.exists()


def test_a_library_that_writes_when_it_is_forgotten(
    engine: Made,
    pcm: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    lengths: list[float] = []
    monkeypatch.setattr(threading, "lengths", lengths, raising=False)
    engine(**{"output.split": "chapter"}).speak(TEXT, tmp_path / "book.caf")
    gc.collect()
    assert capfd.readouterr().err == ""
    names = ("book.caf", "book/1 Eins.caf", "book/2 Zwei.caf")
    whole, one, two = (soundfile.read(tmp_path / name, dtype="int16")[0] for name in names)
    assert whole.tolist() == (2 * np.frombuffer(pcm, "<i2")).tolist() == [*one, *two]
    assert lengths == pytest.approx([len(each) / 24_000 for each in (whole, one, two)])


def test_one_that_fails_where_nobody_wants_its_file_ends_nothing(
    engine: Made, pcm: bytes, tmp_path: Path, dropped: list[str]
) -> None:
    engine("drop").speak(TEXT, tmp_path / "book.fails")
    assert heard(tmp_path / "book.fails")[1] == pcm
    assert dropped, "an output is begun anew when it is built"


@pytest.mark.parametrize(("suffix", "at"), [(".f32", ""), (".fails", "swallow")])
def test_a_full_disk_is_no_fault_of_the_plugin(engine: Made, tmp_path: Path, suffix: str, at: str) -> None:
    """A file may be 30,000 bytes long here, and the system says so, as it does of a full disk.

    An encoder that hears that and goes on does not pass for one that wrote a whole file.
    """
    path, speaking = tmp_path / f"book{suffix}", engine(at)
    speaking.speak(TEXT, tmp_path / "book.pcm")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with exporting(tmp_path / "book.pcm") as kept:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, limits[1]))
        try:
            with pytest.raises(SinkError, match="File too large; raise the limit"):
                kept.audio(path, speaking.setup.formats.of(path), Encoding())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not path.exists()


def test_files_of_chapters_that_are_gone_are_removed(engine: Made, tmp_path: Path) -> None:
    path, parts = tmp_path / "book.f32", tmp_path / "book"
    speaking = engine(**{"output.split": "chapter"})
    speaking.speak(TEXT, path)
    (parts / "2 Zwei.f32").write_bytes(b"somebody's own, by now")
    speaking.speak(TEXT.replace("Eins", "One").replace("Zwei", "Two"), path)
    names = sorted(file.name for file in parts.iterdir())
    assert names == ["1 One.f32", "2 Two.f32", "2 Zwei.f32", "playlist.m3u8"]


def test_a_name_that_is_unknown_is_told_with_its_place(engine: Made) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown audio format 'floots'; did you mean 'floats'\?"):
        engine(**{"output.format": "floots"})
    with pytest.raises(UnknownNameError, match=r"unknown audio format 'wma'.*It is named at settings"):
        engine(**{"output.format": "wma"})
    with pytest.raises(UnknownNameError, match=r"unknown input format 'scroll'.*It is named at settings"):
        engine(**{"text.format": "scroll"})
