"""Books through the program: EPUB in, chapters out, some of it, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import pytest

from tests.cli.program import Program
from tests.text.made_books import epub
from tests.text.made_docx import docx, paragraph
from tests.text.made_fb2 import fb2
from tests.text.made_pdf import Entry, column, pdf

PAGES = {
    "one.xhtml": "<h2>One</h2><p>The first words of this book.</p>",
    "two.xhtml": "<h2>Two</h2><p>More of them. And a second sentence.</p>",
    "three.xhtml": "<h2>Three</h2><p>The last ones.</p>",
}
CONTENTS = "".join(f'<li><a href="{name}">{name[:-6].title()} / part</a></li>' for name in PAGES)
SIM = ("--backend", "sim")


@pytest.fixture
def program(tmp_path: Path, fake_nvml: Path) -> Program:
    program = Program(tmp_path, fake_nvml)
    book = epub(PAGES, CONTENTS, title="A Book / of Three", author="Ann Author", language="en-GB")
    (tmp_path / "book.epub").write_bytes(book)
    return program


def chapters(path: Path) -> list[tuple[str, float, float]]:
    """Title, beginning and end in seconds, as another program reads them."""
    with av.open(str(path), "r") as container:
        found: list[Any] = container.chapters()
    return [
        (each["metadata"]["title"], *(float(each[end] * each["time_base"]) for end in ("start", "end")))
        for each in found
    ]


def tried(report: dict[str, Any]) -> int:
    """How many chunks were spoken now."""
    return sum(chunk["attempts"] or 0 for chunk in report["chunks"])


def test_an_epub_becomes_a_book_with_chapters(program: Program) -> None:
    report = program.report("book.epub", *SIM, "-o", program.folder / "book.m4b")
    found = chapters(program.folder / "book.m4b")
    assert [title for title, _, _ in found] == ["One / part", "Two / part", "Three / part"]
    begins = [chunk["at_s"] for chunk in report["chunks"] if chunk["text"] in ("One", "Two", "Three")]
    assert [start for _, start, _ in found] == pytest.approx(begins, abs=0.001)
    assert [end for _, _, end in found[:-1]] == [start for _, start, _ in found[1:]]
    with av.open(str(program.folder / "book.m4b"), "r") as container:
        assert container.metadata["title"] == "A Book / of Three"
        assert container.metadata["artist"] == "Ann Author"
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx(found[-1][2], abs=0.1)


def test_another_title_is_another_file_and_nothing_is_spoken_again(program: Program) -> None:
    program("run", "book.epub", *SIM, "-o", "book.mp3", "-q")
    assert "nothing to do" in program("run", "book.epub", *SIM, "-o", "book.mp3").err
    (program.folder / "book.epub").write_bytes(epub(PAGES, CONTENTS, title="Renamed"))
    assert tried(program.resumed("book.epub", *SIM, "-o", "book.mp3")) == 0
    with av.open(str(program.folder / "book.mp3"), "r") as container:
        assert container.metadata["title"] == "Renamed"


def test_chapters_are_listed(program: Program) -> None:
    listed = program("chapters", "book.epub", *SIM).out.decode()
    assert "A Book / of Three, Ann Author, en-GB" in listed
    assert "Two / part" in listed
    found = json.loads(program("chapters", "book.epub", *SIM, "--json").out)
    assert [chapter["title"] for chapter in found["chapters"]] == ["One / part", "Two / part", "Three / part"]
    assert all(chapter["audio_s"] > 0 for chapter in found["chapters"])


def test_some_chapters_and_then_all_of_them(program: Program) -> None:
    program("run", "book.epub", *SIM, "--chapters", "1,3", "-o", "book.m4b", "-q")
    assert [title for title, _, _ in chapters(program.folder / "book.m4b")] == ["One / part", "Three / part"]
    report = program.resumed("book.epub", *SIM, "-o", "book.m4b")
    assert tried(report) == 2, "only the chapter that was missing is spoken"
    assert len(chapters(program.folder / "book.m4b")) == 3


def test_a_part_does_not_take_the_place_of_the_whole_unasked(program: Program) -> None:
    program("run", "book.epub", *SIM, "-o", "book.m4b", "-q")
    whole = (program.folder / "book.m4b").read_bytes()
    for part in (["--chapters", "2"], ["--sample", "1"]):
        refused = program("run", "book.epub", *SIM, *part, "-o", "book.m4b", code=2).err
        assert "book.m4b has the whole text, and" in refused
        assert (program.folder / "book.m4b").read_bytes() == whole
    program("run", "book.epub", *SIM, "--chapters", "2", "-o", "book.m4b", "-q", "--overwrite")
    assert [title for title, _, _ in chapters(program.folder / "book.m4b")] == ["Two / part"]
    program("run", "book.epub", *SIM, "--chapters", "2", "-o", "book.m4b", "-q")
    program("run", "book.epub", *SIM, "-o", "book.m4b", "-q")
    assert (program.folder / "book.m4b").read_bytes() == whole


def test_a_listed_length_is_that_of_the_audio(program: Program) -> None:
    report = program.report("book.epub", "--backend", "sim", "-o", program.folder / "book.wav")
    found = json.loads(program("chapters", "book.epub", "--backend", "sim", "--json").out)
    listed = sum(chapter["audio_s"] for chapter in found["chapters"])
    spoken = sum((chunk["audio_s"] or 0.0) + chunk["pause_s"] for chunk in report["chunks"])
    assert listed == pytest.approx(spoken, rel=0.1)


def test_chunks_are_shown_as_they_would_be_spoken(program: Program) -> None:
    shown = program("run", "book.epub", *SIM, "--dry-run").out.decode()
    assert "# Two / part" in shown
    assert "And a second sentence." in shown
    lines = program("run", "book.epub", *SIM, "--dry-run", "json", "--chapters", "2").out.splitlines()
    spoken = [json.loads(line) for line in lines]
    assert [chunk["text"] for chunk in spoken] == ["Two", "More of them. And a second sentence."]
    assert spoken[0]["chapter"] == "Two / part"
    assert [path.name for path in program.folder.glob("book.*")] == ["book.epub"]


def test_a_sample_does_not_take_the_place_of_the_book(program: Program) -> None:
    program("run", "book.epub", *SIM, "--sample", "1", "-q")
    assert {path.name for path in program.folder.glob("book.*wav")} == {"book.sample.wav"}


def test_a_book_says_which_language_it_is_in(program: Program) -> None:
    book = epub({"a.xhtml": "<p>Guten Tag zusammen.</p>"}, language="de")
    (program.folder / "buch.epub").write_bytes(book)
    shown = program("run", "buch.epub", "--dry-run", "json", "--backend", "espeak").out
    assert json.loads(shown)["language"] == "de"
    shown = program("run", "buch.epub", "--dry-run", "json", "--backend", "espeak", "--language", "en").out
    assert json.loads(shown)["language"] == "en"


def spoken(program: Program, name: str) -> list[tuple[str, str | None]]:
    """Each chunk of a file as it would be spoken, and the title of the chapter that it begins."""
    lines = program("run", name, *SIM, "--dry-run", "json").out.splitlines()
    return [(chunk["text"], chunk["chapter"]) for chunk in map(json.loads, lines)]


def test_a_docx(program: Program) -> None:
    body = paragraph("One", "Heading1") + paragraph("First.") + paragraph("Two", "Heading1")
    (program.folder / "x.docx").write_bytes(docx(body))
    assert spoken(program, "x.docx") == [("One", "One"), ("First.", None), ("Two", "Two")]


def test_an_fb2(program: Program) -> None:
    section = "<section><title><p>One</p></title><p>It was a quiet street.</p></section>"
    (program.folder / "x.fb2").write_bytes(fb2(section))
    assert spoken(program, "x.fb2") == [("One", "One"), ("It was a quiet street.", None)]


def test_a_pdf(program: Program) -> None:
    pages = [column(["One", "", "The first words of", "this book."]), column(["Two", "", "The last ones."])]
    (program.folder / "x.pdf").write_bytes(pdf(pages, [Entry("One / part", 0), Entry("Two / part", 1)]))
    assert spoken(program, "x.pdf") == [
        ("One", "One / part"), ("The first words of this book.", None), ("Two", "Two / part"),
        ("The last ones.", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "x.srt",
            "1\n00:00:01,000 --> 00:00:02,000\n[music] Hello\n\n2\n00:00:02,000 --> 00:00:03,000\nthere.\n",
        ),
        ("x.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Bob>Hello\nthere.\n\nNOTE nobody hears this\n"),
    ],
)
def test_subtitles(program: Program, name: str, text: str) -> None:
    program.write(name, text)
    assert spoken(program, name) == [("Hello there.", None)]


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [
        ("x.fb2", "lxml", "books"),
        ("x.pdf", "pypdfium2", "pdf"),
        ("x.srt", "pysubs2", "books"),
        ("x.docx", "mammoth", "books"),
        ("x.epub", "lxml", "books"),
    ],
)
def test_a_library_that_is_missing_is_named_and_how_to_install_it(
    program: Program, name: str, library: str, extra: str
) -> None:
    (program.folder / name).write_bytes(b"whatever it may be")
    program.hide(library)
    ended = program("run", name, *SIM, code=2)
    assert f"to read {name}, {library} is needed, which is not installed" in ended.err
    assert f"[{extra}]" in ended.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--chapters", "7"], "book.epub has chapters 1 to 3, and not 7"),
        (["--chapters", "all"], "'all' names no chapters; give their numbers, such as 3-5,8"),
        (["--bit-rate", "999", "-o", "a.mp3"], "bit rates from 8 to 160 kbit/s, not 999"),
        (["--bit-rate", "64", "-o", "a.wav"], "wav audio has no bit rate"),
        (["-o", "-", "--format", "m4b"], "m4b audio cannot be streamed"),
        (["--sample", "0"], "--sample"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_spoken(
    program: Program, args: list[str], said: str
) -> None:
    ended = program("run", "book.epub", *SIM, *args, code=2)
    assert said in ended.err
    assert [path.name for path in program.folder.glob("*.ttsflow")] == []
