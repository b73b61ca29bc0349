"""The pages of a PDF document, as PDFium finds the lines on them, and what the document says of itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from ttsflow.errors import InputError
from ttsflow.text.document import Details

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfTextPage

_PDFIUM = Lock()  # PDFium is not safe for threads, whichever documents they read
_LINE_END_HYPHEN = "\x02"  # PDFium writes it where a hyphen ends a line, and goes on with the next line
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_GAP = 1.0  # heights of a line between two parts of it; no editor puts so much between two words
_UPRIGHT = 0.1  # radians


@dataclass(frozen=True, slots=True)
class Part:
    """Words in one line, without a wide gap, and the box around them, in points from below and left."""

    text: str
    left: float
    bottom: float
    right: float
    top: float

    @property
    def height(self) -> float:
        return max(self.top - self.bottom, 1.0)


class _Glyph(NamedTuple):
    """A character, and the box around it: left, bottom, right, top."""

    char: str
    box: tuple[float, float, float, float] | None


Row = Sequence[Part]
"""What stands in one line, from left to right; several parts where there are wide gaps."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of an outline: the page it leads to, from 0, and the height there, None for its beginning."""

    title: str
    page: int
    height: float | None


@dataclass(frozen=True, slots=True)
class Outline:
    """What a document says of itself: its number of pages, its details, and its table of contents."""

    pages: int
    details: Details
    entries: tuple[Entry, ...]


def read_outline(data: bytes, name: str) -> Outline:
    """The outline of the document with these bytes. Raises InputError where it cannot be opened."""
    with _opened(data, name) as document:
        return Outline(len(document), _details(document), tuple(_entries(document)))


def read_pages(data: bytes, name: str, first: int, end: int) -> list[list[Row] | None]:
    """The rows of some pages, as far as they are there, in the order in which the document draws them.

    None stands for a page that is damaged. Raises InputError.
    """
    from pypdfium2 import PdfiumError

    found: list[list[Row] | None] = []
    with _opened(data, name) as document:
        for number in range(first, min(end, len(document))):
            try:
                found.append(list(_rows(document[number].get_textpage())))
            except PdfiumError:
                found.append(None)
    return found


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[PdfDocument]:
    from pypdfium2 import PdfDocument, PdfiumError, raw

    with _PDFIUM:
        try:
            document = PdfDocument(data)
        except PdfiumError as error:
            if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
                raise InputError(
                    f"{name} is encrypted with a password. Save a copy without one, for example with "
                    f"`qpdf --decrypt --password=... {name} copy.pdf`."
                ) from None
            what = "is no whole PDF" if data else "is empty"
            raise InputError(
                f"{name} {what}: there is no page that can be read. Download or copy it again, or give "
                f"another file."
            ) from None
        try:
            yield document
        finally:
            document.close()


def _details(document: PdfDocument) -> Details:
    title, author = (_words(partial(document.get_metadata_value, key)) for key in ("Title", "Author"))
    return Details(title or None, author or None)


def _entries(document: PdfDocument) -> Iterator[Entry]:
    from pypdfium2 import raw

    for bookmark in document.get_toc():
        title, place = _words(bookmark.get_title), bookmark.get_dest()
        page = place.get_index() if place else None
        if title and place and page is not None:
            mode, numbers = place.get_view()
            heights = {raw.PDFDEST_VIEW_XYZ: 1, raw.PDFDEST_VIEW_FITH: 0, raw.PDFDEST_VIEW_FITBH: 0}
            at = heights.get(mode, len(numbers))
            yield Entry(title, page, numbers[at] or None if at < len(numbers) else None)


def _words(said: Callable[[], str]) -> str:
    """The words that a document says of itself; none where they are damaged."""
    try:
        return " ".join("".join(filter(str.isprintable, said())).split())
    except UnicodeDecodeError:
        return ""


def _rows(page: PdfTextPage) -> Iterator[Row]:
    glyphs: list[_Glyph] = []
    for glyph in _glyphs(page):
        if glyph.char != "\n":
            glyphs.append(glyph)
            continue
        if row := list(_parts(glyphs)):
            yield row
        glyphs.clear()
    if row := list(_parts(glyphs)):
        yield row


def _glyphs(page: PdfTextPage) -> Iterator[_Glyph]:
    """The characters of a page, with "\\n" for each line end.

    What is written at an angle, such as a stamp at the edge of a page, is left out.
    """
    from pypdfium2 import raw

    for index in range(page.count_chars()):
        char = chr(raw.FPDFText_GetUnicode(page, index))
        if char in "\r\n":
            yield _Glyph("\n", None)
        elif char.isspace() or char == "\0":
            yield _Glyph(" ", None)
        elif abs(math.remainder(raw.FPDFText_GetCharAngle(page, index), math.tau)) < _UPRIGHT:
            hyphen = char == _LINE_END_HYPHEN
            yield _Glyph("-" if hyphen else char, page.get_charbox(index, loose=True))
            if hyphen:
                yield _Glyph("\n", None)


def _parts(glyphs: Iterable[_Glyph]) -> Iterator[Part]:
    """The parts of a row with these characters."""
    part: list[_Glyph] = []
    end = math.inf
    for glyph in glyphs:
        if glyph.box is not None:
            left, bottom, right, top = glyph.box
            if left - end > _GAP * (top - bottom):
                yield from _part(part)
                part = []
            end = right
        part.append(glyph)
    yield from _part(part)


def _part(glyphs: Sequence[_Glyph]) -> Iterator[Part]:
    text = "".join(glyph.char for glyph in glyphs).strip().translate(_LIGATURES)
    boxes = [glyph.box for glyph in glyphs if glyph.box is not None]
    if text and boxes:
        # A character beyond the first 65,536 may come in two halves.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
        lefts, bottoms, rights, tops = zip(*boxes, strict=True)
        yield Part(text, min(lefts), min(bottoms), max(rights), max(tops))
