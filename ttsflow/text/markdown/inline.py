"""Inline markup of Markdown: the words of one heading, paragraph or cell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.utils import EnvType

from ttsflow.text.addresses import name_hosts
from ttsflow.text.directions import as_it_stands
from ttsflow.text.markdown.html import Tags, markup_in, separation
from ttsflow.text.markdown.lists import BREAK
from ttsflow.text.options import MarkdownOptions

_LEFT_OUT = "\N{OBJECT REPLACEMENT CHARACTER}"
"""stands in the words for what is not spoken, until the space before it is gone"""
_GAP = re.compile(rf"(?<!\s)\s*{_LEFT_OUT}(?=[\s.,;:!?)]|\Z)|{_LEFT_OUT}")

# A variable, or something with an operator. "$5 to 10$" has neither, nor has "a $$ or $$$ restaurant".
_FORMULA = re.compile(r"(?:\n\s*)?\S+(?:\s*\n)?|.*(?:[\\^_=+*/<>{}|]|\s-\s).*", re.DOTALL)

_LONGEST = 8_000
"""characters of a text that are parsed at a time: the time that some marks take grows with its square"""

_Words = tuple[str, bool]
"""words, and whether they are code, which is spoken as it stands"""


class Inline:
    """Makes words of inline markup. `env` holds what the markup may refer to."""

    def __init__(self, parser: MarkdownIt, env: EnvType, options: MarkdownOptions) -> None:
        self._parser, self._env, self._options = parser, env, options

    def words(self, content: str) -> str:
        """What is spoken of a piece of text; "" where that is nothing."""
        words = "".join(map(self._parsed, _pieces(content)))
        # Of a sentence that is nothing but a formula the full stop is left, which would be a break.
        return words.strip() if _has_words(words) or not _has_words(content) else ""

    def _parsed(self, content: str) -> str:
        tokens: list[Token] = []
        try:
            self._parser.inline.parse(content, self._parser, self._env, tokens)
            return self._joined(tokens)
        except RecursionError:  # the caller has left too little of the stack: it is spoken as it stands
            return content

    def _joined(self, tokens: Sequence[Token]) -> str:
        joined = []
        for is_code, group in groupby(self._pieces(tokens), lambda piece: piece[1]):
            text = "".join(words for words, _ in group)
            joined.append(text if is_code or self._options.urls else name_hosts(text))
        return _GAP.sub("", "".join(joined))

    def _pieces(self, tokens: Sequence[Token]) -> Iterator[_Words]:
        tags = Tags(code=True)
        for token, behind in zip_longest(tokens, tokens[1:]):
            if token.type == "html_inline":
                markup = markup_in(token.content)
                tag = None if markup is None else tags.meet(markup)
                if tag is not None:
                    yield separation(tag), False
            elif not tags.silent:
                yield from self._piece(token, behind)

    def _piece(self, token: Token, behind: Token | None) -> Iterator[_Words]:
        match token.type:
            case "softbreak":
                yield "\n", False
            case "hardbreak":
                yield BREAK, False
            case "image":
                yield from self._pieces(token.children or ())
            case "code_inline":
                yield as_it_stands(token.content), True
            case "math_inline" | "math_inline_double":
                yield self._formula(token, behind), True
            case "footnote_ref":
                yield self._footnote(token), True
            case _:
                yield token.content, False

    def _formula(self, token: Token, behind: Token | None) -> str:
        joined_to_word = behind is not None and behind.content[:1].isalpha()
        if joined_to_word or not _FORMULA.fullmatch(token.content):  # prices, or variables of a shell
            return f"{token.markup}{token.content}{token.markup}"
        return token.content if self._options.math else _LEFT_OUT

    def _footnote(self, token: Token) -> str:
        """The mark of a footnote, or a note that stands in the text itself."""
        if not self._options.footnotes:
            return _LEFT_OUT
        note = self._env["footnotes"]["list"][token.meta["id"]]
        return f" ({note['label'] if 'label' in note else self._joined(note['tokens'])})"


def _pieces(content: str) -> Iterator[str]:
    """The text in pieces that are not too long; markup across a cut is spoken as it stands."""
    start = 0
    while len(content) - start > _LONGEST:
        end = start + _LONGEST
        for mark in (". ", "\n", " "):  # where markup is not cut, if possible
            found = content.rfind(mark, start, end)
            if found >= 0:
                end = found + len(mark)
                break
        yield content[start:end]
        start = end
    yield content[start:]


def _has_words(text: str) -> bool:
    return any(map(str.isalnum, text))
