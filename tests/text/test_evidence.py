"""What a plain text looks like: only clear evidence counts, and it changes nothing of what is read."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from ttsflow.text import ReadOptions, read_file, read_stream, read_text
from ttsflow.text.evidence import Watch


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("# Title\n\nSee [this](https://example.org).", "headings, links"),
        ("**Now:** call `make`.", "**bold**, `code`"),
        ("## Two\n\n- one\n- two", "headings, lists"),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```", "`code`, tables"),
        ("# One\n**two** [three](4) `five`", "headings, **bold**, links"),
        ("A **claim**[^1].", "**bold**, footnotes"),
    ],
)
def test_two_kinds_of_marks_are_evidence_of_markdown(text: str, kinds: str) -> None:
    [notice] = read_text(text).notices
    assert notice == (
        f"text looks like Markdown ({kinds}): add `text.format: markdown`, "
        "or `text.format: text` to read it as it is"
    )
    assert [block.text for block in read_text(text).blocks()] == [
        block.text for block in read_text(text, ReadOptions(format="text")).blocks()
    ]


@pytest.mark.parametrize(
    "text",
    [
        "One *asterisk, and 2 ** 3 ** 4.",
        "# A line that begins with a hash\n\n# And another",
        "- Bonjour.\n- Bonsoir.\n\n* * *\n\nIl part.",
        "He said *this* and _that_ (see [1]) (p. 4).",
        "#1 of 3 - #hashtag **** [a] (b)",
        "``TeX'' quotes and `TeX' quotes, and a list:\n\n- one\n- two",
        "Title\n=====\n\nText\n-----",
        "If a < b and c > d then <b>.",
        "> quoted\n> mail\n\n-- \nA signature",
    ],
)
def test_plain_text_is_not_suspected(text: str) -> None:
    assert read_text(text).notices == ()


@pytest.mark.parametrize(
    "text",
    ["<!doctype HTML>\n<p>x", "\n <html lang='en'>x", "<p>one <b>two</b></p>\n" * 5],
)
def test_html(text: str) -> None:
    [notice] = read_text(text).notices
    assert "text looks like HTML, and its tags are spoken: add `text.format: html`" in notice


def test_files_and_streams_are_suspected_unless_their_format_is_said(tmp_path: Path) -> None:
    text = "# Title\n\nSome **bold** words."
    for name in ("a.txt", "a.md"):
        (tmp_path / name).write_text(text)
    assert read_file(tmp_path / "a.txt").notices[0].startswith(f"{tmp_path / 'a.txt'} looks like Markdown")
    assert read_file(tmp_path / "a.md").notices == ()
    assert read_stream(io.BytesIO(text.encode())).notices[0].startswith("standard input looks like Markdown")
    for format in ("text", "markdown"):
        said = ReadOptions(format=format)
        assert read_text(text, said).notices == read_file(tmp_path / "a.txt", said).notices == ()


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_text_that_still_comes_is_suspected_once_as_soon_as_it_shows(size: int) -> None:
    text = "# Title\n\nSome **bold** words.\n" + "And so on. " * 40
    watch = Watch("it")
    found = [(at, watch.see(text[at : at + size])) for at in range(0, len(text), size)]
    [(at, notice)] = [each for each in found if each[1] is not None]
    assert at <= 200
    assert notice.startswith("it looks like Markdown (headings, **bold**)")
    assert watch.see("", last=True) is None


def test_a_short_text_that_came_is_looked_at_when_it_ends() -> None:
    watch = Watch("it")
    assert watch.see("# Title\n\nSome **bold** words.\n") is None
    assert watch.see("", last=True) is not None


def test_what_comes_late_is_found_and_what_comes_too_late_is_not_looked_for() -> None:
    for before, found in ((1_000, True), (100_000, False)):
        watch = Watch("it")
        pieces = ["Words. "] * (before // 7) + ["\n# Title\n\n**bold**\n"] + ["Words. "] * before
        assert any(watch.see(piece) for piece in pieces) == found
