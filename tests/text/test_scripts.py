"""Text in another script than that of its language is noticed, and read all the same."""

# ruff: noqa: RUF001  # letters of several scripts look like Latin ones

from __future__ import annotations

import io

import pytest

from ttsflow.text import CutRules, LiveCutter, Pauses, ReadOptions, read_coming, read_text

RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему. "


def notices(text: str, language: str, format: str | None = None) -> list[str]:
    whole = list(read_text(text, ReadOptions(language=language, format=format)).notices)
    assert coming(text, language, format) == whole, "a text that comes is judged alike"
    return whole


def coming(text: str, language: str, format: str | None = None) -> list[str]:
    found: list[str] = []
    source = read_coming(io.BytesIO(text.encode()), ReadOptions(language=language, format=format), "text")
    source.heed(found.append)
    source.begin()
    assert list(source.chunks(LiveCutter(CutRules(language, 250), Pauses()), 60.0))
    return found


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        (RUSSIAN, "en", "Cyrillic letters, in which language 'en' is not written: say which language it is "
            "(text.language), such as 'ru'"),
        ("你好，我很好。你呢？", "en-GB", "Chinese characters, in which language 'en-GB'"),
        ("私はリンゴを食べました。", "de", "Japanese characters"),
        ("저는 사과를 먹었습니다.", "zh-cn", "Korean letters"),
        ("ذهب الولد إلى المدرسة.", "en", "Arabic letters"),
        ("Το παιδί πήγε στο σχολείο.", "ru", "Greek letters"),
        ("לך הביתה עכשיו.", "ar", "Hebrew letters"),
        ("लड़का घर गया।", "en", "Devanagari letters"),
        ("The boy went home.", "ru", "Latin letters, in which language 'ru' is not written: say which"),
        ("The boy went home.", "zh_CN", "Latin letters"),
        (RUSSIAN, "uz-latn", "Cyrillic letters"),
    ],
)  # fmt: skip
def test_another_script_is_named_and_what_to_do(text: str, language: str, said: str) -> None:
    [notice] = notices(text, language)
    assert notice.startswith(f"text is in {said}")
    assert "\n" not in notice


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The boy went home.", "en"),
        ("Il a dit Мир et 你好, puis il est parti.", "fr"),
        (RUSSIAN + "John Smith, NATO.", "ru"),
        (RUSSIAN, "sr"),
        ("Svi ljudi rađaju se slobodni.", "sr"),
        ("私は東京に行く。", "ja"),
        ("東京都", "ja"),
        ("他用 Python 写了一个程序。", "zh"),
        ("Barn är fria, µ och ª, 𝐁𝐨𝐥𝐝.", "sv"),
        ("ʻŌlelo Hawaiʻi", "haw"),
        ("ni hao", "cmn-latn-pinyin"),
        ("1, 2, 3.", "en"),
    ],
)
def test_what_is_usual_is_not_noticed(text: str, language: str) -> None:
    assert notices(text, language) == []


def test_the_beginning_decides_and_a_line_above_it_does_not() -> None:
    assert read_text("Chapter One\n\n" + RUSSIAN * 3).notices
    assert read_text("A line in English. " * 200 + RUSSIAN * 500).notices == ()
    assert coming("A line in English. " * 20 + RUSSIAN * 50, "en") == []


def test_a_format_that_was_said_changes_nothing_of_it() -> None:
    assert notices(RUSSIAN, "en", "text")
    assert read_text(f"# {RUSSIAN}", ReadOptions(format="markdown")).notices
