"""The options of the backend `openai`."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, JsonValue, NonNegativeFloat, NonNegativeInt, PositiveInt, field_validator

from ttsflow import PluginOptions

Seconds = Annotated[float, Field(gt=0, le=3_600)]

OWN_FIELDS = {"model", "input", "voice", "response_format", "speed", "stream_format"}
"""fields of a request that have options of their own, or must be as they are"""


class OpenAIOptions(PluginOptions):
    """The servers, what is asked of them, and how long they may take."""

    url: str | Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="where the server is, up to /v1, such as http://127.0.0.1:8880/v1; or a list of servers "
        "that speak alike: each is a device",
    )
    key_env: str | None = Field(
        None, description="name of the environment variable that holds the API key; unset: no key is sent"
    )
    model: str = Field("tts-1", min_length=1, description="model, by its name at the server")
    voice: str | None = Field(
        None, min_length=1, description="voice of texts that name none; unset: the server's default"
    )
    voices: tuple[str, ...] = Field((), description="the voices that may be named; empty: any")
    languages: tuple[str, ...] | None = Field(None, description="language codes; unset: any")
    language_field: str | None = Field(
        None,
        min_length=1,
        description="field of a request that carries the language of the text: `language` for ttsflow; "
        "unset: the language is not sent",
    )
    format: Literal["pcm", "wav"] = Field(
        "pcm", description="pcm: 16 bits at `rate` without a header; wav: the answer says the rate itself"
    )
    rate: int = Field(24_000, ge=8_000, le=192_000, description="Hz of the server's audio")
    slots: int = Field(4, ge=1, le=256, description="requests at a time, at each server")
    max_chars: PositiveInt = Field(400, description="longest chunk, in characters")
    min_chars: NonNegativeInt = Field(40, description="a piece of fewer characters joins a neighbour")
    deterministic: bool = Field(
        False, description="the servers give the same bytes for the same request, whenever and wherever"
    )
    connect_s: Seconds = Field(10.0, description="seconds in which a server must take a connection")
    read_s: Seconds = Field(60.0, description="longest silence in an answer, and before it, in seconds")
    retry_s: NonNegativeFloat = Field(
        30.0,
        le=3_600,
        description="seconds for which a server is asked again that cannot be reached or is busy; then it is "
        "given up",
    )
    extra: dict[str, JsonValue] = Field(
        default_factory=dict, description="more fields of each request, such as {instructions: Whisper.}"
    )

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of all servers."""
        return (self.url,) if isinstance(self.url, str) else self.url

    @field_validator("url")
    @classmethod
    def _are_addresses(cls, url: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(url, str):
            return _address(url)
        urls = tuple(map(_address, url))
        if twice := next((each for each in urls if urls.count(each) > 1), None):
            raise ValueError(f"has {twice} twice; for more requests at a time raise `slots`")
        return urls

    @field_validator("key_env")
    @classmethod
    def _is_a_name(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(
                "is not the name of an environment variable; export the key in a variable, and give its name"
            )
        return name

    @field_validator("language_field")
    @classmethod
    def _is_further(cls, name: str | None) -> str | None:
        if name in OWN_FIELDS:
            raise ValueError(f"is {name}, which ttsflow sets itself")
        return name

    @field_validator("extra")
    @classmethod
    def _are_further(cls, extra: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if own := OWN_FIELDS & extra.keys():
            raise ValueError(f"has {', '.join(sorted(own))}, which ttsflow sets itself")
        return extra


def _address(url: str) -> str:
    """The address without a slash at its end. Raises ValueError, in words that show no password."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        _ = parts.port  # which raises
    except ValueError:
        raise ValueError("is not an address; it is like http://127.0.0.1:8880/v1") from None
    if "@" in parts.netloc:
        raise ValueError("has a password in the address; leave it out, and give `key_env` for a key")
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", url):
        raise ValueError(f"is {url!r}, which is not an address; it is like http://127.0.0.1:8880/v1")
    if parts.query or parts.fragment:
        raise ValueError(f"is {url!r}; leave out what follows the path, from ? or # on")
    return url.rstrip("/").removesuffix("/audio/speech")
