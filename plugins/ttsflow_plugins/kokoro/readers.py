"""From text to the phonemes of Kokoro: by eSpeak NG, or by misaki for Japanese and Chinese."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from ttsflow import BackendUnavailable, UsageError, install_command
from ttsflow_plugins.espeak.texts import written

ESPEAK = {
    "en-us": "en-us", "en-gb": "en-gb", "es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br",
}  # fmt: skip
"""eSpeak NG's names of the languages"""

MISAKI = {"ja": "misaki.ja:JAG2P", "zh": "misaki.zh:ZHG2P"}
"""readers of the others: eSpeak NG loses the tones of Chinese, and cannot read Japanese"""


def check_language(language: str) -> None:
    """Raise UsageError for a language whose reader is not installed."""
    if language not in MISAKI:
        return
    extra = install_command(f"kokoro-{language}")
    if not find_spec("misaki"):
        raise UsageError(f"language {language!r} needs misaki to be read. Install it with: {extra}")
    if language == "ja" and not _has_dictionary():
        raise UsageError(
            "language 'ja' needs a dictionary, which is not downloaded unasked: python -m unidic download"
        )


def _has_dictionary() -> bool:
    package = find_spec("unidic")
    return (
        package is not None
        and package.origin is not None
        and (Path(package.origin).parent / "dicdir" / "mecabrc").exists()
    )


def phonemes(text: str, language: str, letter: str) -> str:
    """The phonemes of a text. `letter` is that of the voice, where the language leaves open which English.

    Raises BackendUnavailable if the reader cannot be used.
    """
    if language in MISAKI:
        found, _ = _misaki(language)(text)
        return str(found)
    if language == "en":
        language = "en-gb" if letter == "b" else "en-us"
    [found] = _espeak(ESPEAK[language]).phonemize([written(text, language)], strip=True)
    return str(found)


@cache
def _espeak(language: str) -> Any:
    """Without the marks of another language, "(en)", that Kokoro would speak."""
    from phonemizer.backend import EspeakBackend

    return EspeakBackend(
        language, preserve_punctuation=True, with_stress=True, language_switch="remove-flags"
    )


@cache
def _misaki(language: str) -> Callable[[str], tuple[str, Any]]:
    try:
        reader: Callable[[str], tuple[str, Any]] = resolve_name(MISAKI[language])()
        return reader
    except Exception as error:  # dictionaries are read, by several libraries
        raise BackendUnavailable(
            f"misaki cannot read {language!r}: {type(error).__name__}: {' '.join(str(error).split())[:200]}. "
            f"{install_command(f'kokoro-{language}')}"
        ) from error
