"""The punctuation marks that decide where a text is cut, in all scripts."""

# ruff: noqa: RUF001  # this module needs marks that look like Latin marks

import re

OPENING = "“‘«‹„‚「『（(["
CLOSING = "”’»›」』）)]"
STRAIGHT = "\"'"
FULL_STOPS = "。！？"

_CLOSES = dict(zip("“‘«‹„‚「『（([\"'", "”’»›“‘」』）)]\"'", strict=True))
"""what closes a quotation or a bracket that a mark opens"""

_QUOTED = re.compile(
    r"„[^“”]*[“”]|“[^”]*”|‚[^‘’]*[‘’]|‘[^’]*’|»[^«]*«|«[^»]*»|‹[^›]*›|「[^」]*」|『[^』]*』|（[^）]*）"
    r'|\([^)]*\)|\[[^\]]*\]|"[^"]*"'
    r"|(?<!\w)'[^']*'(?!\w)"
)
"""a quotation or a bracket that is closed, in the ways of several languages"""

_QUOTE_OPENS = re.compile(rf"[{re.escape(OPENING)}\"]|(?<!\w)'")
"""what opens one; a straight mark inside a word is an apostrophe"""

_LONE = re.compile(
    r"(?<!\w)['‘](?=(?:tis|twas|twere|twill|til|em|cause|bout|round|n|s|t)\b)"  # 'Tis, Dutch 's avonds
    r"|(?<=[:;=])[()\[\]]|(?<=[:;=]-)[()\[\]]"  # a smiley
    r"|\[\[|\]\]",  # what begins a mark, and may have no end
    re.IGNORECASE,
)
_STRAIGHT_QUOTE = re.compile('"')

_CLOSED = f"[{re.escape(CLOSING + STRAIGHT)}]*+"

CLAUSE_ENDS = (
    re.compile(rf"[;:]{_CLOSED}(?= )|[；：؛。！？]++{_CLOSED}"),
    re.compile(rf",{_CLOSED}(?= )|[，、،—]++{_CLOSED}|(?<= )–(?= )|(?<=\w)--(?=\w)"),
)
"""where a sentence may be cut, the best place first; a Latin mark counts only before a space ("12:30")"""

SPACE = re.compile(r"(?<!«)(?= (?![!?:;»]))")
"""a space between two words, but not the space that French puts between a word and its marks"""

_BEHIND = f"[.!?…。！？{re.escape(CLOSING + STRAIGHT)}]"
_SMALL = "[⁰¹²³⁴-⁹]"

# Each mark begins with its first character and looks behind from there, which is faster to search for.
NOTE = re.compile(
    rf"\[(?<={_BEHIND}.)\d{{1,3}}\]"
    rf"|{_SMALL}(?<={_BEHIND}.){_SMALL}{{0,2}}"
    rf"|[*†‡](?<={_BEHIND}.)[*†‡]{{0,2}}(?= |\Z)"
    rf"|[0-9](?:(?<=[^\W\d_]{{2}}[.!?].)|(?<=[.!?][{re.escape(CLOSING)}].))[0-9]{{0,2}}(?= |\Z)"
)
"""the mark of a note behind a sentence: flood.12, words.[3], short.²"""


def closing(text: str) -> str:
    """The marks that close what is open at the text's end, without which nobody knows what is in pairs."""
    alone = _QUOTED.sub("", without_lone(text))
    return "".join(_CLOSES[mark] for mark in reversed(_QUOTE_OPENS.findall(alone)))


def without_lone(text: str) -> str:
    """The text, of the same length, with spaces for marks that look like one of a pair and are none.

    Those are the apostrophes of words that lack their beginning, smileys, double square brackets, which begin
    a mark of a speaker or a pause, and the marks of inches: behind a digit, where no quotation is open.
    """
    text = _LONE.sub(lambda mark: " " * len(mark[0]), text)
    inside = False

    def judge(mark: re.Match[str]) -> str:
        nonlocal inside
        if not inside and text[mark.start() - 1 : mark.start()].isdigit():
            return " "
        inside = not inside
        return '"'

    return _STRAIGHT_QUOTE.sub(judge, text)
