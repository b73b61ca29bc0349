"""Reading a file, a stream or a string into a document."""

from __future__ import annotations

import difflib
import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from ttsflow.errors import InputError
from ttsflow.text.decoding import check_text, decode
from ttsflow.text.document import Document, Identity

_MARKDOWN = (".md", ".markdown")


def read_file(path: Path, encoding: str = "utf-8") -> Document:
    """Read a text file. It is Markdown if its name ends in .md or .markdown, otherwise plain text.

    A byte order mark overrides `encoding`. Raises InputError if the file cannot be read, is not text,
    is not valid in the encoding, or has nothing to speak.
    """
    name = _printable(path)
    try:
        data = path.read_bytes()
        source = os.fsencode(path.resolve())
    except FileNotFoundError:
        raise InputError(_missing(path)) from None
    except IsADirectoryError:
        raise InputError(f"{name} is a folder. Give the file to speak{_first_text_in(path)}.") from None
    except PermissionError:
        raise InputError(
            f"{name} may not be read by this user. Change its permissions (chmod u+r)."
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{name} cannot be read: {reason}. Check the path.") from None
    return _document(decode(data, encoding, name), name, source, path.suffix.lower() in _MARKDOWN)


def read_stream(binary_file: BinaryIO, encoding: str = "utf-8", name: str = "standard input") -> Document:
    """Read plain text from a binary stream to its end. Raises InputError in the same cases as `read_file`."""
    try:
        data = binary_file.read()
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}. Give a file or a pipe.") from None
    return _document(decode(data, encoding, name), name)


def read_text(text: str, name: str = "text") -> Document:
    """Make a document of a string of plain text.

    Raises InputError if it has nothing to speak, or contains a NUL or half of a character.
    """
    text = text.removeprefix("\ufeff")
    check_text(text, name)
    return _document(text, name)


def _document(text: str, name: str, source: bytes | None = None, markdown: bool = False) -> Document:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    identity = Identity(None if source is None else _digest(source), _digest(text.encode()))
    document = Document(name, identity, text, markdown)
    if markdown and next(document.blocks(), None) is None:
        raise InputError(f"{name} holds only Markdown's marks and comments: there is nothing to speak.")
    return document


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _missing(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"{_printable(path)} does not exist: there is no folder {_printable(folder)}. Check the path."
    close = [folder / name for name in difflib.get_close_matches(path.name, _names(folder), n=3, cutoff=0.5)]
    if not close:
        return f"{_printable(path)} does not exist. Check the name, or give the text with --text."
    return f"{_printable(path)} does not exist. Did you mean {' or '.join(map(_printable, close))}?"


def _first_text_in(folder: Path) -> str:
    texts = sorted(name for name in _names(folder) if name.lower().endswith((".txt", *_MARKDOWN)))
    return f", for example {_printable(folder / texts[0])}" if texts else ""


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:  # the names are needed only for a hint
        return []


def _printable(path: Path) -> str:
    """The path for messages. A file name may contain bytes that are not valid text."""
    return os.fsencode(path).decode("utf-8", "replace")
