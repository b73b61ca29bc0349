"""Pages of HTML: what is read of them, in which order and as which kind of block."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.errors import InputError
from ttsflow.text import Document, MarkdownOptions, ReadOptions
from ttsflow.text.readers import reader_named


def read(html: str | bytes, **switches: bool) -> Document:
    data = html.encode() if isinstance(html, str) else html
    options = ReadOptions(markdown=MarkdownOptions(**switches))
    return reader_named("html").read(data, "page.html", options)


def texts(html: str | bytes, **switches: bool) -> list[str]:
    return [block.text for block in read(html, **switches).blocks()]


def kinds(html: str) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in read(html).blocks()]


@pytest.mark.parametrize(
    ("html", "spoken"),
    [
        ("<p>One\n  two</p><p>Three</p>", ["One two", "Three"]),
        ("<p>One <b>bo</b>ld <i>word</i>.</p>", ["One bold word."]),
        ("<div>Outer <div>inner</div> tail</div>", ["Outer", "inner", "tail"]),
        ("<ol start=3><li>c<li>d</ol><ul><li>e</ul>", ["3. c", "4. d", "e"]),
        ("<table><tr><td>a<td>b<tr><th>c</table>", ["a, b", "c"]),
        ("<table><tr><td><p>a</p><td><p>b</p><tr><td><p>c</p><p>d</p></table>", ["a, b", "c", "d"]),
        ("<p>a<br>b<br><br>c</p>", ["a", "b", "c"]),
        ("<p>a</p><hr><p>b</p>", ["a", "***", "b"]),
        ("<p>m<sup>2</sup> H<sub>2</sub>O</p>", ["m2 H2O"]),
        ("<p>Word.<sup><a href='#n1'>1</a></sup> Next<a href='x#f'>[12]</a>.</p>", ["Word. Next."]),
        ("<p>See <a href='#two'>chapter 2</a>.</p>", ["See chapter 2."]),
        ("<ruby>\u6f22<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>", ["\u6f22"]),
        ("<nav>Menu</nav><p>a</p><script>b</script><style>c</style><svg><text>d</text></svg>", ["a"]),
        ("<p hidden>a</p><p aria-hidden=true>b</p><span class='pagenum'>12</span>c", ["c"]),
        ("<aside role=doc-footnote>note</aside><p>a</p>", ["a"]),
        ("<p>a &amp; b&nbsp;c &eacute; &#8212;</p>", ["a & b\xa0c é —"]),
        ("<p>See https://example.org/a/b?c=d.</p>", ["See example.org."]),
        ("plain words", ["plain words"]),
        ("<p style='display: none'>a</p><div style='Visibility:hidden'>b</div>c", ["c"]),
        ("<header>site</header><main><article><p>a</p></article></main><footer>f</footer>", ["a"]),
        ("<main><p>a</p></main><aside>ad</aside>", ["a"]),
        ("<article>a</article><article>b</article>", ["a", "b"]),
        ("<p>un<p>closed <b>tags", ["un", "closed tags"]),
        ("<dl><dt>Term<dd>what it is</dl>", ["Term", "what it is"]),
        ("<pre>x = 1</pre><p>Then <code>x</code>.</p>", ["Then x."]),
    ],
)
def test_what_is_read(html: str, spoken: list[str]) -> None:
    assert texts(html) == spoken


def test_switches_bring_back_what_is_left_out() -> None:
    html = "<p>a</p><pre>x = 1\ny = 2</pre><aside role=doc-footnote>note</aside>https://example.org/a"
    assert texts(html, code=True, footnotes=True, urls=True) == [
        "a", "x = 1", "y = 2", "note", "https://example.org/a",
    ]  # fmt: skip


def test_lines_of_verse_are_lines_and_a_blank_line_ends_a_stanza() -> None:
    assert kinds("<p>a<br>b<br><br>c<br>d</p>") == [
        ("line", "a"), ("paragraph", "b"), ("line", "c"), ("paragraph", "d"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("html", "begins"),
    [
        ("<h1>A</h1>a<h1>B</h1>b", ["A", "B"]),
        ("<h1>The Book</h1><h2>A</h2>a<h2>B</h2>b<h3>c</h3>", ["A", "B"]),
        ("<h1>A</h1><h2>one section</h2>", ["A"]),
        ("<p>no chapters</p>", []),
    ],
)
def test_chapters_begin_with_headings(html: str, begins: list[str]) -> None:
    assert [block.begins for block in read(html).blocks() if block.begins] == begins


@pytest.mark.parametrize(
    "data",
    [
        "<p>Café</p>".encode(),
        '<meta charset="utf-8"><p>Café</p>'.encode(),
        '<meta charset="iso-8859-1"><p>Café</p>'.encode(),  # wrongly
        '<?xml version="1.0" encoding="iso-8859-1"?><p>Café</p>'.encode("latin-1"),
        '<meta charset="no such thing"><p>Café</p>'.encode("cp1252"),
        "<p>Café</p>".encode("cp1252"),
        "\ufeff<p>Café</p>".encode("utf-16"),
        "\ufeff<p>Café</p>".encode(),
    ],
)
def test_whatever_encoding_it_claims_to_have(data: bytes) -> None:
    assert texts(data) == ["Café"]


def test_xhtml_that_is_whole_is_read_as_xml() -> None:
    html = (
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head>'
        '<body><a id="x"/><p>One &eacute; &lt; two</p><p/><p>Three</p></body></html>'
    )
    assert texts(html) == ["One é < two", "Three"]
    assert texts(html.replace("<p/>", "<p>bro<ken")) != []


def test_a_head_says_what_it_is() -> None:
    document = read("<html lang=de><title> T &amp; t </title><meta name=author content='A. B.'><p>a")
    details = document.details
    assert (details.title, details.author, details.language) == ("T & t", "A. B.", "de")


@pytest.mark.parametrize("data", [b"", b" \n", b"\0\0", b"<html></html>", b"<img src=a.png>", b"<!-- a -->"])
def test_a_page_without_words_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match=r"page\.html has no words"):
        read(data)


def test_nothing_is_fetched_and_no_file_is_read() -> None:
    html = (
        '<?xml version="1.0"?><!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/hostname"><!ENTITY y "boom">]>'
        '<html xmlns="http://www.w3.org/1999/xhtml"><body><p>a &x; &y; b</p></body></html>'
    )
    spoken = " ".join(texts(html))
    assert spoken.startswith("a ")
    assert "boom" not in spoken


@pytest.mark.parametrize("made", [lambda: "<div>" * 1_000, lambda: "<b>" * 1_000, lambda: "<p>x" * 20_000])
def test_deep_and_long_pages(made: Callable[[], str]) -> None:
    assert texts(made() + "end")[-1].endswith("end")


@given(st.text(alphabet='<>/="ahpbr1 &;!-\n\u0301', max_size=80))
def test_any_characters_make_a_page_or_a_clear_error(html: str) -> None:
    with suppress(InputError):
        assert all(block.text.strip() for block in read(html).blocks())
