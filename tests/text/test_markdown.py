"""Markdown: the words are spoken, the marks are not."""

from __future__ import annotations

import inspect
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from ttsflow.errors import InputError
from ttsflow.text import Block, MarkdownOptions, ReadOptions, read_file, read_text

SAMPLE = Path(__file__).parents[2] / "docs" / "sample.md"
DEEP = 1_000


def blocks(content: str, **spoken: bool) -> list[Block]:
    options = ReadOptions(format="markdown", markdown=MarkdownOptions(**spoken))
    return list(read_text(content, options).blocks())


def texts(content: str, **spoken: bool) -> list[str]:
    return [block.text for block in blocks(content, **spoken)]


def test_headings_paragraphs_and_lists() -> None:
    content = (
        "# A *fine*\ntitle\n=\n\nSome **bold**\ntext.\n\n### Part\n\n- one\n- two\n\n  more\n\n> quoted\n"
    )
    assert blocks(content) == [
        Block("A fine", "chapter"),
        Block("title", "chapter"),
        Block("Some bold\ntext."),
        Block("Part", "heading"),
        Block("one", "line"),
        Block("two"),
        Block("more"),
        Block("quoted"),
    ]


@pytest.mark.parametrize("end", ["  \n", "     \n", "\\\n", "<br>", "<br />\n", "  \n<br>"])
def test_a_hard_line_break_is_a_pause_of_a_line(end: str) -> None:
    assert blocks(f"Ten *Downing*{end}Street{end}London.\n\nEngland.") == [
        Block("Ten Downing", "line"),
        Block("Street", "line"),
        Block("London."),
        Block("England."),
    ]


def test_a_hard_line_break_in_items_quotations_and_html() -> None:
    assert blocks("1. one  \n   two\n2. three\\") == [
        Block("1. one", "line"),
        Block("two", "line"),
        Block("2. three\\"),
    ]
    assert blocks("> one\\\n> two") == [Block("one", "line"), Block("two")]
    assert blocks("# one<br>two") == [Block("one", "line"), Block("two", "chapter")]
    assert blocks("<p>one<br>two</p>") == [Block("one", "line"), Block("two")]
    assert texts("a | b\n--|--\none<br>two | three") == ["a, b", "one", "two, three"]


@pytest.mark.parametrize(
    ("source", "spoken"),
    [
        ("A [link](http://x.org 'title') here.", ["A link here."]),
        ("A [link][1] here.\n\n[1]: http://x.org", ["A link here."]),
        ("See ![a *red* door](door.png).", ["See a red door."]),
        ("Press `Ctrl-C` &amp; wait \\*now\\*.", ["Press Ctrl-C & wait *now*."]),
        ("~~Old~~ new", ["Old new"]),
        ("Water: H<sub>2</sub>O<br>next", ["Water: H2O", "next"]),
        ("One\n\n---\n\nTwo", ["One", "***", "Two"]),
        ("| Name | Age |\n|---|---|\n| Ada | 11 |\n|  | 12 |", ["Name, Age", "Ada, 11", "12"]),
        ("Name | Age\n-|-\nAda | 11\nBen|12|\n|Cy|13", ["Name, Age", "Ada, 11", "Ben, 12", "Cy, 13"]),
        ("---\n\nNote: a break came first.\n\n---\n", ["***", "Note: a break came first.", "***"]),
        ("---\nNote: so.\n\nIt was.\n\n---", ["***", "Note: so.", "It was.", "***"]),
        ("---\n# Title\n---\n\nText", ["***", "Title", "***", "Text"]),
        ("+++ is an operator", ["+++ is an operator"]),
    ],
)
def test_marks_are_not_spoken(source: str, spoken: list[str]) -> None:
    assert texts(source) == spoken


def test_the_name_says_what_is_markdown(tmp_path: Path) -> None:
    for name, first in (("a.md", "Title"), ("a.MARKDOWN", "Title"), ("a.txt", "# Title")):
        (tmp_path / name).write_text("# Title")
        assert [block.text for block in read_file(tmp_path / name).blocks()] == [first]


def test_the_shipped_sample_is_whole() -> None:
    read = list(read_file(SAMPLE).blocks())
    assert [block.kind for block in read if block.kind != "paragraph"] == ["heading", "chapter", "chapter"]
    assert any(block.text == "***" for block in read)
    assert "Dr. Marsh" in " ".join(block.text for block in read)


# ---------------------------------------------------------------- lists


@pytest.mark.parametrize(
    ("source", "spoken"),
    [
        ("8. Eight\n9. Nine", ["8. Eight", "9. Nine"]),
        ("1) One\n2) Two", ["1) One", "2) Two"]),
        ("1. One\n1. Two\n1. Three", ["1. One", "2. Two", "3. Three"]),
        ("1. One\n2. Two\n\n10. Ten\n11. Eleven", ["1. One", "2. Two", "10. Ten", "11. Eleven"]),
        ("1. One\n   1. Inner\n   2. Inner\n2. Two", ["1. One", "1. Inner", "2. Inner", "2. Two"]),
        ("1. 1. Both\n   2. Second", ["1. 1. Both", "2. Second"]),
        ("1. One\n\n   More of it.\n2. Two", ["1. One", "More of it.", "2. Two"]),
        ("3. - a bullet\n4. > quoted", ["3. a bullet", "4. quoted"]),
        ("1.\n2. Two\n\nBehind it", ["2. Two", "Behind it"]),
        ("1. ```\n   code\n   ```\n2. Two", ["2. Two"]),
        ("2. # Title", ["2. Title"]),
        ("0. Zero\n1. One", ["0. Zero", "1. One"]),
        ("3. Three\n2. Two", ["3. Three", "4. Two"]),
    ],
)
def test_items_have_their_numbers(source: str, spoken: list[str]) -> None:
    assert texts(source) == spoken


def test_an_item_that_another_follows_is_a_line() -> None:
    content = (
        "Buy:\n\n- milk\n  - fresh\n\n    and cold\n- bread\n\n\n* other list\n\n1. one\n2. two\n\nDone."
    )
    kinds = [(block.text, block.kind) for block in blocks(content)]
    assert kinds == [
        ("Buy:", "paragraph"),
        ("milk", "line"),
        ("fresh", "paragraph"),
        ("and cold", "line"),
        ("bread", "paragraph"),
        ("other list", "paragraph"),
        ("1. one", "line"),
        ("2. two", "paragraph"),
        ("Done.", "paragraph"),
    ]


# ---------------------------------------------------------------- what is left out unless it is asked for


@pytest.mark.parametrize(
    ("switch", "source", "without", "spoken"),
    [
        ("code", "Run:\n\n```sh\na = 1\n\nb = 2\n```", ["Run:"], ["Run:", "a = 1", "b = 2"]),
        ("code", "Run `make`:\n\n    make all", ["Run make:"], ["Run make:", "make all"]),
        ("code", "So:\n\n<pre>a &lt; b</pre>", ["So:"], ["So:", "a < b"]),
        ("math", "By $E = mc^2$, so.", ["By, so."], ["By E = mc^2, so."]),
        ("math", "Let $x$ be $$\\pi$$ here.", ["Let be here."], ["Let x be \\pi here."]),
        ("math", "So\n\n$$\na + b\n$$\n\nholds.", ["So", "holds."], ["So", "a + b", "holds."]),
        ("math", "See:\n\n$x$.", ["See:"], ["See:", "x."]),
        ("tasks", "- [x] shop\n- [ ] cook", ["shop", "cook"], ["done: shop", "to do: cook"]),
        ("tasks", "1. [X] shop\n2. eat", ["1. shop", "2. eat"], ["1. done: shop", "2. eat"]),
        ("footnotes", "Data[^1].\n\n[^1]: Old *data*.", ["Data."], ["Data (1).", "1. Old data."]),
        ("footnotes", "Data[^a]\n\n[^a]: Old.\n\n    Very.", ["Data"], ["Data (a)", "a. Old.", "Very."]),
        ("footnotes", "Data^[old *data*].", ["Data."], ["Data (old data)."]),
        ("footnotes", "A [^b] c.\n\n[^b]: - d\n    - e", ["A c."], ["A  (b) c.", "b. d", "e"]),
        (
            "front_matter",
            "---\ntitle: A book\ntags: [a]\n---\n\nText",
            ["Text"],
            ["title: A book", "tags: [a]", "Text"],
        ),
        (
            "front_matter",
            "---\ntitle: A\n\n# how\ndraft: true\n\n---\nText",
            ["Text"],
            ["title: A", "# how", "draft: true", "Text"],
        ),
        (
            "front_matter",
            '+++\ntitle = "A post"\n\n[params]\ndraft = true\n+++\nText',
            ["Text"],
            ['title = "A post"', "[params]", "draft = true", "Text"],
        ),
    ],
)
def test_a_switch_speaks_what_is_left_out(
    switch: str, source: str, without: list[str], spoken: list[str]
) -> None:
    assert texts(source) == without
    assert texts(source, **{switch: True}) == spoken
    others = {field.name: True for field in fields(MarkdownOptions) if field.name != switch}
    assert texts(source, **others) == without


def test_lines_of_front_matter() -> None:
    kinds = [block.kind for block in blocks("---\na: 1\nb: 2\n---\nText", front_matter=True)]
    assert kinds == ["line", "paragraph", "paragraph"]


@pytest.mark.parametrize(
    "text",
    [
        "It is $5 and $6.",
        "From $5 to 10$, or $1,000-$2,000.",
        "US$5/US$6 and 10$ or 20$.",
        "Put $HOME/$USER there.",
        "A $$ or a $$$ restaurant, or $$ and $$.",
        "An [^undefined] mark and [^, 2^10 and a^b.",
        "The array [x] and [ ] here.",
    ],
)
def test_what_is_no_formula_no_footnote_and_no_task(text: str) -> None:
    assert texts(text) == [text]


@pytest.mark.parametrize(
    ("source", "spoken"),
    [
        ("See <https://www.example.org/a_b/c?d=e&f#g> for more.", "See example.org for more."),
        ("See https://example.org/a/b.html, then rest.", "See example.org, then rest."),
        ("Is it http://docs.example.org:8000/?", "Is it docs.example.org?"),
        ("(at https://en.example.org/wiki/A_(b))", "(at en.example.org))"),
        ("Go to https://example.org! HTTP://EXAMPLE.COM: go", "Go to example.org! EXAMPLE.COM: go"),
        ("From ftp://user:word@files.example.org/a~b/_c_d it came", "From files.example.org it came"),
        ("[https://example.org/a](https://example.org/a)", "example.org"),
        ("看https://example.org/a。好", "看example.org。好"),
        ("<p>At https://example.org/a&amp;b.</p>", "At example.org."),
        ("| https://example.org/a | b |\n|-|-|", "example.org, b"),
    ],
)
def test_of_an_address_the_host_is_spoken(source: str, spoken: str) -> None:
    assert texts(source) == [spoken]


def test_addresses_stay_where_they_are_asked_for_and_in_code() -> None:
    address = "https://www.example.org/a?b=c"
    assert texts(f"See <{address}> or {address}.", urls=True) == [f"See {address} or {address}."]
    assert texts(f"<div>See {address}</div>", urls=True) == [f"See {address}"]
    assert texts(f"Call `curl {address}` and mailto:a@example.org, <b@example.org>.") == [
        f"Call curl {address} and mailto:a@example.org, b@example.org."
    ]


@pytest.mark.parametrize(
    ("content", "switch"),
    [
        ("```\nx = 1\n```", "code"),
        ("$$\nx\n$$", "math"),
        ("---\ntitle: Empty\n---\n", "front_matter"),
        ("[^1]: A note.", "footnotes"),
        ("***\n\n    code\n", "code"),
    ],
)
def test_a_text_that_is_left_out_as_a_whole_is_refused(content: str, switch: str) -> None:
    with pytest.raises(InputError, match=rf"add `text\.markdown\.{switch}: true`"):
        blocks(content)
    assert blocks(content, **{switch: True})


def test_a_text_without_words_is_refused_and_each_switch_that_helps_is_named() -> None:
    with pytest.raises(InputError, match=r"text\.markdown\.code or text\.markdown\.math is true"):
        blocks("    code\n\n$$\nx\n$$")
    with pytest.raises(InputError, match="only Markdown's marks"):
        blocks("***\n\n<!-- later -->")


# ---------------------------------------------------------------- HTML


@pytest.mark.parametrize(
    ("source", "spoken"),
    [
        ("<div>\nHello <b>you</b>\n</div>", ["Hello you"]),
        ("<p>First.</p><p>Sec<i>ond</i>.<div>Third<br>line</div>", ["First.", "Second.", "Third", "line"]),
        ("<!-- not this --> \n\nBut this", ["But this"]),
        ("<div>But <!-- not\n <p> this --> this</div>", ["But  this"]),
        ("<style>\np {}\n</style>\n<p>Text &lt;3 &copy;</p>", ["Text <3 ©"]),
        ("<div>A<script>if (a<b) c()</script>B</div>", ["AB"]),
        ("Not <script>alert(1)</script>it, <!-- nor this -->but<td>so", ["Not it, but\nso"]),
        ("<table><tr><th>A<th>B</tr><tr><td>1</td><td> </td><td>2</td></tr></table>", ["A, B", "1, 2"]),
        ("<ul><li>One<li>Two</ul><ol start='4'><li>Four<li>Five</ol>", ["One", "Two", "4. Four", "5. Five"]),
        ("1. <div>In an item</div>\n2. Two", ["1. In an item", "2. Two"]),
        ("<ul><li>open\n\n1. One", ["open", "1. One"]),
        ("</ul></ol>\n\ntext", ["text"]),
        ('<div title="a > b">Text 1 < 2</div>', ["Text 1 < 2"]),
        ("<div>Not closed <p", ["Not closed <p"]),
        ("<div>Not closed <!-- at all", ["Not closed"]),
        (
            "<!DOCTYPE html><html><head><title>T</title><style>p{}</style></head>\n"
            "<body><nav><a href='/'>Home</a></nav><h1>Hi &amp; welcome</h1><p>Text.</p></body></html>",
            ["Home", "Hi & welcome", "Text."],
        ),
    ],
)
def test_html(source: str, spoken: list[str]) -> None:
    assert texts(source) == spoken


def test_headings_and_items_of_html() -> None:
    content = "<h1>One</h1>text<h3><div>Three</div></h3><p>more<ul><li>a</li><li>b</li></ul>"
    assert blocks(content) == [
        Block("One", "chapter"),
        Block("text"),
        Block("Three", "heading"),
        Block("more"),
        Block("a", "line"),
        Block("b"),
    ]


# ---------------------------------------------------------------- hostile


@pytest.mark.parametrize(
    "source",
    [
        ">" * DEEP + " WORDS",
        "- " * DEEP + "WORDS",
        "1. " * DEEP + "WORDS",
        "\n".join(f"{'  ' * level}- item" for level in range(DEEP)) + " WORDS",
        "\n".join(f"{'>' * level} item" for level in range(1, DEEP)) + " WORDS",
        "[" * DEEP + "WORDS" + "](x)" * DEEP,
        "![" * DEEP + "WORDS" + "](x)" * DEEP,
        "so ^[" * DEEP + "WORDS" + "]" * DEEP,
        "*_" * DEEP + "WORDS" + "_*" * DEEP,
        "<div>" * DEEP + "WORDS" + "</div>" * DEEP,
        "a " + "<b>" * DEEP + "WORDS",
        "<ol><li>" * DEEP + "WORDS",
    ],
)
def test_whatever_is_nested_deep_is_spoken(source: str) -> None:
    assert "WORDS" in " ".join(texts(source, footnotes=True))


def test_where_little_of_the_stack_is_left_markup_is_spoken_as_it_stands() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 80)
    try:
        spoken = texts("![" * 40 + "WORDS" + "](x)" * 40)
    finally:
        sys.setrecursionlimit(limit)
    assert "WORDS" in spoken[0]
    assert "![" in spoken[0]


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "[^",
        "![",
        "^[",
        "<!--",
        "<![CDATA[",
        "<a ",
        '<a b="',
        "$$a$",
        "`a``",
        "*a **",
        "&a",
        "http://",
        "|",
    ],
)
def test_marks_that_are_never_closed_take_no_time(piece: str) -> None:
    assert texts("[^a]: x\n\nWORDS " + piece * 5_000)[0].startswith("WORDS")
    assert texts("<div>WORDS " + piece * 5_000)[0].startswith("WORDS")


def test_front_matter_that_is_never_closed_takes_no_time() -> None:
    assert texts("---\n" + "key: value\n" * 2_000)[0] == "***"
    assert texts("+++\n" + "key = value\n" * 2_000)[0].startswith("+++")


def test_a_paragraph_as_long_as_a_book_keeps_its_words() -> None:
    words = [f"w{number}" for number in range(20_000)]
    assert texts(" ".join(words))[0].split() == words
    assert texts("x" * 20_000) == ["x" * 20_000]
