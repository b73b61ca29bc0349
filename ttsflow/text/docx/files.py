"""The files of a DOCX document, of which only those are used that hold text, and its details."""

from __future__ import annotations

import zipfile
from io import BytesIO

from ttsflow.errors import InputError
from ttsflow.text.archive import LARGEST_FILE, Archive
from ttsflow.text.document import Details

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # a container of older Office files, and of encrypted ones
_LOCKED = "EncryptedPackage".encode("utf-16-le")  # the name of the stream that an encrypted one has
_TEXT = (".xml", ".rels")
_CORE = "docProps/core.xml"


def open_docx(data: bytes, name: str) -> Archive:
    """The files of the document with these bytes. Raises InputError where it is none that can be read."""
    if data.startswith(_OLE):
        if _LOCKED in data:
            raise InputError(
                f"{name} is encrypted with a password. Open it in a word processor and save it without one."
            )
        raise InputError(
            f"{name} is an old Office document (DOC), whatever its name says. Open it in a word processor "
            f"and save it as DOCX."
        )
    return Archive(data, name, "DOCX")


def only_text(archive: Archive) -> BytesIO:
    """The same archive without pictures, fonts and the like. Each file was read, so it is whole and no bomb.

    Raises InputError.
    """
    names = [name for name in archive.names if name.lower().endswith(_TEXT)]
    size = sum(map(archive.size, names))
    if size > LARGEST_FILE:
        raise InputError(
            f"{archive.name} has {size:,} bytes of text and markup; more than {LARGEST_FILE:,} are not read. "
            f"Split it into several documents."
        )
    kept = BytesIO()
    with zipfile.ZipFile(kept, "w") as files:
        for name in names:
            files.writestr(name, archive.read(name))
    return kept


def details_of(archive: Archive) -> Details:
    """Title and author, where the document says them."""
    if _CORE not in archive:
        return Details()
    try:
        core = archive.xml(_CORE)
    except InputError:  # the words are what counts
        return Details()
    title, author = (" ".join((core.findtext(tag) or "").split()) for tag in ("title", "creator"))
    return Details(title or None, author or None)
