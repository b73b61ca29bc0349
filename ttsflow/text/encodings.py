"""Decoding bytes to text. An InputError says what the bytes look like and what to try."""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Iterable, Iterator
from encodings.aliases import aliases
from itertools import chain

from ttsflow.errors import InputError
from ttsflow.text.options import ReadOptions

_BYTE_ORDER_MARKS = (  # UTF-32 comes before UTF-16: its mark begins with the mark of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_SIGNATURES = (  # the first bytes of files that are not plain text
    (rb"%PDF-", "a PDF document"),
    (rb"PK\x03\x04.{26}mimetypeapplication/epub", "an EPUB book"),
    (rb"PK\x03\x04.{26}mimetypeapplication/vnd\.oasis", "an OpenDocument file"),
    (rb"PK\x03\x04.{26}(\[Content_Types\]|_rels/)", "an Office document (DOCX, XLSX, PPTX)"),
    (rb"PK(\x03\x04|\x05\x06)", "a ZIP archive"),
    (rb"\{\\rtf", "an RTF document"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document (DOC, XLS, PPT)"),
    (rb"RIFF.{4}WAVE", "WAV audio"),
    (rb"ID3[\x02-\x04]|\xff[\xfb\xf3\xf2]", "MP3 audio"),
    (rb"OggS\0", "Ogg audio"),
    (rb"fLaC\0", "FLAC audio"),
    (rb"\0.{3}ftyp", "an MP4 file"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8[79]a.{0,8}\0", "a picture"),
    (rb"\x1f\x8b|BZh\d1AY|\xfd7zXZ|\x28\xb5\x2f\xfd", "a compressed file"),
    (rb"\x7fELF", "a program"),
    (rb"SQLite format 3\0", "a SQLite database"),
)

# The encodings of old files, by the language that they are in; those that refuse most come first.
_USUAL = {
    "zh": ("gb18030", "big5"), "zh-tw": ("big5", "gb18030"), "zh-hk": ("big5", "gb18030"),
    "ja": ("shift_jis", "euc_jp"), "ko": ("cp949",), "ru": ("cp1251",), "uk": ("cp1251",), "bg": ("cp1251",),
    "sr": ("cp1251",), "be": ("cp1251",), "el": ("cp1253",), "he": ("cp1255",), "ar": ("cp1256",),
    "fa": ("cp1256",), "tr": ("cp1254",), "pl": ("cp1250",), "cs": ("cp1250",), "sk": ("cp1250",),
    "hu": ("cp1250",), "hr": ("cp1250",), "sl": ("cp1250",), "ro": ("cp1250",), "lt": ("cp1257",),
    "lv": ("cp1257",), "et": ("cp1257",), "vi": ("cp1258",), "th": ("cp874",),
}  # fmt: skip

# The formats in which some of them are read.
_READ_AS = {
    "a PDF document": "pdf", "an EPUB book": "epub", "an Office document (DOCX, XLSX, PPTX)": "docx",
}  # fmt: skip

_HALF = re.compile("[\ud800-\udfff]")

_GO_ON = "`text.encoding_errors: replace`"

_TEXT_WANTED = "Save or convert it as plain text, or in another format that ttsflow reads"


def is_text_encoding(name: str) -> bool:
    """Whether a text may be in it. Python has codecs for bytes, for names of hosts, and for nothing, too."""
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return False
    return codecs.lookup(name).name not in ("idna", "punycode")


def decode(data: bytes, options: ReadOptions, name: str) -> str:
    """Decode `data`. A byte order mark overrides the encoding of the options, and is removed.

    Messages call the input `name`. Raises InputError for binary data, for an unknown encoding, for
    bytes that are not valid in the encoding (with their offset and line), and where `check_text` does.
    """
    _check_is_text(data, name)
    mark, encoding = _marked(data, options.encoding)
    _check_encoding(encoding)
    try:
        text = data[len(mark) :].decode(encoding, options.encoding_errors)
    except UnicodeDecodeError as error:
        at = len(mark) + error.start
        raise InputError(_undecodable(data, at, encoding, name, options.language)) from None
    except ValueError as error:  # from codecs that are not for files, such as "undefined"
        raise InputError(
            f"{name} cannot be decoded as {encoding!r}: {error}. Try `text.encoding: utf-8`."
        ) from None
    check_text(text, name, hint=_likely_utf16(data))
    return text


def decode_pieces(pieces: Iterable[bytes], options: ReadOptions, name: str) -> Iterator[str]:
    """Decode bytes as they come; a character may be in two pieces.

    Raises InputError as `decode` does, after what comes before the first byte that is not valid.
    """
    source = iter(pieces)
    head = b""
    while len(head) < 2 or any(mark.startswith(head) for mark, _ in _BYTE_ORDER_MARKS):
        piece = next(source, None)
        if piece is None:
            break
        head += piece
    _check_is_text(head, name)
    mark, encoding = _marked(head, options.encoding)
    _check_encoding(encoding)
    if not _is_wide(encoding) and (advice := _likely_utf16(head)):
        raise InputError(f"{name} is not valid {encoding}. {advice}.")
    decoder = codecs.getincrementaldecoder(encoding)(options.encoding_errors)
    before = len(mark)
    for piece in chain([head[len(mark) :]], source, [b""]):
        state = decoder.getstate()
        held = len(state[0])
        try:
            yield decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            decoder.setstate(state)
            yield decoder.decode(piece[: max(0, error.start - held)])
            at = before - held + error.start
            if not piece:
                raise InputError(
                    f"{name} ends in the middle of a character, at offset {at}: it was cut off."
                ) from None
            raise InputError(
                f"{name} is not valid {encoding}: byte 0x{error.object[error.start]:02X} at offset {at}. "
                f"Name its encoding (`text.encoding`); to leave such bytes out: {_GO_ON}."
            ) from None
        before += len(piece)


def check_text(text: str, name: str, hint: str = "") -> None:
    """Raise InputError if `text` has nothing to speak, or contains a NUL or half of a character.

    `hint` tells the user what to try if there is a NUL.
    """
    if not text or text.isspace():
        what = "is empty" if not text else "holds only white space"
        raise InputError(f"{name} {what}: there is nothing to speak.")
    check_characters(text, name, hint)


def check_characters(text: str, name: str, hint: str = "", *, earlier: int = 0) -> None:
    """Raise InputError if `text` contains a NUL or half of a character; `hint` as in `check_text`.

    `earlier` characters of the input have come before `text`.
    """
    nul = text.find("\0")
    if nul >= 0:
        place = _place(text[:nul], earlier)
        raise InputError(f"{name} looks like binary data: NUL {place}. {hint or _TEXT_WANTED}.")
    half = _HALF.search(text)
    if half is None:
        return
    place, code = _place(text[: half.start()], earlier), ord(half.group())
    if 0xDC80 <= code <= 0xDCFF:  # Python's mark for an undecodable byte in an argument (PEP 383)
        raise InputError(
            f"{name} holds the byte 0x{code - 0xDC00:02X} {place}, which is not valid in the terminal's "
            "encoding. Put the text in a file and name its encoding, for example `text.encoding: cp1252`."
        )
    raise InputError(
        f"{name} holds half of a character (the lone surrogate U+{code:04X}) {place}. Remove it, or write "
        "the whole character."
    )


def sound_part(text: str) -> str:
    """The text before the first character that `check_characters` refuses."""
    whole = text.partition("\0")[0]
    half = _HALF.search(whole)
    return whole[: half.start()] if half else whole


def _check_is_text(data: bytes, name: str) -> None:
    for signature, kind in _SIGNATURES:
        if re.match(signature, data, re.DOTALL):
            format = _READ_AS.get(kind)
            advice = f"To read it as such, add `text.format: {format}`" if format else _TEXT_WANTED
            raise InputError(f"{name} is {kind}, not text. {advice}.")


def _marked(data: bytes, encoding: str) -> tuple[bytes, str]:
    """The byte order mark at the beginning, and the encoding: the mark's, or else the one that was named."""
    for mark, marked in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return mark, marked
    return b"", encoding


def _place(before: str, earlier: int = 0) -> str:
    if earlier:  # which nobody has kept to count its lines
        return f"at character {earlier + len(before) + 1}"
    end = f"after {before[-20:].lstrip()!r}" if before.strip() else "at the start"
    return f"at character {len(before) + 1} (line {_line(before)}, {end})"


def _line(before: str) -> int:
    return len(re.findall("\r\n|\r|\n", before)) + 1


def _undecodable(data: bytes, offset: int, encoding: str, name: str, language: str) -> str:
    utf16 = _likely_utf16(data)
    if b"\0" in data and not utf16 and not _is_wide(encoding):
        return f"{name} looks like binary data: NUL at byte {data.index(0)}. {_TEXT_WANTED}."
    before = data[:offset].decode(encoding, "replace")
    where = f"byte 0x{data[offset]:02X} at offset {offset} (line {_line(before)})"
    advice = utf16 or _other_encoding(data, offset, language)
    return f"{name} is not valid {encoding}: {where}. {advice}; to leave such bytes out: {_GO_ON}."


def _other_encoding(data: bytes, offset: int, language: str) -> str:
    usual = _USUAL.get(language.lower(), _USUAL.get(language.lower().partition("-")[0], ()))
    for encoding in ("utf-8", *usual, "cp1252", "latin-1"):  # latin-1 decodes anything
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        shown = data[max(0, offset - 12) : offset + 12].decode(encoding, "replace")
        setting = f"`text.encoding: {encoding}`"
        return f"With {setting} the place reads {shown!r}; if that is wrong, name the right one"
    raise AssertionError("latin-1 decodes every byte")


def _likely_utf16(data: bytes) -> str:
    """Advice if the bytes look like Western UTF-16: most even or most odd bytes are NUL. Otherwise ""."""
    head = data[:200]
    for encoding, nuls in (("utf-16-le", head[1::2]), ("utf-16-be", head[0::2])):
        if nuls and nuls.count(0) > 0.7 * len(nuls):
            return f"It looks like UTF-16 without a byte order mark; try `text.encoding: {encoding}`"
    return ""


def _is_wide(encoding: str) -> bool:
    """Whether NUL bytes are usual in it."""
    return encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))


def _check_encoding(encoding: str) -> None:
    if is_text_encoding(encoding):
        return
    known = sorted(set(aliases.values()) | set(aliases))
    close = difflib.get_close_matches(encoding.lower().replace("-", "_"), known, n=3, cutoff=0.6)
    mean = f"; did you mean {' or '.join(close)}?" if close else "."
    common = "utf-8, utf-16, cp1252, latin-1, gb18030, shift_jis"
    raise InputError(f"unknown text encoding {encoding!r}{mean} Common ones are {common}.")
