"""Plain text: what its line ends mean.

A run is what stands between two blank lines. Each run is judged by its lines and by measures of the
text around it (`Measures`), and by nothing else.

1. Some lines stand apart by a mark of their own: the first line of an item of a list (a bullet, or
   numbers and letters in order) and of a speech behind a dash; scene breaks, which have neither letter
   nor digit; entries of a table of contents, which end in dots and a page; chapter titles by their form
   ("Chapter IV", "第三章"); lines in capitals at the start of the run; a line that another underlines.
   An item goes on in the next line if that is indented deeper, or begins in lower case, or its first
   word would not have fitted on the line before it.
2. The lines between them are wrapped, so that they are joined, if one of these holds:
   - a third of the line ends break a word behind a hyphen;
   - seven in ten lines end so near to the fullest width of the text that the next word would not have
     fitted, and the sentence goes on over a quarter of the line ends (the line ends no sentence, and the
     next begins in lower case; in a script without case: the line ends in a word); or there are no more
     than four such lines;
   - the same for the fullest width of the run, with three quarters of the lines and two in five of the
     line ends;
   - the sentence goes on over half of the line ends, and seven in ten lines have six tenths of the
     fullest width: text that was broken by hand.
   Lines of 25 columns and less are rather verse or a list: there, nearly all of this must hold. Lines
   without any punctuation are wrapped only if they are longer than 45 columns.
3. In wrapped lines a paragraph begins at a line that is indented, and behind a line that is clearly too
   short. Each line that begins with a full-width space is a paragraph.
4. Otherwise each line is a block: a verse, an address, a paragraph to a line.
5. A line alone between blank lines heads what follows if it is short and no sentence: it ends in a word
   or is in capitals. If half of the text is such lines, they head nothing.

The option `lines: wrapped` leaves out the question of 2 and joins; `each` makes a block of every line.
Hyphens at line ends are undone (`ttsflow.text.hyphens`), and page numbers and running heads are left out
(`ttsflow.text.furniture`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ttsflow.text.blocks import Block
from ttsflow.text.furniture import without_furniture
from ttsflow.text.layout import lay_out
from ttsflow.text.measures import WINDOW, Measures, measure
from ttsflow.text.options import ReadOptions
from ttsflow.text.runs import Run, runs_in

_BLANK_LINES = re.compile(r"\n\s*\n|\u2029")


def plain_blocks(text: str, options: ReadOptions) -> Iterator[Block]:
    """The blocks of a plain text, one run of lines at a time.

    Memory holds one run and the measures of one window of the text, however long the text is.
    """
    held: Block | None = None
    for run, measures in _measured_runs(text):
        if held is not None:
            yield held
        *before, held = lay_out(run.lines, measures, language=options.language, ends=options.lines)
        yield from before
        if held.kind == "paragraph" and run.gap > max(1, measures.gap):
            held = replace(held, kind="section")
    if held is not None:
        # Nothing comes behind the last block that it could head, or be parted from.
        yield held if held.kind == "paragraph" else replace(held, kind="paragraph")


def paragraphs(text: str) -> Iterator[Block]:
    """The paragraphs of a text whose line ends mean nothing; blank lines separate them."""
    start = 0
    for gap in _BLANK_LINES.finditer(text):
        yield from _paragraph(text[start : gap.start()])
        start = gap.end()
    yield from _paragraph(text[start:])


def _measured_runs(text: str) -> Iterator[tuple[Run, Measures]]:
    """Each run without page furniture, and the measures of the window that it begins in."""
    windows: dict[int, Measures] = {}

    def measures_at(place: int) -> Measures:
        number = place // WINDOW
        if number not in windows:
            windows.pop(number - 2, None)
            windows[number] = measure(text, number * WINDOW)
        return windows[number]

    found = ((run, measures_at(run.at).furniture) for run in runs_in(text))
    return ((run, measures_at(run.at)) for run in without_furniture(found))


def _paragraph(text: str) -> Iterator[Block]:
    if text and not text.isspace():
        yield Block(text.strip())
