"""Markdown as it is read aloud: the words without the markup."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.footnote.index import footnote_ref

from ttsflow.text.blocks import Block, BlockKind
from ttsflow.text.directions import as_it_stands
from ttsflow.text.markdown import frontmatter
from ttsflow.text.markdown.html import html_parts
from ttsflow.text.markdown.inline import Inline
from ttsflow.text.markdown.lists import Lists, Part, lines
from ttsflow.text.options import MarkdownOptions
from ttsflow.text.plain import paragraphs

_DEEPEST = 40
"""levels of quotations and lists that are told apart; the parser calls itself at each"""

_DEEP = "ttsflow_deep"
_DEEP_MARKS = re.compile(r"^(?:[>*+-]|\d{1,9}[.)]|[ \t])+", re.MULTILINE)
_FOOTNOTE_MARK = re.compile(r"\[\^[^\s\]]{1,100}\]")
_TASKS = {True: "done:", False: "to do:"}


def markdown_blocks(text: str, options: MarkdownOptions) -> Iterator[Block]:
    """The blocks of a CommonMark text with tables, footnotes, task lists and formulas.

    Each heading, paragraph, list item, quotation and table row is a block. A heading of level 1 is that
    of a chapter, or of level 2 where a single one of level 1 is the title. The items of ordered lists have
    their numbers. An item that another follows is a line, and so is what stands before a hard line break. Of
    a link the text is spoken, of an image the description, of an address the host. What is not prose is left
    out unless `options` has it. A thematic break becomes the block "***", which has nothing to say and is a
    pause.
    """
    data, body = frontmatter.split(text)
    if options.front_matter:
        for number, line in enumerate(data, 1):
            yield Block(line, "line" if number < len(data) else "paragraph")
    yield from lines(_parts(body, options))


def _parts(text: str, options: MarkdownOptions) -> Iterator[Part]:
    parser = _parser()
    env: EnvType = {}
    inline = Inline(parser, env, options)
    lists = Lists()
    kind: BlockKind = "paragraph"
    row: list[str] | None = None
    notes = 0  # footnotes around this place
    tokens = parser.parse(text, env)
    chapter = _chapter_tag(tokens)
    for token in tokens:
        match token.type:
            case "footnote_reference_open":
                notes += 1
                lists.open(None)
                lists.item()
                lists.say(f"{token.meta['label']}.")
            case "footnote_reference_close":
                notes -= 1
                lists.close()
            case _ if notes and not options.footnotes:
                continue
            case "heading_open":
                kind = "chapter" if token.tag == chapter else "heading"
            case "heading_close":
                kind = "paragraph"
            case "bullet_list_open":
                lists.open(None)
            case "ordered_list_open":
                lists.open(int(token.attrs.get("start", 1)))
            case "list_item_open":
                lists.item(int(token.info or 0), token.markup)
                if options.tasks and "checked" in token.meta:
                    lists.say(_TASKS[token.meta["checked"]])
            case "list_item_close":
                lists.end_item()
            case "bullet_list_close" | "ordered_list_close":
                lists.close()
            case "tr_open":
                row = []
            case "tr_close":
                cells = ", ".join(cell for cell in row or () if cell)
                row = None
                if cells:
                    yield lists.part(Block(cells))
            case "inline":
                words = inline.words(token.content)
                if row is not None:
                    row.append(words)
                elif words:
                    yield lists.part(Block(words, kind))
            case _:
                yield from _whole(token, options, lists)


def _chapter_tag(tokens: Sequence[Token]) -> str:
    """The headings with which chapters begin: of level 2 where a single one of level 1 is the title."""
    tags = Counter(token.tag for token in tokens if token.type == "heading_open")
    return "h2" if tags["h1"] == 1 and tags["h2"] > 1 else "h1"


def _whole(token: Token, options: MarkdownOptions, lists: Lists) -> Iterator[Part]:
    """The blocks of what has no inline markup: code, formulas, HTML, breaks."""
    match token.type:
        case "fence" | "code_block" if options.code:
            yield from map(lists.part, paragraphs(as_it_stands(token.content)))
        case "math_block" if options.math:
            yield from map(lists.part, paragraphs(token.content))
        case "html_block":
            yield from html_parts(token.content, lists, options)
        case "hr":
            yield lists.part(Block("***"))
        case _ if token.type == _DEEP:
            yield from map(lists.part, paragraphs(_DEEP_MARKS.sub("", token.content)))


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"tasklists": True, "maxNesting": _DEEPEST + 10})
    parser.enable(["table", "strikethrough"])
    parser.use(footnote_plugin, move_to_end=False)
    parser.use(
        dollarmath_plugin,
        allow_space=False,
        allow_digits=False,
        allow_labels=False,
        allow_blank_lines=False,
        double_inline=True,
    )
    parser.inline.ruler.at("footnote_ref", _take_footnote_mark)
    parser.block.ruler.before("table", _DEEP, _take_deep)
    # Inline markup is parsed block by block, so that memory holds the tokens of one block, not of a book.
    return parser.disable("inline")


def _take_footnote_mark(state: StateInline, silent: bool) -> bool:
    """As the plugin does, which looks for the end of a mark however far it is."""
    return _FOOTNOTE_MARK.match(state.src, state.pos) is not None and footnote_ref(state, silent)


def _take_deep(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Take what is nested too deep as it stands; the parser would drop it without a word."""
    if silent or state.level < _DEEPEST:
        return False
    token = state.push(_DEEP, "", 0)
    token.content = state.getLines(start, end, state.blkIndent, False)
    state.line = end
    return True
