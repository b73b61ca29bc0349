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
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ttsflow.text.addresses import name_all_hosts
from ttsflow.text.blocks import Block, BlockKind
from ttsflow.text.options import ReadOptions
from ttsflow.text.plain.furniture import without_furniture
from ttsflow.text.plain.layout import lay_out
from ttsflow.text.plain.measures import WINDOW, Measures, measure
from ttsflow.text.plain.runs import Run, runs_in

_WINDOWS = 4  # whose measures are kept: a run may begin in one that is over when the run ends
_BLANK_LINES = re.compile(r"\n\s*\n|\u2029")


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of a text that comes in parts, which are cut at line ends.

    Where `chapters` are known from elsewhere, they are the titles by the places in `text` where they begin;
    a blank line stands before each. Then no title in the text begins another one.
    """

    text: str
    chapters: Mapping[int, str] | None = None


def plain_blocks(text: str, options: ReadOptions) -> Iterator[Block]:
    """The blocks of a plain text, one run of lines at a time.

    Memory holds one run and the measures of one window of the text, however long the text is.
    """
    return portioned_blocks([Portion(text)], options)


def portioned_blocks(portions: Iterable[Portion], options: ReadOptions) -> Iterator[Block]:
    """The blocks of a text in portions, each taken when it is its turn. Each is measured by itself."""
    for block in _blocks(portions, options):
        yield block if options.addresses else replace(block, text=name_all_hosts(block.text))


def _blocks(portions: Iterable[Portion], options: ReadOptions) -> Iterator[Block]:
    held: Block | None = None
    for run, measures, title in _measured_runs(portions):
        if held is not None:
            yield held
        blocks = lay_out(run.lines, measures, language=options.language, ends=options.lines)
        *before, held = blocks if title is None else _titled(blocks, title)
        yield from before
        if held.kind == "paragraph" and run.gap > max(1, measures.gap):
            held = replace(held, kind="section")
    if held is not None:
        # Nothing comes behind the last block that it could head, or be parted from.
        yield held if held.kind == "paragraph" else replace(held, kind="paragraph")


def _titled(blocks: Sequence[Block], title: str) -> list[Block]:
    """The blocks of a run where chapters are known: its title is that of a chapter, "" where none begins."""
    known = [replace(block, kind="heading") if block.kind == "chapter" else block for block in blocks]
    if title:
        heads = known[0].kind == "heading" or known[0].text.endswith(title)
        kind: BlockKind = "chapter" if heads else known[0].kind
        known[0] = replace(known[0], chapter=title, kind=kind)
    return known


def paragraphs(text: str) -> Iterator[Block]:
    """The paragraphs of a text whose line ends mean nothing; blank lines separate them."""
    start = 0
    for gap in _BLANK_LINES.finditer(text):
        yield from _paragraph(text[start : gap.start()])
        start = gap.end()
    yield from _paragraph(text[start:])


def _measured_runs(portions: Iterable[Portion]) -> Iterator[tuple[Run, Measures, str | None]]:
    """Each run without page furniture, the measures of the window that it begins in, and its chapter's title.

    The title is None where chapters are not known, and "" where none begins.
    """
    windows: deque[tuple[int, Measures]] = deque(maxlen=_WINDOWS)  # where each begins, and its measures
    titles: deque[tuple[int, str]] = deque()
    known = False

    def found() -> Iterator[tuple[Run, Collection[str]]]:
        nonlocal known
        offset = 0
        for portion in portions:
            if portion.chapters is not None:
                known = True
                titles.extend((offset + at, title) for at, title in sorted(portion.chapters.items()))
            for run in runs_in(portion.text):
                begin = run.at // WINDOW * WINDOW
                if not windows or windows[-1][0] < offset + begin:
                    windows.append((offset + begin, measure(portion.text, begin)))
                yield replace(run, at=offset + run.at), windows[-1][1].furniture
            offset += len(portion.text)

    for run in without_furniture(found()):
        begun = []
        while titles and titles[0][0] <= run.at:
            begun.append(titles.popleft()[1])
        measures = next((each for begin, each in reversed(windows) if begin <= run.at), windows[0][1])
        yield run, measures, ". ".join(begun) if known else None


def _paragraph(text: str) -> Iterator[Block]:
    if text and not text.isspace():
        yield Block(text.strip())
