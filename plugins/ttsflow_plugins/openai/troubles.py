"""What an answer means that is not audio: whether to ask again, and whom it concerns."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from ttsflow import DeviceLost, JobRefused, RunError

LONGEST_WORDS = 300
"""characters of a server's own words that are passed on"""

BUSY = {408, 425, 429, 502, 503, 504}
"""statuses that pass: the server, or one behind it, has no room or is not there yet"""

WRONG = {401, 403, 404, 405, 407}
"""statuses that each request will get: the key, the address or the model is wrong"""


class Busy(Exception):
    """The server cannot be reached, or has no room now; `wait_s` is how long it asks to wait, if it says."""

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class Failed(RunError, ValueError):  # a ValueError: its message quotes the server, which may quote the text
    """An attempt has failed; the next one may not."""


def trouble(
    url: str, status: int, phrase: str, words: str, key_env: str | None, *, wait_s: float | None = None
) -> Exception:
    """What an answer of `url` with this status, which is not 200, means. `words` are the server's own."""
    said = f"{url}: {status} {phrase}".rstrip() + (f": {words}" if words else "")
    if status in BUSY:
        return Busy(said, wait_s)
    if 300 <= status < 400:
        return DeviceLost(f"{said}. Set backend.options.url to the address that it leads to")
    if status in (401, 403):
        key = f"the key is taken from {key_env}" if key_env else "name the key's variable in key_env"
        return DeviceLost(f"{said} ({key})")
    if status in WRONG:
        return DeviceLost(f"{said}. Check backend.options.url, which ends in /v1, and model")
    if 400 <= status < 500:
        return JobRefused(said)
    return Failed(said)


def other_rate(url: str, rate: int, wanted: int) -> DeviceLost:
    """What is said of a server whose audio is at another rate: all its answers will be."""
    return DeviceLost(f"{url} speaks at {rate} Hz, not at {wanted} Hz: set backend.options.rate={rate}")


def words_in(body: bytes, content_type: str) -> str:
    """What a server says of an error, in one line: in OpenAI's JSON, in FastAPI's, or in plain text."""
    text = body.decode("utf-8", "replace")
    if "json" in content_type:
        with suppress(ValueError, RecursionError):
            text = _message(json.loads(text))
    elif "html" in content_type:
        return ""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= LONGEST_WORDS else line[:LONGEST_WORDS] + "..."


def _message(data: Any) -> str:
    """The message in the usual places of an error; all of it where there is none."""
    for key in ("error", "detail", "message"):
        if isinstance(data, dict) and data.get(key):
            return _message(data[key])
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
