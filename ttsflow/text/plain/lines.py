"""Plain text: what its line ends mean.

A run is what stands between two blank lines. Each run is judged by its lines and by measures of the
text around it (`Measures`), and by nothing else. "The sentence goes on" over a line end means that the
line ends no sentence and the next begins in lower case; in a script without case, that the line ends in a
word. A line is "full" for a width if the first word of the next would not have fitted.

1. Some lines stand apart by a mark of their own: the first line of an item of a list (a bullet, or
   numbers and letters in order) and of a speech behind a dash; scene breaks, which have neither letter
   nor digit; entries of a table of contents, which end in dots and a page; chapter titles by their form
   ("Chapter IV", "第三章"); lines in capitals at the start of the run; a line that another underlines.
   An item goes on in the next line if the sentence does, or that line is indented deeper, or this one is
   full.
2. The lines between them are wrapped, and so are joined, if one of these holds:
   - a third of the line ends break a word behind a hyphen;
   - seven in ten lines are full for nine tenths of the text's fullest width, and the sentence goes on over
     a quarter of the line ends, or there are four lines at most and they are not like a stanza;
   - three quarters are full for the widest of them, and the sentence goes on over two in five line ends
     (a quarter, in lines of 45 columns and more);
   - the sentence goes on over six in ten line ends, or over half of them if six in ten lines have six
     tenths of the fullest width: text that was broken by hand.
   Lines below 25 columns are a verse or a list unless nearly all of this holds, and so are lines below 45
   columns that have no punctuation, or have it at six in ten of their ends. In a run of six lines and
   more, a stretch may be wrapped by itself.
3. In wrapped lines a paragraph begins at an indented line, and behind a line that is clearly too short.
   Each line that begins with a full-width space is a paragraph.
4. Otherwise each line is a block: a verse, an address, a paragraph to a line.
5. A line alone between blank lines heads what follows if it is short and no sentence: it ends in a word
   or is in capitals. If half of the text is such lines they head nothing, nor does a line that comes
   three times: the name of a speaker.

A block of a group is a "line", its last one a "paragraph". A paragraph with more blank lines behind it
than most have, and more than one, is a "section".

The option `lines: wrapped` leaves out the question of 2 and joins; `each` makes a block of every line.
Hyphens at line ends are undone (`hyphens`), and page numbers and running heads are left out (`furniture`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ttsflow.text.addresses import name_all_hosts
from ttsflow.text.blocks import Block
from ttsflow.text.options import ReadOptions
from ttsflow.text.plain.furniture import without_furniture
from ttsflow.text.plain.layout import lay_out
from ttsflow.text.plain.measures import WINDOW, Measures, measure
from ttsflow.text.plain.runs import Run, runs_in

_BLANK_LINES = re.compile(r"\n\s*\n|\u2029")


def plain_blocks(text: str, options: ReadOptions) -> Iterator[Block]:
    """The blocks of a plain text, one run of lines at a time.

    Memory holds one run and the measures of one window of the text, however long the text is.
    """
    for block in _blocks(text, options):
        yield block if options.addresses else replace(block, text=name_all_hosts(block.text))


def _blocks(text: str, options: ReadOptions) -> Iterator[Block]:
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
