"""The formats of text: found by name and by suffix, in files, streams and strings."""

import io
from pathlib import Path

import pytest

from ttsflow.errors import InputError, UnknownNameError
from ttsflow.text import Block, Document, ReadOptions, read_file, read_stream, read_text
from ttsflow.text.readers import READERS, TEXT, reader_for, reader_named

HEADING = [Block("Title", "chapter"), Block("Some words.")]
MARKDOWN = "# Title\n\nSome *words*.\n"


def blocks(document: Document) -> list[Block]:
    return list(document.blocks())


def test_every_name_and_every_suffix_finds_one_reader() -> None:
    suffixes = [suffix for reader in READERS for suffix in reader.suffixes]
    assert len(suffixes) == len(set(suffixes))
    for reader in READERS:
        assert reader_named(reader.name) is reader
        for suffix in reader.suffixes:
            assert reader_for(Path(f"A.Book{suffix}")) is reader
            assert reader_for(Path(f"A.Book{suffix.upper()}")) is reader


@pytest.mark.parametrize("name", ["notes", "notes.log", ".md", "book.md.bak"])
def test_any_other_file_is_plain_text(name: str) -> None:
    assert reader_for(Path(name)) is TEXT


def test_a_name_decides_over_the_suffix(tmp_path: Path) -> None:
    for name in ("book.txt", "book.md"):
        (tmp_path / name).write_text(MARKDOWN)
    assert blocks(read_file(tmp_path / "book.txt", options=ReadOptions(format="markdown"))) == HEADING
    assert blocks(read_file(tmp_path / "book.md", options=ReadOptions(format="text")))[0] == Block("# Title")
    assert blocks(read_file(tmp_path / "book.md")) == HEADING


def test_streams_and_strings_are_plain_text_unless_it_is_said() -> None:
    for name, expected in ((None, Block("# Title")), ("text", Block("# Title")), ("markdown", HEADING[0])):
        assert blocks(read_text(MARKDOWN, options=ReadOptions(format=name)))[0] == expected
        assert (
            blocks(read_stream(io.BytesIO(MARKDOWN.encode()), options=ReadOptions(format=name)))[0]
            == expected
        )


def test_a_name_that_is_not_known_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    class Unread(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError

    for read in (
        lambda: read_file(tmp_path / "absent.txt", options=ReadOptions(format="markdwon")),
        lambda: read_stream(Unread(), options=ReadOptions(format="markdwon")),
        lambda: read_text("Text.", options=ReadOptions(format="markdwon")),
    ):
        with pytest.raises(
            UnknownNameError, match=r"did you mean 'markdown'.*known: markdown, docx, epub, fb2, .*text"
        ):
            read()


def test_a_string_that_begins_like_a_file_of_another_kind_is_text() -> None:
    for text in ("%PDF- is how they begin.", "{\\rtf is how they begin.", "PK\x03\x04 too."):
        assert blocks(read_text(text)) == [Block(text)]


@pytest.mark.parametrize("name", ["text", "markdown"])
def test_what_cannot_be_spoken_is_refused_in_every_format(name: str) -> None:
    for text, why in (("", "is empty"), ("a\0b", "binary data"), ("\ud83d", "lone surrogate")):
        with pytest.raises(InputError, match=why):
            read_text(text, options=ReadOptions(format=name))


def test_blocks_can_be_iterated_again_and_the_length_leaves_white_space_out() -> None:
    document = read_text("One two.\n\nThree.\n")
    assert blocks(document) == blocks(document) == [Block("One two."), Block("Three.")]
    assert document.chars == len("Onetwo.Three.")
