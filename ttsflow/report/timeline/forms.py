"""The forms of a report, by the suffix of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttsflow.errors import OutputError
from ttsflow.output.partfile import PartFile
from ttsflow.report.timeline.page import draw_page
from ttsflow.report.timeline.trace import draw_trace
from ttsflow.report.timeline.writing import Draw


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a report. A file of ours is known again by its `beginning`.

    `draw` makes it of the report's data; None for the data itself.
    """

    suffixes: tuple[str, ...]
    beginning: bytes
    draw: Draw | None = None


_OBJECT = b'{"ttsflow": '

FORMS = (
    Form((".trace.json",), _OBJECT, draw_trace),
    Form((".json",), _OBJECT),
    Form((".html", ".htm"), b"<!doctype html>\n<!-- ttsflow report -->\n", draw_page),
)
"""The first whose suffix fits counts."""


def form_of(path: Path) -> Form:
    """The form of a report at `path`, JSON where it has no suffix. Raises OutputError for an unknown one."""
    for form in FORMS:
        if path.name.lower().endswith(form.suffixes):
            return form
    if path.suffix:
        known = ", ".join(form.suffixes[0] for form in FORMS)
        raise OutputError(
            f"{path} is not a report by its name: it ends in {path.suffix}; name it FILE with one of {known}"
        )
    return next(form for form in FORMS if form.draw is None)


def write_timeline(report: Mapping[str, Any], path: str | Path) -> None:
    """Draw a report, which is the object of its JSON file, as the page or the trace that `path` names.

    Its lists are only gone through, more than once: they may come from a disk, as those of a StoredReport.
    What the report lacks is left out. Raises OutputError where `path` cannot be written, or asks for
    neither; OSError.
    """
    path = Path(path)
    draw = form_of(path).draw
    if draw is None:
        raise OutputError(
            f"{path} is the name of a report's data; a page ends in .html, a trace in .trace.json"
        )
    part = PartFile(path)
    part.open()
    try:
        draw(report, part.write)
        part.publish()
    finally:
        part.discard()
