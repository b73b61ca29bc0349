"""Cutting blocks of text into chunks. A chunk is what a narrator says in one go.

The cuts depend only on the text, the language, the cap and the pauses, so the same input always gives
the same chunks. Chunks are slices of the block's text between computed indices. Therefore no
other character than white space and what nobody is to hear can be lost, doubled or moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ttsflow.text.blocks import NARRATOR, Block, Role
from ttsflow.text.characters import audible
from ttsflow.text.stops import CutRules, Stop, joined, joined_onward, speakable, stops

_PART = 0.6
"""of a chunk's text that one part of it may have: two are enough where the middle has a good place"""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds of silence after a chunk, in addition to the short silence at the end of the voice's audio.

    The defaults are usual in narration: a breath between sentences, a clear gap between paragraphs,
    and a longer gap after a heading. A block with nothing to say ("***") is a scene break: its pause
    adds to the pause of the paragraph before it. A sentence that had to be cut has no pause inside.
    """

    sentence_s: float = 0.15
    line_s: float = 0.35
    paragraph_s: float = 0.6
    section_s: float = 0.9
    heading_s: float = 0.9
    chapter_s: float = 1.2
    break_s: float = 0.8

    def after(self, block: Block) -> float:
        """Seconds of silence after the last chunk of a block that has something to say."""
        match block.kind:
            case "part":
                return self.sentence_s
            case "line":
                return self.line_s
            case "paragraph":
                return self.paragraph_s
            case "section":
                return self.section_s
            case "heading":
                return self.heading_s
            case "chapter":
                return self.chapter_s


DEFAULT_PAUSES = Pauses()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Text that is spoken in one go, and the silence after it in seconds.

    A chunk that is not `speakable` has no letter and no digit of any script: it is only a pause.
    `chapter` is the title of the chapter that begins with this chunk. `written` are the words as they stand
    in the text, where `text` is how they are spoken. With `until_s` the silence lasts until this time of the
    whole, in seconds, if that is not over; then `pause_s` is only what is usual.
    """

    text: str
    pause_s: float
    speakable: bool
    chapter: str | None = field(default=None, compare=False)  # a text that still comes tells none
    role: Role = NARRATOR
    written: str | None = None
    until_s: float | None = None

    @property
    def shown(self) -> str:
        """The words for a person: as they are written, not as they are spoken."""
        return self.text if self.written is None else self.written


def cut(
    blocks: Iterable[Block], rules: CutRules, pauses: Pauses = DEFAULT_PAUSES, *, live: bool = False
) -> Iterator[Chunk]:
    """Cut `blocks` lazily, one block at a time, into chunks.

    Characters that nobody is to hear are left out, and white space becomes single spaces. A chunk is a
    sentence. A sentence that is longer than the cap is cut at the first of these places that it has: the
    sentence ends inside its quotation, the last semicolon or colon, the last comma or dash, the last space
    between two phrases, the last space, between two characters. A short piece joins a neighbour in the same
    block; where the text is `live`, the next one. Only a grapheme cluster may exceed the cap, by 32
    characters at most: one of more marks than any script has is cut.
    """
    for block in blocks:
        text = " ".join(audible(block.text).split())
        if not text and block.pause_s is not None:
            yield Chunk("", block.pause_s, speakable=False, role=block.role)
        join = joined_onward if live else joined
        yield from _chunks(block, text, join(text, stops(text, rules), rules), pauses)


def _chunks(block: Block, text: str, stops: Iterable[Stop], pauses: Pauses) -> Iterator[Chunk]:
    """The chunks that end at these stops, the last one at the end of `text`, which is heard of the block."""
    start, spoken, chapter = 0, False, block.begins
    for stop in stops:
        piece = text[start : stop.at].strip()
        has_words = speakable(piece)
        spoken = spoken or has_words
        ends = stop.at == len(text)
        if not ends:
            pause = pauses.sentence_s if stop.ends_sentence and has_words else 0.0
        else:
            usual = pauses.after(block) if spoken else pauses.break_s
            pause = usual if block.pause_s is None else block.pause_s
        until_s = block.until_s if ends else None
        yield Chunk(piece, pause, has_words, chapter, block.role, until_s=until_s)
        start, chapter = stop.at, None


def halve(text: str, language: str) -> list[str]:
    """Cut `text` into two or more parts, where a narrator would pause. Empty if there is no such place."""
    whole = " ".join(text.split())
    chunks = cut([Block(whole)], CutRules(language, max(1, int(len(whole) * _PART))))
    parts = [chunk.text for chunk in chunks]
    between_words = " ".join(parts) == whole or not any(part[-1].isalnum() for part in parts[:-1])
    spoken = [part for part in parts if speakable(part)]
    return spoken if between_words and len(spoken) > 1 else []
