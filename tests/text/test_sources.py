"""Reading: what becomes of files, streams and strings, and what is said of those that are no text."""

import codecs
import io
import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ttsflow.errors import InputError
from ttsflow.text import Block, CutRules, Document, ReadOptions, cut, read_file, read_stream, read_text
from ttsflow.text.encodings import decode_pieces
from ttsflow.text.escapes import without_escapes

LINE_ENDS = ("\n", "\r\n", "\r")


def put(folder: Path, content: str | bytes, name: str = "book.txt") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path: Path, encoding: str = "utf-8") -> str:
    with pytest.raises(InputError) as caught:
        read_file(path, ReadOptions(encoding=encoding))
    return str(caught.value)


def words(document: Document) -> str:
    return "\n\n".join(block.text for block in document.blocks())


# Plain text


@pytest.mark.parametrize("end", LINE_ENDS)
def test_blank_lines_part_paragraphs(tmp_path, end):
    content = end.join(["", "One is long,", "but still one.", "  ", "\tTwo.", "", ""])
    blocks = list(read_file(put(tmp_path, content)).blocks())
    assert blocks == [Block("One is long, but still one."), Block("Two.")]


def test_plain_text_is_cut_lazily():
    blocks = read_text("One.\n\n" * 1_000_000).blocks()
    assert next(iter(blocks)) == Block("One.")
    assert not isinstance(blocks, list | tuple)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_no_character_is_lost(text):
    try:
        document = read_text(text)
    except InputError:
        assert not text.removeprefix("\ufeff").strip()
        return
    spoken = "".join(block.text for block in document.blocks())
    assert "".join(spoken.split()) == "".join(without_escapes(text.removeprefix("\ufeff")).split())


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_byte_order_mark_decides_and_is_dropped(tmp_path, mark, encoding):
    path = put(tmp_path, mark + "Grüße.\n".encode(encoding))
    assert [block.text for block in read_file(path, ReadOptions(encoding="cp1252")).blocks()] == ["Grüße."]


def test_the_named_encoding_is_used(tmp_path):
    path = put(tmp_path, "Чай.".encode("koi8-r"))
    assert words(read_file(path, ReadOptions(encoding="koi8-r"))) == "Чай."


def test_a_stream_is_read_to_its_end():
    document = read_stream(io.BytesIO("Grüße.\r\n\r\nEnde.".encode("cp1252")), ReadOptions(encoding="cp1252"))
    assert [block.text for block in document.blocks()] == ["Grüße.", "Ende."]
    assert document.name == "standard input"
    assert document.identity.source is None


# Identity


def test_identity_tells_the_place_from_the_content(tmp_path, monkeypatch):
    one = read_file(put(tmp_path, "Same."))
    other = read_file(put(tmp_path, "Same.", "other.txt"))
    edited = read_file(put(tmp_path, "Changed."))
    assert one.identity.content == other.identity.content != edited.identity.content
    assert one.identity.source == edited.identity.source != other.identity.source
    monkeypatch.chdir(tmp_path)
    assert read_file(Path("book.txt")).identity == edited.identity
    assert read_text("Same.").identity.content == one.identity.content
    assert read_text("Same.").identity.source is None


# Bad input


def test_no_such_file_names_its_neighbours(tmp_path):
    put(tmp_path, "x", "chapter-one.txt")
    message = refusal(tmp_path / "chapter_one.txt")
    assert "chapter_one.txt does not exist" in message
    assert f"Did you mean {tmp_path / 'chapter-one.txt'}?" in message
    assert "does not exist. Check the name" in refusal(tmp_path / "zzz")
    assert f"there is no folder {tmp_path / 'no'}" in refusal(tmp_path / "no" / "book.txt")


def test_a_folder_names_a_text_in_it(tmp_path):
    assert refusal(tmp_path).endswith("is a folder. Give the file to speak.")
    put(tmp_path, "x", "b.md")
    assert f"for example {tmp_path / 'b.md'}" in refusal(tmp_path)


def test_a_file_that_may_not_be_read(tmp_path):
    path = put(tmp_path, "Secret.")
    path.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # nobody: root may read everything
    try:
        message = refusal(path)
    finally:
        if root:
            os.seteuid(0)
    assert "may not be read" in message
    assert "chmod" in message


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "book.txt/inner"])
def test_a_path_that_cannot_be(tmp_path, name):
    put(tmp_path, "x")
    message = refusal(tmp_path / name)
    assert "cannot be read" in message
    assert "Check the path" in message


def test_a_file_name_that_is_no_text_can_still_be_shown(tmp_path):
    refusal(tmp_path / "b\udce9.txt").encode()
    assert read_file(put(tmp_path, "Text.", "b\udce9.txt")).name.encode()


def test_a_stream_that_cannot_be_read(tmp_path):
    with (
        (tmp_path / "book.txt").open("wb") as stream,
        pytest.raises(InputError, match="standard input cannot be"),
    ):
        read_stream(stream)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n...", "a PDF document"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip", "an EPUB book"),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "an Office document"),
        (b"PK\x03\x04" + bytes(26) + b"book.txt", "a ZIP archive"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "WAV audio"),
        (b"ID3\x04\x00", "MP3 audio"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"\x1f\x8b\x08\x00", "a compressed file"),
        (b"{\\rtf1\\ansi Hello}", "an RTF document"),
        (bytes(range(256)), "binary data"),
        (b"plain at first\0\0\0", "binary data"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_binary_data_is_named(tmp_path, data, kind, encoding):
    message = refusal(put(tmp_path, data), encoding)
    assert kind in message
    assert "Save or convert it as plain text" in message or "add `text.format: " in message


def test_text_about_a_format_is_text(tmp_path):
    for text in ("ID3 tags are old.", "OggS begins a page.", "GIF89a is a format."):
        assert words(read_file(put(tmp_path, text))) == text


@pytest.mark.parametrize("end", LINE_ENDS)
def test_a_wrong_encoding_is_placed_and_mended(tmp_path, end):
    data = f"One{end}Two{end}a café here".encode("cp1252")
    message = refusal(put(tmp_path, data))
    assert f"not valid utf-8: byte 0xE9 at offset {data.index(0xE9)} (line 3)" in message
    assert "`text.encoding: cp1252`" in message
    assert "café" in message


def test_the_advice_fits_the_bytes(tmp_path):
    assert "`text.encoding: utf-8`" in refusal(put(tmp_path, "naïve ❤".encode()), "ascii")
    assert "`text.encoding: latin-1`" in refusal(put(tmp_path, b"caf\xe9 \x81"))
    broken = refusal(put(tmp_path, codecs.BOM_UTF8 + b"ok\xff"))
    assert "at offset 5 (line 1)" in broken


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["Plain words.", "Café Zoë, plain words."])
def test_utf16_without_its_mark_is_recognised(tmp_path, encoding, text):
    path = put(tmp_path, text.encode(encoding))
    assert f"`text.encoding: {encoding}`" in refusal(path)
    assert words(read_file(path, ReadOptions(encoding=encoding))) == text


def test_half_a_utf16_character_is_an_error_of_encoding(tmp_path):
    message = refusal(put(tmp_path, codecs.BOM_UTF16_LE + "ab".encode("utf-16-le") + b"c"))
    assert "not valid utf-16-le: byte 0x63 at offset 6" in message


@pytest.mark.parametrize(
    "encoding", ["utf-9", "nonsense", "base64", "rot13", "a\0b", "", "undefined", "idna", "punycode"]
)
def test_an_unknown_encoding(tmp_path, encoding):
    assert "unknown text encoding" in refusal(put(tmp_path, "Text."), encoding)
    with pytest.raises(InputError, match="unknown text encoding"):
        list(decode_pieces([b"Text."], ReadOptions(encoding=encoding), "text"))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_utf16_without_its_mark_is_recognised_while_it_comes(encoding, size):
    data = "Café Zoë, plain words.".encode(encoding)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    with pytest.raises(InputError, match=f"UTF-16 without .*; try `text.encoding: {encoding}`"):
        list(decode_pieces(pieces, ReadOptions(), "text"))
    assert "".join(decode_pieces(pieces, ReadOptions(encoding=encoding), "text")) == data.decode(encoding)


def test_an_unknown_encoding_names_those_like_it(tmp_path):
    message = refusal(put(tmp_path, "Text."), "cp-1252x")
    assert "unknown text encoding 'cp-1252x'; did you mean" in message
    assert "cp1252" in message


@pytest.mark.parametrize(
    ("content", "what"), [("", "is empty"), (" \n\t\xa0\r\n", "only white space"), ("\ufeff", "is empty")]
)
def test_nothing_to_speak(tmp_path, content, what):
    for name in ("book.txt", "book.md"):
        assert what in refusal(put(tmp_path, content, name))
    with pytest.raises(InputError, match=what):
        read_text(content, name="--text")
    with pytest.raises(InputError, match=what):
        read_stream(io.BytesIO(content.encode()))


def test_markdown_without_words(tmp_path):
    assert "only Markdown's marks" in refusal(
        put(tmp_path, "<!-- later -->\n\n[a]: http://x.org\n", "book.md")
    )


def test_an_undecodable_byte_of_an_argument_is_placed():
    argument = os.fsdecode(b"line\na caf\xe9")  # as it arrives in sys.argv
    with pytest.raises(
        InputError, match=r"--text holds the byte 0xE9 at character 11 \(line 2, after .*caf'\)"
    ):
        read_text(argument, name="--text")


def test_half_of_a_character_is_placed():
    with pytest.raises(InputError, match=r"lone surrogate U\+D83D\) at character 1 \(line 1, at the start\)"):
        read_text("\ud83d tail")
    with pytest.raises(InputError, match="lone surrogate"):  # some codecs let one through
        read_stream(io.BytesIO(b"a +2AA- b"), ReadOptions(encoding="utf-7"))


@given(
    st.binary(max_size=80), st.sampled_from(["utf-8", "utf-16", "cp1252", "shift_jis", "utf-7", "gb18030"])
)
def test_any_bytes_are_text_or_refused(data, encoding):
    try:
        document = read_stream(io.BytesIO(data), ReadOptions(encoding=encoding))
    except InputError:
        return
    assert words(document).encode()


@given(
    st.text("ab é日本я€🎉\n", max_size=20),
    st.binary(max_size=5),
    st.sampled_from(["utf-8", "utf-16-le", "cp1252", "shift_jis", "iso2022_jp", "gb18030"]),
    st.integers(1, 9),
)
@example("caf", b"\xe9 so", "utf-8", 100)
@example("日本", b"\xff", "iso2022_jp", 2)
@example("日本", b"\x1b", "iso2022_jp", 2)
def test_what_comes_before_a_bad_byte_is_decoded_in_whatever_pieces_it_comes(text, bad, encoding, size):
    def decoded(size: int) -> tuple[str, str | None]:
        pieces = (data[at : at + size] for at in range(0, len(data), size))
        came = []
        try:
            came.extend(decode_pieces(pieces, ReadOptions(encoding=encoding), "it"))
        except InputError as error:
            return "".join(came), str(error)
        return "".join(came), None

    front = f"So {text}".encode(encoding, "ignore")
    data = front + bad
    assert decoded(size) == decoded(1)
    assert decoded(size)[0].startswith(front.decode(encoding))


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize(
    "text",
    ["It was the best of times, it was the worst of times. " * 95_000, "a\n" * 100_000],
    ids=["a line of 5 MB", "100,000 lines of one character"],
)
def test_nothing_is_lost_of_a_long_text_of_a_strange_shape(tmp_path, text):
    chunks = cut(read_file(put(tmp_path, text)).blocks(), CutRules("en", 250))
    assert " ".join(chunk.text for chunk in chunks) == " ".join(text.split())
