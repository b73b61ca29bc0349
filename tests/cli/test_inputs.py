"""An input that was edited, renamed or moved goes on from the output's own store; another is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from tests.cli.program import Program, indexes, paragraphs, sim

CHUNKS = 10
QUICK = sim(rtf=0, audio_s=0.2)
REFUSED = "story.wav exists and was not made from this text; to replace it, overwrite it (--overwrite)"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path], Program]) -> Path:
    program = new_program(tmp_path_factory.mktemp("undisturbed"))
    program.write("story.txt", paragraphs(CHUNKS))
    program("run", "story.txt", *QUICK)
    return program.folder


@pytest.fixture
def spoken(program: Program, undisturbed: Path) -> Program:
    """A program in whose folder `story.txt` was spoken to `story.wav`, where it lies now."""
    for name in ("story.txt", "story.wav", "story.wav.ttsflow"):
        shutil.copy2(undisturbed / name, program.folder)
    program("run", "story.txt", *QUICK)  # from here, so that the path is that of the tag
    return program


def edited(text: str) -> str:
    """The text after an editor's work: one paragraph changed, one added, two that are gone."""
    parts = text.split("\n\n")
    return "\n\n".join(["A new opening.", *parts[:3], "It was changed.", *parts[6:]])


EDITED = [0, 4]
"""what is new in it"""


def goes_on(program: Program, *args: str, stdin: bytes | None = None) -> list[int]:
    """The chunks that are spoken of an input for story.wav, which is not refused.

    There is no report where the whole text was there at once, and there was nothing to do.
    """
    report = program.folder / "run.json"
    report.unlink(missing_ok=True)
    program("run", "-q", *args, "-o", "story.wav", "--report", "run.json", *QUICK, stdin=stdin)
    return indexes(json.loads(report.read_bytes())) if report.exists() else []


def test_an_input_that_was_renamed(spoken: Program) -> None:
    (spoken.folder / "story.txt").rename(spoken.folder / "tale.txt")
    assert goes_on(spoken, "tale.txt") == []


def test_an_input_that_was_moved(spoken: Program) -> None:
    (spoken.folder / "texts").mkdir()
    (spoken.folder / "story.txt").rename(spoken.folder / "texts/story.txt")
    assert goes_on(spoken, "texts/story.txt") == []


def test_an_input_that_was_edited(spoken: Program) -> None:
    spoken.write("story.txt", edited(paragraphs(CHUNKS)))
    assert goes_on(spoken, "story.txt") == EDITED
    spoken.write("story.txt", "All of it is another text now, in the same place.")
    assert goes_on(spoken, "story.txt") == [0]


def test_an_input_that_was_renamed_and_edited(spoken: Program) -> None:
    (spoken.folder / "story.txt").unlink()
    spoken.write("tale.txt", edited(paragraphs(CHUNKS)))
    assert goes_on(spoken, "tale.txt") == EDITED
    assert soundfile.info(spoken.folder / "story.wav").duration == pytest.approx((CHUNKS - 1) * 0.8)


def test_a_text_that_grew(spoken: Program) -> None:
    spoken.write("whole.txt", paragraphs(CHUNKS) + "\n\n" + "\n\n".join(f"More {n}." for n in range(200)))
    assert goes_on(spoken, "whole.txt") == list(range(CHUNKS, CHUNKS + 200))


def test_a_piped_text_that_changed(program: Program) -> None:
    text = paragraphs(CHUNKS)
    assert goes_on(program, "-", stdin=text.encode()) == list(range(CHUNKS))
    assert goes_on(program, "-", stdin=text.encode()) == []
    assert goes_on(program, "-", stdin=edited(text).encode()) == EDITED
    assert goes_on(program, "--text", text) == [], "nor does it matter how it comes"


def test_raw_samples_are_known_by_their_store(program: Program) -> None:
    program.write("story.txt", paragraphs(CHUNKS))
    pcm = ["-o", "story.pcm", "--format", "pcm", *QUICK]
    program("run", "story.txt", *pcm)
    assert "nothing to do" in program("run", "story.txt", *pcm).err
    program.write("story.txt", edited(paragraphs(CHUNKS)))
    assert indexes(program.resumed("story.txt", *pcm)) == EDITED
    (program.folder / "story.pcm").write_bytes(b"somebody's own")
    assert "story.pcm exists and was not made from this text" in program("run", "story.txt", *pcm, code=2).err


# ---------------------------------------------------------------- what a text looks like

NOTES = "# Notes\n\nSome **bold** words, and [more](https://example.org/more).\n"
LOOKS = (
    "looks like Markdown (headings, **bold**, links): add --input-format markdown, "
    "or --input-format text to read it as it is\n"
)


def spoken_as(program: Program, *args: str, stdin: bytes | None = None) -> tuple[str, list[str]]:
    """What is said on standard error, and the texts of the chunks."""
    ended = program(
        "run", *args, "-o", "notes.wav", "--overwrite", "--report", "run.json", *QUICK, stdin=stdin
    )
    report = json.loads((program.folder / "run.json").read_bytes())
    return ended.err, [chunk["text"] for chunk in report["chunks"]]


def test_text_that_looks_like_markdown_is_read_as_it_is_and_that_is_said(program: Program) -> None:
    program.write("notes.txt", NOTES)
    for name, args, stdin in (
        ("standard input", ["-"], NOTES.encode()),
        ("text", ["--text", NOTES], None),
        ("notes.txt", ["notes.txt"], None),
    ):
        said, texts = spoken_as(program, *args, stdin=stdin)
        assert said.count("looks like") == 1
        assert f"ttsflow: {name} {LOOKS}" in said
        assert texts[0] == "# Notes"


def test_where_the_format_is_said_or_the_suffix_says_it_there_is_no_notice(program: Program) -> None:
    program.write("notes.md", NOTES)
    for first, args in (
        ("Notes", ["notes.md"]),
        ("Notes", ["-", "--input-format", "markdown"]),
        ("# Notes", ["-", "--input-format", "text"]),
        ("# Notes", ["-", "--set", "text.format=text"]),
    ):
        said, texts = spoken_as(program, *args, stdin=NOTES.encode())
        assert "looks like" not in said
        assert texts[0] == first


def test_text_that_looks_like_html_is_noticed(program: Program) -> None:
    page = "<!DOCTYPE html>\n<html><body><h1>Title</h1></body></html>"
    said, texts = spoken_as(program, "-", stdin=page.encode())
    assert "standard input looks like HTML, and its tags are spoken: add --input-format html" in said
    assert "html" in texts[0]


def test_the_switches_of_markdown(program: Program) -> None:
    program.write("notes.md", "# Notes\n\n- [x] shop\n\n```\nmake all\n```\n")
    assert spoken_as(program, "notes.md")[1] == ["Notes", "shop"]
    switches = ["--set", "text.markdown.code=true", "--set", "text.markdown.tasks=true"]
    assert spoken_as(program, "notes.md", *switches)[1] == ["Notes", "done: shop", "make all"]
    program.write("code.md", "```\nmake all\n```\n")
    refused = program("run", "code.md", *QUICK, code=2).err
    assert "code.md holds nothing that is spoken of Markdown unless text.markdown.code is true" in refused
    assert "Traceback" not in refused


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize("fresh", [[], ["--fresh"]])
def test_another_text_is_refused_and_the_chunks_stay(spoken: Program, fresh: list[str]) -> None:
    other = ["run", "other.txt", "-o", "story.wav", *QUICK]
    spoken.write("other.txt", "Another book.\n\nWith another story.")
    before = (spoken.folder / "story.wav").read_bytes()
    refused = spoken(*other, *fresh, code=2)
    assert f"{REFUSED} (the chunks in story.wav.ttsflow stay)" in refused.err
    assert (spoken.folder / "story.wav").read_bytes() == before
    assert spoken.kept("story.wav") == CHUNKS
    spoken(*other, "--overwrite")
    assert goes_on(spoken, "story.txt", "--overwrite") == [], "they did"


def test_a_heading_in_common_does_not_make_it_the_same_book(program: Program) -> None:
    for name in ("one", "two"):
        chapters = (
            f"Chapter {n}.\n\n" + "\n\n".join(f"{name} {n} {p}." for p in range(12)) for n in range(2)
        )
        program.write(f"{name}.txt", "\n\n".join(chapters))
    program("run", "one.txt", "-o", "story.wav", *QUICK)
    assert REFUSED in program("run", "two.txt", "-o", "story.wav", *QUICK, code=2).err


def test_without_its_store_a_text_that_was_renamed_and_edited_is_not_known(spoken: Program) -> None:
    spoken("clean", "story.wav")
    spoken.write("tale.txt", edited(paragraphs(CHUNKS)))
    refused = spoken("run", "tale.txt", "-o", "story.wav", *QUICK, code=2)
    assert f"{REFUSED}, or choose another output" in refused.err


def test_a_strangers_file_is_refused_whatever_the_store_holds(spoken: Program) -> None:
    for stranger in (b"a letter", (spoken.folder / "story.wav").read_bytes().replace(b"ttsflow", b"someone")):
        (spoken.folder / "story.wav").write_bytes(stranger)
        assert REFUSED in spoken("run", "story.txt", *QUICK, code=2).err
        assert (spoken.folder / "story.wav").read_bytes() == stranger
