"""Titles: the forms in which chapters and sections are headed."""

# ruff: noqa: RUF001  # this module needs letters and marks that look like Latin ones

from __future__ import annotations

import re
from functools import cache

from ttsflow.text.marks import CLOSING, OPENING, STRAIGHT
from ttsflow.text.plain.items import item_of
from ttsflow.text.plain.lineshapes import ends_openly, is_capitals, start_case, width

_WIDEST_CHAPTER = 80
_WIDEST = 60

_LIST_OF_NAMES = """
    chapter part book volume canto act scene letter episode appendix stave
    kapitel teil buch band akt szene aufzug auftritt brief anhang
    chapitre partie livre tome acte scène épisode annexe
    capitulo capítulo parte libro tomo acto escena livro ato cena capitolo atto scena
    hoofdstuk deel rozdział część глава часть книга kapitola bölüm
"""
_NAMES = frozenset(_LIST_OF_NAMES.split())
_WORDS = (
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|(?:twenty|thirty|forty|fifty)"
    r"(?:[- ]\w+)?|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last"
    r"|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf"
    r"|premier|première|un|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|\w+ième|second|seconde"
    r"|primero|primera|segundo|segunda|tercero|tercera|cuarto|quinto|sexto|séptimo|octavo|noveno|décimo"
    r"|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|primeiro|primeira|terceiro"
    r"|primo|prima|secondo|seconda|terzo|terza|quarto|quarta|первая|вторая|третья"
)
_GERMAN_ORDINALS = (
    r"(?:erste|zweite|dritte|vierte|fünfte|sechste|sieb(?:en)?te|achte|neunte|zehnte|elfte|zwölfte|letzte|\w+zehnte"
    r"|\w+zigste)[rs]?"
)
_HAN = r"[0-9０-９〇零一二三四五六七八九十百千两兩壱弐参]"

_LIST_OF_TITLES = """
    prologue epilogue preface foreword introduction interlude afterword conclusion postscript
    prolog epilog vorwort nachwort einleitung zwischenspiel vorspiel schluss
    épilogue préface avant-propos postface prólogo epílogo prefacio introducción prefácio introdução
    prologo epilogo prefazione пролог эпилог предисловие
    序章 終章 终章 序 序幕 序言 前言 楔子 尾声 尾聲 后记 後記 番外 あとがき まえがき はじめに おわりに
    プロローグ エピローグ 幕間 프롤로그 에필로그 머리말
"""
_ALONE = frozenset(_LIST_OF_TITLES.split())
_LETTERS = re.compile(r"[^\W\d_]+")
_EAST_ASIAN = re.compile(
    rf"(?:第\s*{_HAN}{{1,6}}\s*[章回节節卷部篇集幕話话編编]|제\s*\d{{1,3}}\s*[장화부편막])"
    r"(?:\Z|[\s：:　・—].*|[^。，、\s].{0,20})"
)
_SECTION = re.compile(
    r"(?:article|section|artikel|abschnitt|artículo|sección|articolo|sezione|artigo|secção|§)\.?\s+"
    r"(?:\d{1,3}|[ivxlc]{1,8})[.:]?",
    re.IGNORECASE,
)
_NUMBER_ALONE = re.compile(r"[(\[]?(?:\d{1,3}|[IVXLC]{1,8})[.)\]]?")
_SENTENCE_MARKS = re.compile(r"[。，、！？；]")

_NUMBERED = re.compile(r"(?:\d{1,2}(?:\.\d{1,2})+\.?|\d{1,2}\.|[IVXL]{1,6}\.|[A-Z]\.|§\s*\d+)\s+\S")


def is_chapter(line: str) -> bool:
    """Whether a line heads a chapter, a part or the like: "Chapter IV", "3. Kapitel", "第三章"."""
    if len(line) > 2 * _WIDEST_CHAPTER:
        return False
    bare = line.strip()
    if width(bare) > _WIDEST_CHAPTER or bare[-1:] in (",", ";"):
        return False
    named = not _NAMES.isdisjoint(_LETTERS.findall(bare.lower()))
    if named and (found := _named_first().match(bare)):
        title = found["title"]
        return title is None or (start_case(title) == "upper" and bare[-1] != ".")
    if _EAST_ASIAN.fullmatch(bare):
        return not _SENTENCE_MARKS.search(bare)
    alone = bare[:-1] if bare[-1:] in (".", ":") else bare
    return alone.lower() in _ALONE or (named and bool(_named_last().match(bare)))


def is_number(line: str) -> bool:
    """Whether a line is only a number, as chapters without a title have it."""
    return _NUMBER_ALONE.fullmatch(line.strip()) is not None


def is_title(line: str) -> bool:
    """Whether a line that stands alone may be a heading: short, and no sentence.

    Capitals may end in a full stop or a question mark; other headings end in a word.
    """
    if len(line) > 2 * _WIDEST:
        return False
    bare = line.strip()
    if width(bare) > _WIDEST or bare[0] in OPENING + STRAIGHT or bare[-1] in CLOSING.replace(")", ""):
        return False
    if _SECTION.fullmatch(bare):
        return True
    if is_capitals(bare):
        return bare[-1] not in ",;:!"
    if not ends_openly(bare.rstrip(")")) or _SENTENCE_MARKS.search(bare) or ". " in bare[4:]:
        return False
    if _NUMBERED.match(bare):
        return True
    return start_case(bare) != "lower" and item_of(bare) is None and bare[0].isalnum()


# Long patterns take a while to compile, and most lines do not need them.


@cache
def _named_first() -> re.Pattern[str]:
    return re.compile(
        rf"(?:{'|'.join(sorted(_NAMES))})\.?\s+(?:the\s+)?(?:\d{{1,3}}|[ivxlc]{{1,8}}|{_WORDS})"
        r"(?:\Z|\s*[.:)—–-]+\s*(?:\S.*)?\Z|\s+(?P<title>\S.*)\Z)",
        re.IGNORECASE,
    )


@cache
def _named_last() -> re.Pattern[str]:
    return re.compile(
        rf"(?:(?:\d{{1,3}}|[ivxlc]{{1,8}})\.|{_GERMAN_ORDINALS}|(?:the\s+)?(?:{_WORDS}))"
        rf"\s+(?:{'|'.join(sorted(_NAMES))})(?:\Z|\s*[.:—–-]+\s*(?:\S.*)?\Z)",
        re.IGNORECASE,
    )
