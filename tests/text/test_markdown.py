"""Markdown: the words are spoken, the marks are not."""

from pathlib import Path

import pytest

from ttsflow.text import Block, read_file

SAMPLE = Path(__file__).parents[2] / "docs" / "sample.md"


def put(folder: Path, content: str, name: str = "book.md") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def texts(folder: Path, content: str, name: str = "book.md") -> list[str]:
    return [block.text for block in read_file(put(folder, content, name)).blocks()]


def test_headings_paragraphs_and_lists(tmp_path):
    content = "# A *fine*\ntitle\n=\n\nSome **bold**\ntext.\n\n- one\n- two\n\n  more\n\n> quoted\n"
    blocks = list(read_file(put(tmp_path, content)).blocks())
    assert blocks == [
        Block("A fine", "heading"),
        Block("title", "heading"),
        Block("Some bold\ntext."),
        Block("one"),
        Block("two"),
        Block("more"),
        Block("quoted"),
    ]


@pytest.mark.parametrize(
    ("source", "spoken"),
    [
        ("A [link](http://x.org 'title') here.", ["A link here."]),
        ("A [link][1] here.\n\n[1]: http://x.org", ["A link here."]),
        ("<http://x.org>", ["http://x.org"]),
        ("See ![a *red* door](door.png).", ["See a red door."]),
        ("Press `Ctrl-C` &amp; wait \\*now\\*.", ["Press Ctrl-C & wait *now*."]),
        ("~~Old~~ new", ["Old new"]),
        ("Water: H<sub>2</sub>O<br>next", ["Water: H2O\nnext"]),
        ("<div>\nHello <b>you</b>\n</div>", ["Hello you"]),
        ("<!-- not this --> \n\nBut this", ["But this"]),
        ("<style>\np {}\n</style>\n<p>Text &lt;3</p>", ["Text <3"]),
        ("One\n\n---\n\nTwo", ["One", "***", "Two"]),
        ("```python\na = 1\n\nb = 2\n```", ["a = 1", "b = 2"]),
        ("| Name | Age |\n|---|---|\n| Ada | 11 |\n|  | 12 |", ["Name, Age", "Ada, 11", "12"]),
        ("---\ntitle: A book\ntags: [a]\n---\n\nText", ["Text"]),
        ("---\n\nNote: a break came first.\n\n---\n", ["***", "Note: a break came first.", "***"]),
    ],
)
def test_marks_are_not_spoken(tmp_path, source, spoken):
    assert texts(tmp_path, source) == spoken


def test_the_name_says_what_is_markdown(tmp_path):
    for name in ("a.md", "a.MARKDOWN"):
        assert texts(tmp_path, "# Title", name) == ["Title"]
    assert texts(tmp_path, "# Title", "a.txt") == ["# Title"]


def test_the_shipped_sample_is_whole():
    blocks = list(read_file(SAMPLE).blocks())
    assert [block.kind for block in blocks].count("heading") == 3
    assert any(block.text == "***" for block in blocks)
    assert "Dr. Marsh" in " ".join(block.text for block in blocks)
