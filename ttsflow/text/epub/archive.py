"""The files in a book: an archive that is read from memory, whatever it may hold."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ttsflow.errors import InputError

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

LARGEST_FILE = 64_000_000  # bytes of a page or a table of contents; a long book has fewer in all its pages
_ENCRYPTION = "META-INF/encryption.xml"
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")  # fonts alone are scrambled


class Archive:
    """The files of the book with these bytes, which messages call `name`. Raises InputError."""

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        try:
            self._zip = zipfile.ZipFile(BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
            raise InputError(
                f"{name} is no whole EPUB: {error}. Download or copy it again, or give another file."
            ) from None
        self._sizes = {entry.filename: entry.file_size for entry in self._zip.infolist()}
        self._refuse_locked()

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
        from lxml import etree

        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, recover=True, remove_comments=True
        )
        try:
            root = etree.fromstring(self.read(name), parser)
        except etree.XMLSyntaxError:
            root = None
        if root is None:
            raise InputError(f"{self.name} is damaged: its file {name!r} is no XML. Get it again.")
        for element in root.iter():
            if isinstance(element.tag, str):
                element.tag = element.tag.rpartition("}")[2].lower()
        return root

    def _refuse_locked(self) -> None:
        locked = any(entry.flag_bits & 1 for entry in self._zip.infolist())
        if not locked and _ENCRYPTION in self:
            methods = [
                method.get("Algorithm", "") for method in self.xml(_ENCRYPTION).iter("encryptionmethod")
            ]
            locked = any(method not in _FONTS for method in methods)
        if locked:
            raise InputError(
                f"{self.name} is encrypted (DRM), so its text cannot be read. Give a copy without encryption."
            )


def beside(file: str, href: str) -> tuple[str, str]:
    """The name of the file that a link in `file` leads to, and the place in it; "" for none.

    A link that leaves the archive has the name "", which no file has.
    """
    path, _, fragment = href.partition("#")
    if "://" in path:
        return "", ""
    path = unquote(path)
    target = posixpath.normpath(posixpath.join(posixpath.dirname(file), path)) if path else file
    return ("" if target.startswith(("../", "/")) or target == ".." else target), unquote(fragment)
