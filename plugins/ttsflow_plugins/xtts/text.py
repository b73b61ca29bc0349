"""A job's text as the token ids of XTTS-v2's own vocabulary, or why it cannot be spoken."""

from __future__ import annotations

from typing import Any

from ttsflow import ChunkJob, JobRefused
from ttsflow_plugins.xtts.upstream import brief

_NEEDS = {"zh": "pip install 'ttsflow[xtts]'", "ja": "pip install cutlet 'fugashi[unidic-lite]'"}


class TextReader:
    """Upstream's tokenizer, and the limit of the model: the tokens of a text must be fewer than `limit`."""

    def __init__(self, tokenizer: Any, limit: int) -> None:
        self._tokenizer = tokenizer
        self._limit = limit

    def tokens(self, job: ChunkJob) -> list[int]:
        """Token ids of the text, numbers and abbreviations written out. Raises JobRefused."""
        tokens = self._encode(job.text, job.language)
        if len(tokens) >= self._limit:
            raise JobRefused(
                f"the text has {len(tokens)} tokens and XTTS-v2 takes at most {self._limit - 1}; shorten it"
            )
        return tokens

    def _encode(self, text: str, language: str) -> list[int]:
        short = language.partition("-")[0]  # as upstream's inference()
        try:
            return list(self._tokenizer.encode(text.strip().lower(), lang=short))
        except ImportError as error:
            remedy = _NEEDS.get(short, "pip install 'ttsflow[xtts]'")
            raise JobRefused(f"XTTS-v2 needs more to speak {language!r} ({error}): {remedy}") from error
        except Exception as error:  # each language's normaliser raises its own, and would again at every try
            raise JobRefused(
                f"XTTS-v2 cannot read this text in {language!r} ({type(error).__name__}: {brief(error)}); "
                "write its numbers out as words"
            ) from error
