"""Text that comes bit by bit: its chunks, each as soon as its end is certain."""

# ruff: noqa: RUF001  # marks of several scripts

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal

from ttsflow.errors import InputError
from ttsflow.text.addresses import begun_address, name_all_hosts
from ttsflow.text.blocks import NARRATOR, Block, BlockKind, Role
from ttsflow.text.characters import audible
from ttsflow.text.chunker import Chunk, Pauses
from ttsflow.text.directions import Pause, Voice, begun_direction, split
from ttsflow.text.escapes import begun_escape, without_escapes
from ttsflow.text.fences import Fences
from ttsflow.text.marks import FULL_STOPS
from ttsflow.text.options import Lines
from ttsflow.text.stops import CutRules, Stop, joined_onward, settled_stops, speakable, stops

_MOST = 1_000  # characters that are looked at together, so that a piece of megabytes takes linear time

_MANY = 8
"""characters that are looked at in scripts without spaces"""

_LONGEST = 2_000
"""characters of a sentence that are looked at again when more of it comes"""

_SPACES = re.compile(r"\s+")
_LINE_ENDS = re.compile("\r\n|[\r\u2028]")

_HALVES = "\r\u200c\u200d"
"""characters that mean something else before what may come next"""

# A line that begins so is an item of a list, a line of a dialogue or a heading, and no wrapped prose.
_MARK = re.compile(r"(?:[-*+•‣◦–—>]|#{1,6}|\(?(?:\d{1,3}|[A-Za-z])[.)])\s")
_MARK_CHARS = 7
"""characters of a line that show whether it begins with a mark"""

_WRAPPED = 40
"""characters; an editor that breaks lines makes no shorter ones inside a paragraph"""

_BEGUN = re.compile("[^ \u3000-\u30ff\u3400-\u9fff\uff00-\uff65]*\\Z")
"""the word at the end that may go on; in Chinese and Japanese, without spaces, each character counts"""

_ENDED = re.compile(r"[.!?…:。！？：][\"'”’»)\]」』）]*\Z")


_State = Literal["comes", "quiet", "over"]
"""whether more of the text comes at once, or later, or never"""


class LiveCutter:
    """Cuts a text that comes in pieces of any size; the pieces' borders do not matter.

    The chunks are those of `cut(blocks, live=True)`, and no character but white space and what nobody is
    to hear is lost. What is held back is at most a sentence and the word after it, a quotation that is
    open, or a short piece. Only `flush` cuts elsewhere.

    A line end is judged by the line before it and the beginning of the next, since later lines are not
    there yet: with `lines` "auto" it is only where an editor broke the line if that line has 40 characters
    or more and does not end a sentence, and if the next one does not begin with the mark of a list, a
    dialogue or a heading. A blank line ends a paragraph, two end a section.

    Without `addresses` the host is spoken where a web or mail address stands, and without `code` blocks of
    code are left out. With `rules_of` marks of speakers and pauses are read: it tells how the text of a role
    is cut. What is wrong with a mark, and what `rules_of` raises, comes as InputError when all that stands
    before the mark is in chunks.
    """

    def __init__(
        self,
        rules: CutRules,
        pauses: Pauses,
        lines: Lines = "auto",
        *,
        addresses: bool = True,
        code: bool = True,
        rules_of: Callable[[Role], CutRules] | None = None,
    ) -> None:
        self._rules, self._pauses, self._lines, self._addresses = rules, pauses, lines, addresses
        self._rules_of = rules_of
        self._fences = None if code else Fences()
        self._role = NARRATOR
        self._next: Role | None = None  # who speaks the next words
        self._escape = ""  # a sequence for a terminal that may go on
        self._coming = ""  # what has come, and not been looked at
        self._text = ""  # of the block that grows, from the beginning of its sentence; single spaces
        self._done = 0  # so much of it is in chunks
        self._seen = 0  # so much of it has been looked at
        self._spoken = False  # whether a chunk of the block had something to say
        self._line = ""  # the line that grows, as far as its end is to be judged

    @property
    def holds_back(self) -> bool:
        """Whether there is text that is in no chunk yet."""
        return bool(self._text[self._done :].strip() or self._coming.strip())

    def feed(self, text: str) -> Iterator[Chunk]:
        """The chunks that are certain now that `text` has come, too."""
        for start in range(0, len(text), _MOST):
            came = self._escape + text[start : start + _MOST]
            self._escape = begun_escape(came)
            words = without_escapes(came.removesuffix(self._escape))
            self._coming += words if self._fences is None else self._fences.feed(words)
            yield from self._look()

    def flush(self) -> Iterator[Chunk]:
        """The chunks of all complete words that have come: nothing more comes for a while."""
        yield from self._look("quiet")
        ended = _ENDED.search(self._text.rstrip())
        begun = _BEGUN.search(self._text)
        end = len(self._text) if ended or not begun else begun.start()
        if end > self._done:
            yield from self._rest(self._text[:end])
            self._text, self._done = self._text[end:], 0

    def complete(self) -> Iterator[Chunk]:
        """The chunks of all that has come, which is a whole: what comes next begins a sentence."""
        yield from self._finish("part")
        self._line = ""

    def finish(self) -> Iterator[Chunk]:
        """The chunks of all the rest: the text is over."""
        yield from self._finish("paragraph")

    def _finish(self, kind: BlockKind) -> Iterator[Chunk]:
        if self._fences is not None:
            self._coming += self._fences.finish()
        yield from self._look("over")
        yield from self._end_block(kind)

    # ------------------------------------------------------------ lines

    def _held(self, state: _State) -> str:
        """The end of what has come that may turn out to be something else as more comes."""
        if state == "over":
            return ""
        tail = "" if state == "quiet" else self._coming[len(self._coming.rstrip(_HALVES)) :]
        body = self._coming.removesuffix(tail)
        if self._rules_of is not None and (mark := begun_direction(body)):
            return mark + tail
        return tail if self._addresses or state == "quiet" or tail else begun_address(body)

    def _look(self, state: _State = "comes") -> Iterator[Chunk]:
        """Take over what has come, as far as its line ends can be judged."""
        last, held = state != "comes", self._held(state)
        coming = _LINE_ENDS.sub("\n", self._coming.removesuffix(held)).replace("\u2029", "\n\n")
        if not self._addresses:
            coming = name_all_hosts(coming)
        self._coming = held
        # Inside a word nothing is settled, unless the script has no spaces.
        inside_a_word = coming.isalnum() and not self._line.endswith(tuple(FULL_STOPS))
        while coming:
            line, end, rest = coming.partition("\n")
            yield from self._read(line)
            if not end:
                break
            after = rest.lstrip()
            gap = rest[: len(rest) - len(after)].count("\n")
            marked_at = after.partition("\n")[0]
            if not after:
                rest = "\n" * min(gap, 2)  # more blank lines mean the same, and are looked at again and again
            if not last and (not after or (not gap and len(marked_at) < _MARK_CHARS and marked_at == after)):
                self._coming = end + rest + held
                break
            kind = self._judge(gap, marked_at)
            if kind is not None:
                yield from self._end_block(kind)
            else:
                self._grow(" ")
            self._line, coming = "", after
        if not inside_a_word or len(self._text) - self._seen >= _MANY:
            yield from self._settled()
            self._seen = len(self._text)

    def _read(self, line: str) -> Iterator[Chunk]:
        """Take over words of a line, and follow the marks in it."""
        if self._rules_of is None or "[[" not in line:
            yield from self._say(line)
            return
        try:
            for item in split(line):
                match item:
                    case str(words):
                        yield from self._say(words)
                    case Pause(seconds):
                        yield from self._fall_silent(seconds)
                    case Voice(speaker):
                        self._next = Role(speaker)
        except ValueError as error:
            yield from self._end_block("part")
            raise InputError(str(error)) from None

    def _say(self, words: str) -> Iterator[Chunk]:
        """Take over words, which another speaker begins where there was a mark before them."""
        if self._next is not None and words.strip():
            yield from self._end_block("part")
        self._grow(words)

    def _fall_silent(self, seconds: float) -> Iterator[Chunk]:
        """The rest of what was said, and the pause of a mark behind it."""
        if self._next is not None:
            yield from self._end_block("part")
        if self._text[self._done :].strip():
            self._spoken = True  # the pause is that of the mark, whatever was said
            yield from self._end_block("part", seconds)
        else:
            yield Chunk("", seconds, speakable=False, role=self._role)

    def _take_turn(self) -> None:
        """Have the next speaker speak. Raises InputError where there is none of that name."""
        role, self._next = self._next, None
        if role is not None and self._rules_of is not None:
            self._rules, self._role = self._rules_of(role), role

    def _grow(self, text: str) -> None:
        self._line = (self._line + text)[-_MOST:]
        self._text = _SPACES.sub(" ", audible(self._text + text))
        if not self._done:
            self._text = self._text.lstrip()

    def _judge(self, gap: int, after: str) -> BlockKind | None:
        """What kind of block the line end closes; None if the next line belongs to the same block."""
        if gap:
            return "paragraph" if gap == 1 else "section"
        line = self._line.strip()
        if self._lines == "each":
            return "line"
        if self._lines == "auto":
            wrapped = len(line) >= _WRAPPED and not _ENDED.search(line) and not _MARK.match(after)
            return None if wrapped else "line"
        return "line" if _MARK.match(after) else None

    # ------------------------------------------------------------ chunks

    def _settled(self) -> Iterator[Chunk]:
        """The chunks that no further text can move."""
        left = (stop for stop in settled_stops(self._text, self._rules) if stop.at > self._done)
        begun = 0  # where the sentence begins that is not over
        for stop in joined_onward(self._text, list(left), self._rules, self._done, ended=False):
            yield self._chunk(stop)
            begun = stop.at if stop.whole else begun
        if self._done - begun > _LONGEST:  # the beginning of a sentence that long decides nothing any more
            begun = self._done
        self._text, self._done = self._text[begun:], self._done - begun

    def _end_block(self, kind: BlockKind, pause_s: float | None = None) -> Iterator[Chunk]:
        usual = self._pauses.after(Block("", kind))
        yield from self._rest(self._text.rstrip(), usual if pause_s is None else pause_s)
        self._text, self._done, self._spoken = "", 0, False
        self._take_turn()

    def _rest(self, text: str, behind_s: float | None = None) -> Iterator[Chunk]:
        """The chunks of all the rest of `text`, with which the block ends if `behind_s` is its pause."""
        left = [stop for stop in stops(text, self._rules) if stop.at > self._done]
        for stop in joined_onward(text, left, self._rules, self._done):
            yield self._chunk(stop, behind_s if stop.at == len(text) else None)

    def _chunk(self, stop: Stop, behind_s: float | None = None) -> Chunk:
        """The chunk from the last one's end to this stop."""
        text = self._text[self._done : stop.at].strip()
        self._done = stop.at
        has_words = speakable(text)
        self._spoken = self._spoken or has_words
        if behind_s is not None:
            pause_s = behind_s if self._spoken else self._pauses.break_s
        else:
            pause_s = self._pauses.sentence_s if stop.ends_sentence and has_words else 0.0
        return Chunk(text, pause_s, has_words, role=self._role)
