"""The formats of text that can be read: an entry each, found by its name or by a file's suffix."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ttsflow.errors import InputError, PluginError, UnknownNameError
from ttsflow.interface.installation import install_command
from ttsflow.text.blocks import Block, has_words
from ttsflow.text.directions import check_marks, directed, speakers_heard, speakers_in, wrong_lines
from ttsflow.text.document import Document, document_of
from ttsflow.text.encodings import decode
from ttsflow.text.escapes import without_escapes
from ttsflow.text.evidence import suspicion
from ttsflow.text.fences import without_code
from ttsflow.text.options import MarkdownOptions, ReadOptions
from ttsflow.text.plain import plain_blocks
from ttsflow.text.scripts import strangeness

if TYPE_CHECKING:
    from ttsflow.text.subtitles.cues import Format


_MARK = b"[["
_PAGES = (".xhtml", ".html", ".htm", ".xml")


@dataclass(frozen=True, slots=True)
class Reader:
    """A format of text. `suffixes` are those of its files, such as ".md", in lower case.

    `read(data, name, options)` makes a document of the bytes of an input that messages call `name`. It
    raises InputError. What it needs beyond the standard library it imports when it is called. `provider` is
    the plugin that it is of.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[bytes, str, ReadOptions], Document]
    provider: str = ""


def _read_text(data: bytes, name: str, options: ReadOptions) -> Document:
    text = _lines(data, name, options)
    document = document_of(text, name, partial(_plain, options=options))
    if not options.code and not has_words(document.blocks()):
        raise InputError(f"{name} holds nothing but code that is left out: add `text.code: true`.")
    if options.marks:
        check_marks(text, name)
        document = replace(_directed(document), speakers=speakers_in(text))
    looks = suspicion(text, name) if options.format is None else None
    return _doubted(_noticed(document, looks), strangeness(text, options.language, name))


def _plain(text: str, options: ReadOptions) -> Iterator[Block]:
    return plain_blocks(text if options.code else without_code(text), options)


def _read_markdown(data: bytes, name: str, options: ReadOptions) -> Document:
    from ttsflow.text.markdown import markdown_blocks

    text = _lines(data, name, options)
    document = document_of(text, name, partial(markdown_blocks, options=options.markdown))
    if options.marks and "[[" in text:
        document = _directed(document, wrong_lines(text))
        heard = speakers_heard(document.blocks())  # marks in code are none
        lines = speakers_in(text)
        named = {speaker: lines.get(speaker, place) for speaker, place in heard.items()}
        document = replace(document, speakers=named)
    if has_words(document.blocks()):
        return _doubted(document, strangeness(text, options.language, name))
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


def _doubted(document: Document, doubt: str | None) -> Document:
    """The document with a notice that is a doubt, too."""
    return document if doubt is None else replace(_noticed(document, doubt), doubts=(doubt,))


def _directed(document: Document, lines: Mapping[str, int] | None = None) -> Document:
    """The document with its marks read; they are checked already, or are when the blocks are read."""

    def blocks() -> Iterator[Block]:
        return directed(document.blocks(), document.name, lines)

    return replace(document, blocks=blocks)


def _of_pages(document: Document, options: ReadOptions, *, marked: bool) -> Document:
    """The document of pages with its marks read: all of them now, where there are any as far as is known.

    The others are read when it is the turn of their page. Raises InputError for one that is wrong, and where
    there is nothing else.
    """
    if not options.marks:
        return document
    document = _directed(document)
    if not has_words(document.blocks()):
        raise InputError(f"{document.name} holds nothing but marks of speakers and pauses.")
    return replace(document, speakers=speakers_heard(document.blocks())) if marked else document


def _lines(data: bytes, name: str, options: ReadOptions) -> str:
    """The text with "\\n" for each line end, and without what would make its lines look longer."""
    text = without_escapes(decode(data, options, name))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_html(data: bytes, name: str, options: ReadOptions) -> Document:
    _need(name, "lxml")
    from ttsflow.text.web import read_html

    return _of_pages(read_html(data, name, options), options, marked=_MARK in data)


def _read_epub(data: bytes, name: str, options: ReadOptions) -> Document:
    _need(name, "lxml")
    from ttsflow.text.archive import Archive
    from ttsflow.text.epub import read_epub

    document = read_epub(data, name, options)
    archive = Archive(data, name, "EPUB")
    pages = (file for file in archive.names if file.lower().endswith(_PAGES))
    return _of_pages(document, options, marked=any(_MARK in archive.read(file) for file in pages))


def _read_fb2(data: bytes, name: str, options: ReadOptions) -> Document:
    _need(name, "lxml")
    from ttsflow.text.fb2 import read_fb2

    packed = data.startswith(b"PK")
    return _of_pages(read_fb2(data, name, options), options, marked=packed or _MARK in data)


def _read_docx(data: bytes, name: str, options: ReadOptions) -> Document:
    _need(name, "lxml", "mammoth")
    from ttsflow.text.docx import read_docx

    return _of_pages(read_docx(data, name, options), options, marked=True)


def _read_subtitles(data: bytes, name: str, options: ReadOptions, format: Format) -> Document:
    _need(name, "pysubs2")
    from ttsflow.text.subtitles import read_subtitles

    return read_subtitles(_lines(data, name, options), name, format, options.cues)


def _read_pdf(data: bytes, name: str, options: ReadOptions) -> Document:
    _need(name, "pypdfium2", extra="pdf")
    from ttsflow.text.pdf import read_pdf

    return _of_pages(read_pdf(data, name, options), options, marked=False)


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


def reader_named(name: str, others: Sequence[Reader] = (), hint: str = "") -> Reader:
    """The reader of the format called `name`, of those here and of `others`.

    Raises UnknownNameError, which lists the known ones and ends with `hint`; PluginError where two plugins
    claim the name.
    """
    known = (*READERS, *others)
    if (found := _only(name, [reader for reader in known if reader.name == name])) is not None:
        return found
    raise UnknownNameError("input format", name, [reader.name for reader in known], hint)


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


def is_suffix(end: str) -> bool:
    """Whether the end of a name looks like a suffix, as those of "part.2" and "I. The Street" do not."""
    return re.fullmatch(r"\.(?=[0-9]*[a-z])[a-z0-9]+", end) is not None


def can_read(path: Path, others: Sequence[Reader] = ()) -> bool:
    """Whether the suffix of a file's name is that of a reader."""
    return _with_suffix(path.suffix.lower(), others) is not None


def reader_for(path: Path, others: Sequence[Reader] = ()) -> Reader:
    """The reader that the suffix of a file's name stands for; plain text where it stands for none.

    It is one of those here or of `others`. Raises InputError for a file that is no prose, and PluginError
    where two plugins claim the suffix.
    """
    suffix = path.suffix.lower()
    if (found := _with_suffix(suffix, others)) is not None:
        return found
    for kind, suffixes in _NOT_PROSE.items():
        if suffix in suffixes:
            known = ", ".join(known for reader in READERS for known in reader.suffixes)
            raise InputError(
                f"{path.name} is {kind}, by its name. Export its text as one of {known}; "
                f"or, to hear it as it stands, add `text.format: text`."
            )
    return TEXT


def _with_suffix(suffix: str, others: Sequence[Reader]) -> Reader | None:
    return _only(suffix, [reader for reader in (*READERS, *others) if suffix in reader.suffixes])


def _only(asked: str, found: Sequence[Reader]) -> Reader | None:
    if len(found) > 1:
        raise PluginError.of_two(f"read {asked!r}", (reader.provider for reader in found))
    return found[0] if found else None
