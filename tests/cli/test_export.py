"""Other files from what is kept of an output: nothing is spoken for them."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from tests.cli.program import Program
from tests.text.made_books import epub
from ttsflow.output import read_tag
from ttsflow.output.series import file_name

PAGES = {
    "one.xhtml": (
        "<p>Before it begins.</p><h2 id='a'>One</h2><p>The first words. --&gt; And &lt;more&gt;.</p>"
    ),
    "two.xhtml": "<h2>Two</h2><p>The last ones.</p>",
}
CONTENTS = '<li><a href="one.xhtml#a">One / part</a></li><li><a href="two.xhtml">\u96ea {long}</a></li>'
SIM = ("--backend", "sim", "-q")


@pytest.fixture
def program(tmp_path: Path, fake_nvml: Path) -> Program:
    program = Program(tmp_path, fake_nvml)
    contents = CONTENTS.format(long="very long " * 30)
    (tmp_path / "book.epub").write_bytes(epub(PAGES, contents, title="Book"))
    program("run", "book.epub", *SIM, "-o", "book.wav")
    return program


def length(path: Path) -> float:
    with av.open(str(path), "r") as container:
        assert container.duration is not None
        return container.duration / 1e6


def test_another_format_has_the_same_audio_and_is_made_without_an_engine(program: Program) -> None:
    before = (program.folder / "book.wav.ttsflow").read_bytes()
    program("export", "book.wav", "book.flac")
    program("export", "book.wav", "book.mp3", "--bit-rate", "24")
    with wave.open(str(program.folder / "book.wav")) as wav:
        seconds = wav.getnframes() / wav.getframerate()
    assert length(program.folder / "book.flac") == pytest.approx(seconds, abs=1e-3)
    assert length(program.folder / "book.mp3") == pytest.approx(seconds, abs=0.05)
    assert (program.folder / "book.wav.ttsflow").read_bytes() == before
    assert program.processes() == []


def test_a_file_to_a_chapter_and_a_playlist(program: Program) -> None:
    program("export", "book.wav", "parts", "--split", "chapter")
    names = sorted(path.name for path in (program.folder / "parts").iterdir())
    assert names[:2] == ["1 Book.mp3", "2 One part.mp3"]
    assert names[2].startswith("3 \u96ea very long very")
    assert len(names[2].encode()) < 140
    assert names[3] == "Book.m3u8"
    playlist = (program.folder / "parts/Book.m3u8").read_text().splitlines()
    assert playlist[0] == "#EXTM3U"
    assert playlist[2::2] == names[:3]
    with av.open(str(program.folder / "parts/2 One part.mp3"), "r") as container:
        said = container.metadata
    assert (said["title"], said["album"], said["track"]) == ("One / part", "Book", "2/3")
    parts = sum(length(program.folder / "parts" / name) for name in names[:3])
    with wave.open(str(program.folder / "book.wav")) as wav:
        assert parts == pytest.approx(wav.getnframes() / wav.getframerate(), abs=0.1)


def test_a_file_to_a_chunk_and_an_index(program: Program) -> None:
    program("export", "book.wav", "chunks", "--split", "chunk", "--format", "wav")
    index = json.loads((program.folder / "chunks/index.json").read_text())
    assert [row["text"] for row in index][:2] == ["Before it begins.", "One"]
    assert all((program.folder / "chunks" / row["file"]).exists() for row in index)


@pytest.mark.parametrize(
    ("split", "name"), [("chapter", "2 One part.mp3"), ("chapter", "Book.m3u8"), ("chunk", "index.json")]
)
def test_a_file_of_somebody_else_in_the_folder_stays(program: Program, split: str, name: str) -> None:
    other = program.write(f"parts/{name}", "mine")
    assert f"{name} is there already" in program("export", "book.wav", "parts", "--split", split, code=2).err
    assert other.read_text() == "mine"
    program("export", "book.wav", "parts", "--split", split, "--overwrite")
    assert other.read_bytes() != b"mine"
    program("export", "book.wav", "parts", "--split", split)  # again, over what it made itself


def test_what_was_exported_is_known_as_made_from_the_text(program: Program) -> None:
    for name in ("book.mp3", "book.m4b", "book.opus", "book.flac"):
        program("export", "book.wav", name)
        program("export", "book.wav", name)
        assert read_tag(program.folder / name) == read_tag(program.folder / "book.wav")
    program("run", "book.epub", *SIM, "-o", "book.mp3")


def test_subtitles_have_the_times_of_the_audio(program: Program) -> None:
    for suffix in ("srt", "vtt", "json"):
        program("export", "book.wav", f"book.{suffix}")
    cues = json.loads((program.folder / "book.json").read_text())
    report = program.resumed("book.epub", *SIM[:2], "-o", "book.wav", "--fresh")
    chunks = [chunk for chunk in report["chunks"] if chunk["audio_s"]]
    assert [cue["text"] for cue in cues][:2] == ["Before it begins.", "One"]
    starts = [cue["start_s"] for cue in cues]
    found = [min(starts, key=near(chunk["at_s"])) for chunk in chunks]
    assert found == pytest.approx([chunk["at_s"] for chunk in chunks], abs=1e-3)
    assert len(starts) > len(chunks), "each sentence has a cue of its own"
    for suffix in ("srt", "vtt"):
        read: Any = list(spoken(program.folder / f"book.{suffix}"))
        assert [start for start, _ in read] == pytest.approx([cue["start_s"] for cue in cues], abs=1e-3)
    assert "&lt;more&gt;" in (program.folder / "book.vtt").read_text()
    assert "\n-> And <more>." in (program.folder / "book.srt").read_text()


def near(at_s: float) -> Callable[[float], float]:
    return lambda start_s: abs(start_s - at_s)


def spoken(path: Path) -> Any:
    """The cues of a file of subtitles, as FFmpeg reads them."""
    with av.open(str(path), "r") as container:
        for packet in container.demux(subtitles=0):
            if packet.size and packet.pts is not None:
                yield float(packet.pts * packet.time_base), bytes(packet)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["gone.wav", "a.mp3"], "nothing is kept for gone.wav"),
        (["book.wav", "a.mp3", "--bit-rate", "1"], "bit rates from 8 to 160 kbit/s, not 1"),
        (["book.wav", "a.wma"], "a.wma has no suffix that says its format; there are .wav, .pcm, .m4b"),
        (["book.wav", "nowhere/a.mp3"], "there is no folder nowhere"),
        (["book.wav", "book.epub", "--split", "chapter"], "book.epub is a file"),
        (["book.wav", "book.wav", "--overwrite"], "book.wav is the output itself"),
        (["book.wav", "book.epub/parts", "--split", "chapter"], "the folder book.epub/parts cannot be made"),
    ],
)
def test_what_cannot_be_exported_is_told(program: Program, args: list[str], said: str) -> None:
    assert said in program("export", *args, code=2).err


def test_a_damaged_store_is_named_with_what_mends_it(program: Program) -> None:
    store = program.folder / "book.wav.ttsflow"
    data = bytearray(store.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
    store.write_bytes(data)
    ended = program("export", "book.wav", "book.flac", code=3)
    assert "run the command that made book.wav again, which mends it" in ended.err
    assert not (program.folder / "book.flac").exists()


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("A / B: C?", "A B C"), ("..", ""), ("a\x00b\n", "a b"), ("\U0001f600 e\u0301", "\U0001f600 \xe9"),
        ("x" * 300, "x" * 120), ("\u96ea" * 100, "\u96ea" * 40), ("end. ", "end"),
    ],
)  # fmt: skip
def test_titles_as_names_of_files(title: str, name: str) -> None:
    assert file_name(title) == name
