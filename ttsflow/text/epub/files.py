"""The files of a book: whether they can be read, and where links between them lead."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote

from ttsflow.text.archive import Archive, locked

_ENCRYPTION = "META-INF/encryption.xml"
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")  # fonts alone are scrambled


def open_book(data: bytes, name: str) -> Archive:
    """The files of the book with these bytes. Raises InputError where it is no archive, or is encrypted."""
    archive = Archive(data, name, "EPUB")
    if _ENCRYPTION in archive:
        methods = archive.xml(_ENCRYPTION).iter("encryptionmethod")
        if any(method.get("Algorithm", "") not in _FONTS for method in methods):
            raise locked(name)
    return archive


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
