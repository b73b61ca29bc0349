"""Files with a lexicon: CSV, and the W3C's Pronunciation Lexicon Specification (PLS)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ttsflow.errors import ConfigError
from ttsflow.text.languages import declared
from ttsflow.text.pronunciation.lexicon import Entry

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_HEADER = ["word", "spoken", "language"]
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def read_lexicon(path: Path) -> tuple[list[Entry], str | None]:
    """The entries of a file, and what a person should know of it: `.pls` is PLS, all else CSV in UTF-8.

    Raises ConfigError, which names the file and the line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"lexicon {path} cannot be read: {error.strerror}; check the path") from None
    return _read_pls(data, path) if path.suffix.lower() == ".pls" else (list(_read_csv(data, path)), None)


def _read_csv(data: bytes, path: Path) -> Iterator[Entry]:
    import csv

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"lexicon {path}, line {line}: not valid in UTF-8; save the file as UTF-8"
        ) from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        for number, row in enumerate(rows):
            where = f"lexicon {path}, line {rows.line_num}"
            cells = [cell.strip() for cell in row]
            if not any(cells) or (number == 0 and [cell.lower() for cell in cells] == _HEADER[: len(cells)]):
                continue
            if len(cells) not in (2, 3):
                count = f"{len(cells)} column" + "s" * (len(cells) != 1)
                raise ConfigError(
                    f"{where} has {count}; write word,spoken or word,spoken,language, with quotes around "
                    f"what has a comma in it"
                )
            yield _entry(where, cells[0], cells[1], cells[2] if len(cells) == 3 else "")
    except csv.Error as error:
        raise ConfigError(f"lexicon {path}, line {rows.line_num}: no CSV ({error}); mend it") from None


def _read_pls(data: bytes, path: Path) -> tuple[list[Entry], str | None]:
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise ConfigError(f"lexicon {path}, line {line}: broken XML ({error}); mend it") from None
    if _name(root) != "lexicon":
        raise ConfigError(f"lexicon {path} is no PLS: its first element is <{_name(root)}>, not <lexicon>")
    entries, skipped = list[Entry](), 0
    lexemes = (element for element in root if _name(element) == "lexeme")
    for number, lexeme in enumerate(lexemes, 1):
        where = f"lexicon {path}, lexeme {number}"
        language = lexeme.get(_LANGUAGE) or root.get(_LANGUAGE) or ""
        words = list(_said(lexeme, "grapheme"))
        if not words:
            raise ConfigError(f"{where} has no <grapheme>; write the word that it is for")
        aliases = list(_said(lexeme, "alias"))
        if not aliases and next(_said(lexeme, "phoneme"), None) is not None:
            skipped += 1
            continue
        entries += (_entry(where, word, aliases[0] if aliases else "", language) for word in words)
    notice = (
        f"lexicon {path}: {skipped} of its lexemes have only phonemes and are left out: engines speak text, "
        f"so give an <alias>"
    )
    return entries, notice if skipped else None


def _said(lexeme: Element, name: str) -> Iterator[str]:
    """What elements of this name say in a lexeme, the preferred one first."""
    found = [element for element in lexeme if _name(element) == name]
    found.sort(key=lambda element: element.get("prefer") != "true")
    return (" ".join("".join(element.itertext()).split()) for element in found)


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _entry(where: str, word: str, spoken: str, language: str) -> Entry:
    if not word:
        raise ConfigError(f"{where} has no word before its spoken form {spoken!r}")
    if not spoken:
        raise ConfigError(f"{where} has no spoken form for {word!r}; `text.replace` leaves words out")
    if language and declared(language) is None:
        raise ConfigError(f"{where}: {language!r} is no tag of a language; one is en or de-AT")
    return Entry(word, spoken, language or None)
