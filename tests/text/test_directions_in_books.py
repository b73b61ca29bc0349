"""Marks of speakers and pauses in pages and books: the same rules and errors as in plain text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.text.made_books import epub
from tests.text.made_docx import docx, paragraph
from tests.text.made_fb2 import fb2
from tests.text.made_pdf import column, pdf
from ttsflow.errors import InputError
from ttsflow.text import Document, ReadOptions, chapters_of
from ttsflow.text.readers import reader_named

Make = Callable[[Sequence[str]], bytes]


def _p(paragraphs: Sequence[str]) -> str:
    return "".join(f"<p>{words}</p>" for words in paragraphs)


def _lines(paragraphs: Sequence[str]) -> list[str]:
    return [line for words in paragraphs for line in (words, "")]


MADE: dict[str, Make] = {
    "html": lambda paragraphs: f"<html><body>{_p(paragraphs)}</body></html>".encode(),
    "epub": lambda paragraphs: epub({"one.xhtml": _p(paragraphs)}),
    "fb2": lambda paragraphs: fb2(f"<section>{_p(paragraphs)}</section>"),
    "docx": lambda paragraphs: docx("".join(map(paragraph, paragraphs))),
    "pdf": lambda paragraphs: pdf([column(_lines(paragraphs))]),
}


def read(format: str, data: bytes, **options: bool) -> Document:
    return reader_named(format).read(data, f"a.{format}", ReadOptions(format=format, **options))  # type: ignore[arg-type]


def heard(document: Document) -> list[tuple[str, str | None, float | None]]:
    return [(block.text, block.role.speaker, block.pause_s) for block in document.blocks()]


@pytest.mark.parametrize("format", MADE)
def test_marks_are_followed(format: str) -> None:
    paragraphs = [
        "He said: [[voice: Anna]] Hello there. [[pause: 500ms]] And good night.",
        "[[voice: Tom]]",
        "I am here.",
        "[[pause: 2]]",
        "[[voice]] He left the house.",
    ]
    document = read(format, MADE[format](paragraphs))
    assert heard(document) == [
        ("He said:", None, None), ("Hello there.", "Anna", 0.5), ("And good night.", "Anna", None),
        ("I am here.", "Tom", None), ("", "Tom", 2.0), ("He left the house.", None, None),
    ]  # fmt: skip
    if format != "pdf":  # whose pages are read when it is their turn
        assert document.speakers == {"Anna": "at 'Hello there.'", "Tom": "at 'I am here.'"}
    marks = read(format, MADE[format](paragraphs), marks=False)
    assert [words for words, _, _ in heard(marks)] == paragraphs


@pytest.mark.parametrize("format", MADE)
@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("[[pause: soon]]", "[[pause: soon]] must say how long"),
        ("[[voice: Anna", "the mark '[[voice: Anna' has no end: close it with ]]"),
    ],
)
def test_a_wrong_mark_is_named_with_its_place(format: str, mark: str, said: str) -> None:
    data = MADE[format](["He came home late.", f"And then she said: {mark}"])
    with pytest.raises(InputError) as raised:
        list(read(format, data).blocks())
    assert str(raised.value).startswith(f"a.{format}, at 'And then she said: {mark}': ")
    assert said in str(raised.value)


def test_a_place_in_a_book_is_in_a_chapter() -> None:
    pages = {"one.xhtml": "<h1>Dawn</h1><p>One.</p>", "two.xhtml": "<h1>Dusk</h1><p>Two. [[pause: x]]</p>"}
    with pytest.raises(InputError, match=r"a\.epub, chapter 2 \('Dusk'\), at 'Two\. \[\[pause: x\]\]': "):
        read("epub", epub(pages))


def test_a_speaker_ends_with_the_chapter_and_a_chapter_may_begin_with_marks() -> None:
    contents = '<li><a href="one.xhtml">Dawn</a></li><li><a href="two.xhtml">Dusk</a></li>'
    pages = {
        "one.xhtml": "<p>[[pause: 1]]</p><p>[[voice: Anna]]</p><p>One.</p><p>Still one.</p>",
        "two.xhtml": "<p>Two.</p>",
    }
    document = read("epub", epub(pages, contents))
    assert heard(document) == [
        ("", None, 1.0), ("One.", "Anna", None), ("Still one.", "Anna", None), ("Two.", None, None),
    ]  # fmt: skip
    assert [(chapter.number, chapter.title, chapter.words) for chapter in chapters_of(document)] == [
        (1, "Dawn", 3), (2, "Dusk", 1),
    ]  # fmt: skip
    assert document.speakers == {"Anna": "chapter 1 ('Dawn'), at 'One.'"}


def test_marks_in_code_are_words() -> None:
    data = b"<p>Write <code>[[voice: Anna]]</code> or <kbd>[[pause]]</kbd>.</p><pre>[[voice: Bert</pre>"
    document = reader_named("html").read(data, "a.html", ReadOptions(format="html"))
    [(words, speaker, pause_s)] = heard(document)
    assert words.replace("\u2060", "") == "Write [[voice: Anna]] or [[pause]]."
    assert (speaker, pause_s, document.speakers) == (None, None, {})


def test_a_wrong_mark_of_markdown_is_named_with_its_line(tmp_path: Path) -> None:
    text = "# One\n\nSee *this*\nand [[pause: soon]] that."
    with pytest.raises(InputError, match=r"^text, line 4: \[\[pause: soon\]\] must say how long"):
        reader_named("markdown").read(text.encode(), "text", ReadOptions(format="markdown"))


@pytest.mark.parametrize("format", MADE)
def test_marks_alone_are_nothing_to_speak(format: str) -> None:
    with pytest.raises(InputError, match="holds nothing but marks"):
        read(format, MADE[format](["[[voice: Anna]]", "[[pause: 1]]"]))
