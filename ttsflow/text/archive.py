"""An archive of files (ZIP) in which a document comes: read from memory, whatever it may hold."""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

from ttsflow.errors import InputError
from ttsflow.text.elements import parse_xml

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

LARGEST_FILE = 64_000_000  # bytes of a page or a table of contents; a long book has fewer in all its pages


class Archive:
    """The files of a document with these bytes, which messages call `name`; `kind` is its format, "EPUB".

    Raises InputError where the bytes are no archive, or are encrypted.
    """

    def __init__(self, data: bytes, name: str, kind: str) -> None:
        self.name = name
        try:
            self._zip = zipfile.ZipFile(BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
            raise InputError(
                f"{name} is no whole {kind}: {error}. Download or copy it again, or give another file."
            ) from None
        self._sizes = {entry.filename: entry.file_size for entry in self._zip.infolist()}
        if any(entry.flag_bits & 1 for entry in self._zip.infolist()):
            raise locked(name)

    @property
    def names(self) -> list[str]:
        """The names of all files."""
        return list(self._sizes)

    def __contains__(self, name: str) -> bool:
        return name in self._sizes

    def size(self, name: str) -> int:
        """Bytes of a file, as the archive says; 0 for one that is not there."""
        return self._sizes.get(name, 0)

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises InputError where it is not there, damaged, or far too large."""
        try:
            with self._zip.open(name) as file:
                data = file.read(LARGEST_FILE + 1)
        except KeyError:
            raise InputError(f"{self.name} has no file {name!r}, which it names.") from None
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            RuntimeError,
            NotImplementedError,
        ) as error:
            raise InputError(
                f"{self.name} is damaged: its file {name!r} cannot be read ({error}). Get it again."
            ) from None
        if len(data) > LARGEST_FILE:
            raise InputError(
                f"{self.name} has a file {name!r} of more than {LARGEST_FILE:,} bytes, which no book needs; "
                f"it is not read."
            )
        return data

    def xml(self, name: str) -> Element:
        """The elements of a file in XML, whose tags have no namespaces. Raises InputError as `read` does."""
        root = parse_xml(self.read(name))
        if root is None:
            raise InputError(f"{self.name} is damaged: its file {name!r} is no XML. Get it again.")
        return root


def locked(name: str) -> InputError:
    """The error that says that a document is encrypted."""
    return InputError(
        f"{name} is encrypted (DRM), so its text cannot be read. Give a copy without encryption."
    )
