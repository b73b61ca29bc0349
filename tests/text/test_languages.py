"""The backend's own tag for a language: what is near is found, and nothing else."""

from __future__ import annotations

import pytest

from ttsflow.text.languages import nearest, tag_named

XTTS = ("en", "es", "de", "pt", "zh-cn", "ja")
ESPEAK = ("en-gb", "en-us", "pt", "pt-br", "de", "zh-Hant-yue", "fr-fr", "sr-latn")


@pytest.mark.parametrize(
    ("wanted", "spoken", "found"),
    [
        ("de", XTTS, "de"),
        ("DE", XTTS, "de"),
        ("de-DE", XTTS, "de"),
        ("de_DE", XTTS, "de"),
        (" de ", XTTS, "de"),
        ("en_US", ESPEAK, "en-us"),
        ("en-US-x-mine", ESPEAK, "en-us"),
        ("en", ESPEAK, "en-gb"),
        ("en-AU", ESPEAK, "en-gb"),
        ("pt-br", ESPEAK, "pt-br"),
        ("pt-PT", ESPEAK, "pt"),
        ("zh", XTTS, "zh-cn"),
        ("zh-TW", XTTS, "zh-cn"),
        ("zh-hans-cn", XTTS, "zh-cn"),
        ("ZH-hant-YUE-hk", ESPEAK, "zh-Hant-yue"),
        ("fr", ESPEAK, "fr-fr"),
        ("sr-Cyrl", ESPEAK, "sr-latn"),
        ("english", XTTS, None),
        ("e", XTTS, None),
        ("enx", XTTS, None),
        ("nl", XTTS, None),
        ("cn", XTTS, None),
        ("-", XTTS, None),
        ("de", (), None),
    ],
)
def test_the_nearest(wanted: str, spoken: tuple[str, ...], found: str | None) -> None:
    assert nearest(wanted, spoken) == found


@pytest.mark.parametrize(
    ("name", "tag"),
    [("english", "en"), (" German ", "de"), ("CHINESE", "zh"), ("en", None), ("elvish", None)],
)
def test_the_english_name_of_a_language_has_a_tag(name: str, tag: str | None) -> None:
    assert tag_named(name) == tag
