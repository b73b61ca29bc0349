"""PDF documents that are made for tests: lines of text at their places, an outline, and details."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SIZE = 12
LEADING = 14
TOP = 720
LEFT = 72


@dataclass(frozen=True)
class Words:
    """Words that begin at a place, in points from the lower left corner of the page."""

    text: str
    x: float = LEFT
    y: float = TOP
    size: float = SIZE


@dataclass(frozen=True)
class Entry:
    """An entry of an outline, which leads to a place on a page, the first being 0."""

    title: str
    page: int
    y: float = TOP + SIZE
    x: float = 0


def column(lines: Iterable[str], x: float = LEFT, top: float = TOP) -> list[Words]:
    """Lines one below the other; "" leaves a line free, and spaces at the beginning move it to the right."""
    return [
        Words(line.lstrip(), x + 6 * (len(line) - len(line.lstrip())), top - number * LEADING)
        for number, line in enumerate(lines)
        if line
    ]


def pdf(
    pages: Sequence[Sequence[Words]], outline: Sequence[Entry] = (), *, title: str = "", author: str = ""
) -> bytes:
    """A document of these pages."""
    first = 6 + len(outline)
    objects: dict[int, str] = {
        1: "<< /Type /Catalog /Pages 2 0 R /Outlines 5 0 R >>",
        2: f"<< /Type /Pages /Count {len(pages)} /Kids [{_refs(first, len(pages), 2)}] >>",
        3: "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        4: f"<< /Title {_string(title)} /Author {_string(author)} >>",
        5: "<< /Type /Outlines >>"
        if not outline
        else f"<< /Type /Outlines /First 6 0 R /Last {5 + len(outline)} 0 R /Count {len(outline)} >>",
    }
    for number, entry in enumerate(outline, 6):
        following = f"/Next {number + 1} 0 R" if number < 5 + len(outline) else ""
        place = f"[{first + 2 * entry.page} 0 R /XYZ {entry.x} {entry.y} 0]"
        objects[number] = f"<< /Title {_string(entry.title)} /Parent 5 0 R {following} /Dest {place} >>"
    for number, page in enumerate(pages):
        stream = "\n".join(
            f"BT /F1 {words.size} Tf {words.x} {words.y} Td {_string(words.text)} Tj ET" for words in page
        )
        at = first + 2 * number
        objects[at] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {at + 1} 0 R "
            f"/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects[at + 1] = f"<< /Length {len(stream.encode('cp1252'))} >>\nstream\n{stream}\nendstream"
    return _file(objects)


def _refs(first: int, count: int, step: int) -> str:
    return " ".join(f"{first + step * number} 0 R" for number in range(count))


def _string(text: str) -> str:
    return "(" + text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") + ")"


def _file(objects: dict[int, str]) -> bytes:
    data = b"%PDF-1.4\n"
    places = []
    for number in sorted(objects):
        places.append(len(data))
        data += f"{number} 0 obj\n{objects[number]}\nendobj\n".encode("cp1252")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
        f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 4 0 R >>\nstartxref\n{len(data)}\n%%EOF\n"
    )
    return data + end.encode()
