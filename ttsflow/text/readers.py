"""The formats of text that can be read: an entry each, found by its name or by a file's suffix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ttsflow.errors import InputError, UnknownNameError
from ttsflow.interface.installation import install_command
from ttsflow.text.blocks import has_words
from ttsflow.text.document import Document, document_of
from ttsflow.text.encodings import decode
from ttsflow.text.escapes import without_escapes
from ttsflow.text.evidence import suspicion
from ttsflow.text.options import MarkdownOptions, ReadOptions
from ttsflow.text.plain import plain_blocks
from ttsflow.text.scripts import strangeness

if TYPE_CHECKING:
    from ttsflow.text.subtitles.cues import Format


@dataclass(frozen=True, slots=True)
class Reader:
    """A format of text. `suffixes` are those of its files, such as ".md", in lower case.

    `read(data, name, options)` makes a document of the bytes of an input that messages call `name`. It
    raises InputError. What it needs beyond the standard library it imports when it is called.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[bytes, str, ReadOptions], Document]


def _read_text(data: bytes, name: str, options: ReadOptions) -> Document:
    text = _lines(data, name, options)
    document = document_of(text, name, partial(plain_blocks, options=options))
    looks = suspicion(text, name) if options.format is None else None
    return _noticed(document, looks, strangeness(text, options.language, name))


def _read_markdown(data: bytes, name: str, options: ReadOptions) -> Document:
    from ttsflow.text.markdown import markdown_blocks

    text = _lines(data, name, options)
    document = document_of(text, name, partial(markdown_blocks, options=options.markdown))
    if has_words(document.blocks()):
        return _noticed(document, strangeness(text, options.language, name))
    switches = [
        f"text.markdown.{part.name}"
        for part in fields(MarkdownOptions)
        if has_words(markdown_blocks(text, replace(options.markdown, **{part.name: True})))
    ]
    if switches:
        raise InputError(
            f"{name} holds nothing that is spoken of Markdown unless {' or '.join(switches)} is true: "
            f"add `{switches[0]}: true`."
        )
    raise InputError(f"{name} holds only Markdown's marks and comments: there is nothing to speak.")


def _noticed(document: Document, *notices: str | None) -> Document:
    return replace(document, notices=tuple(notice for notice in notices if notice is not None))


def _lines(data: bytes, name: str, options: ReadOptions) -> str:
    """The text with "\\n" for each line end, and without what would make its lines look longer."""
    text = without_escapes(decode(data, options, name))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_html(data: bytes, name: str, options: ReadOptions) -> Document:
    _need(name, "lxml")
    from ttsflow.text.web import read_html

    return read_html(data, name, options)


def _read_epub(data: bytes, name: str, options: ReadOptions) -> Document:
    _need(name, "lxml")
    from ttsflow.text.epub import read_epub

    return read_epub(data, name, options)


def _read_fb2(data: bytes, name: str, options: ReadOptions) -> Document:
    _need(name, "lxml")
    from ttsflow.text.fb2 import read_fb2

    return read_fb2(data, name, options)


def _read_docx(data: bytes, name: str, options: ReadOptions) -> Document:
    _need(name, "lxml", "mammoth")
    from ttsflow.text.docx import read_docx

    return read_docx(data, name, options)


def _read_subtitles(data: bytes, name: str, options: ReadOptions, format: Format) -> Document:
    _need(name, "pysubs2")
    from ttsflow.text.subtitles import read_subtitles

    return read_subtitles(_lines(data, name, options), name, format)


def _read_pdf(data: bytes, name: str, options: ReadOptions) -> Document:
    _need(name, "pypdfium2", extra="pdf")
    from ttsflow.text.pdf import read_pdf

    return read_pdf(data, name, options)


def _need(name: str, *libraries: str, extra: str = "books") -> None:
    """Raise InputError where a library is missing, which the extra brings."""
    for library in libraries:
        if find_spec(library) is None:
            raise InputError(
                f"to read {name}, {library} is needed, which is not installed: {install_command(extra)}"
            )


TEXT = Reader("text", (".txt", ".text"), _read_text)
READERS = (
    TEXT,
    Reader("markdown", (".md", ".markdown"), _read_markdown),
    Reader("html", (".html", ".htm", ".xhtml"), _read_html),
    Reader("epub", (".epub",), _read_epub),
    Reader("fb2", (".fb2", ".fbz"), _read_fb2),
    Reader("docx", (".docx",), _read_docx),
    Reader("pdf", (".pdf",), _read_pdf),
    Reader("srt", (".srt",), partial(_read_subtitles, format="srt")),
    Reader("vtt", (".vtt",), partial(_read_subtitles, format="vtt")),
)
SUFFIXES = tuple(suffix for reader in READERS for suffix in reader.suffixes)


def reader_named(name: str) -> Reader:
    """The reader of the format called `name`. Raises UnknownNameError, which lists the known ones."""
    for reader in READERS:
        if reader.name == name:
            return reader
    raise UnknownNameError("input format", name, [reader.name for reader in READERS])


_NOT_PROSE = {
    "a table": (".csv", ".tsv", ".xls", ".xlsx", ".ods"),
    "data": (".json", ".jsonl", ".ndjson", ".xml", ".yaml", ".yml", ".toml", ".ini", ".sql"),
    "a program": (
        ".c", ".cc", ".cpp", ".cs", ".css", ".go", ".h", ".hpp", ".ipynb", ".java", ".js", ".kt", ".lua",
        ".php", ".pl", ".py", ".r", ".rb", ".rs", ".sh", ".swift", ".ts",
    ),
    "a document of a word processor or a typesetter": (".doc", ".odt", ".rtf", ".tex", ".pages"),
    "a book in a format that is not read": (".azw", ".azw3", ".djvu", ".kfx", ".mobi"),
}  # fmt: skip
"""what files with these suffixes are: nobody wants to hear them as they stand"""


def reader_for(path: Path) -> Reader:
    """The reader that the suffix of a file's name stands for; plain text where it stands for none.

    Raises InputError for a file that is no prose.
    """
    suffix = path.suffix.lower()
    for reader in READERS:
        if suffix in reader.suffixes:
            return reader
    for kind, suffixes in _NOT_PROSE.items():
        if suffix in suffixes:
            known = ", ".join(known for reader in READERS for known in reader.suffixes)
            raise InputError(
                f"{path.name} is {kind}, by its name. Export its text as one of {known}; "
                f"or, to hear it as it stands, add `text.format: text`."
            )
    return TEXT
