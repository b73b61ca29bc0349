"""Reading a file, a stream or a string into a document."""

from __future__ import annotations

import codecs
import difflib
import os
from collections.abc import AsyncIterable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ttsflow.errors import InputError
from ttsflow.text.coming import Coming
from ttsflow.text.cutting import Flush
from ttsflow.text.document import Document, digest
from ttsflow.text.encodings import check_text, decode_pieces
from ttsflow.text.evidence import Watch
from ttsflow.text.options import ReadOptions
from ttsflow.text.readers import SUFFIXES, TEXT, Reader, is_suffix, reader_for, reader_named
from ttsflow.text.scripts import ScriptWatch

DEFAULTS = ReadOptions()

_READ_BYTES = 65_536

_PLAIN = (".asc", ".log", ".me", ".utf8")
"""suffixes of plain text that are not looked for in folders"""


def read_file(path: Path, options: ReadOptions = DEFAULTS) -> Document:
    """Read a file; where no format is named the suffix of its name decides.

    Raises InputError if the file cannot be read, is not text,
    is not valid in the encoding, or has nothing to speak; UnknownNameError if there is no such format.
    """
    reader = reader_for(path, options.others) if options.format is None else _reader(options)
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
    document = reader.read(data, name, options)
    notices = document.notices
    if options.format is None and reader is TEXT and _says_another(path):
        unknown = f"{name} is read as plain text: no reader here is for files that end in {path.suffix}"
        notices = (*notices, unknown)
    return replace(document, identity=replace(document.identity, source=digest(source)), notices=notices)


def _says_another(path: Path) -> bool:
    """Whether the name of a file ends as that of something else than plain text."""
    suffix = path.suffix.lower()
    return suffix not in (*TEXT.suffixes, *_PLAIN) and is_suffix(suffix)


def read_stream(
    binary_file: BinaryIO, options: ReadOptions = DEFAULTS, name: str = "standard input"
) -> Document:
    """Read a binary stream to its end, as plain text where no format is named.

    Raises InputError and UnknownNameError in the same cases as `read_file`.
    """
    reader = _reader(options)
    try:
        data = binary_file.read()
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}. Give a file or a pipe.") from None
    return reader.read(data, name, options)


def read_coming(
    binary_file: BinaryIO, options: ReadOptions = DEFAULTS, name: str = "standard input"
) -> Coming:
    """Read a binary stream as plain text while it comes; what takes it gets the errors of `read_stream`."""
    script = ScriptWatch(name, options.language)
    watches = (script,) if options.format is not None else (script, Watch(name))
    return Coming(decode_pieces(_pieces(binary_file, name), options, name), name, watches)


def pulled(
    source: Iterable[str | Flush] | AsyncIterable[str | Flush],
    options: ReadOptions = DEFAULTS,
    name: str = "text",
) -> Coming:
    """A text whose pieces a program gives as it has them."""
    return Coming(source, name, (ScriptWatch(name, options.language),))


def read_text(text: str, options: ReadOptions = DEFAULTS, name: str = "text") -> Document:
    """Make a document of a string, which is plain text where no format is named.

    Raises InputError if it has nothing to speak, or contains a NUL or half of a character;
    UnknownNameError if there is no such format.
    """
    reader, text = _reader(options), text.removeprefix("\ufeff")
    check_text(text, name)
    # With a byte order mark it is text for sure, even if it begins with "%PDF-".
    return reader.read(codecs.BOM_UTF8 + text.encode(), name, options)


def _pieces(binary_file: BinaryIO, name: str) -> Iterator[bytes]:
    # What is there, without waiting for more; and without the lock of a buffered file: a thread that waits
    # with it makes the interpreter abort at its end.
    raw = getattr(binary_file, "raw", binary_file)
    read = getattr(raw, "read1", raw.read)
    try:
        while data := read(_READ_BYTES):
            yield data
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}. Give a file or a pipe.") from None


def _reader(options: ReadOptions) -> Reader:
    return TEXT if options.format is None else reader_named(options.format, options.others)


def _missing(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"{_printable(path)} does not exist: there is no folder {_printable(folder)}. Check the path."
    close = [folder / name for name in difflib.get_close_matches(path.name, _names(folder), n=3, cutoff=0.5)]
    if not close:
        return f"{_printable(path)} does not exist. Check the name, or give the text itself."
    return f"{_printable(path)} does not exist. Did you mean {' or '.join(map(_printable, close))}?"


def _first_text_in(folder: Path) -> str:
    texts = sorted(name for name in _names(folder) if name.lower().endswith(SUFFIXES))
    return f", for example {_printable(folder / texts[0])}" if texts else ""


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:  # the names are needed only for a hint
        return []


def _printable(path: Path) -> str:
    """The path for messages. A file name may contain bytes that are not valid text."""
    return os.fsencode(path).decode("utf-8", "replace")
