"""What reading an input gives: a document, which is a run of blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from ttsflow.text.blocks import Block


@dataclass(frozen=True, slots=True)
class Identity:
    """Recognises the same input again, by 16 hexadecimal digits each.

    `source` stands for the file's resolved path (None for text that came in no file), `content`
    for the text.
    """

    source: str | None
    content: str


@dataclass(frozen=True, slots=True)
class Details:
    """What an input says of itself, as far as it does.

    `language` is a tag such as "en" or "de-AT"; `cover` are the bytes of a picture, JPEG or PNG.
    """

    title: str | None = None
    author: str | None = None
    language: str | None = None
    cover: bytes | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One input: what a person calls it, what it is recognised by, and its blocks.

    `chars` is its length in characters, as `count_chars` counts; markup may be among them, and it is a guess
    where pages are read only when it is their turn. `blocks()` iterates the blocks in reading order, from
    the first one each time. `part` says in words which part of the input it is, None for the whole.
    `speakers` are those whom marks in it name, each with the place of the first such mark: "line 3".
    `notices` are what a person should know of the way in which it was read; whoever speaks it tells them.
    `doubts` are those that say why it may not be heard as it is meant.
    """

    name: str
    identity: Identity
    chars: int
    blocks: Callable[[], Iterator[Block]]
    notices: tuple[str, ...] = ()
    details: Details = field(default_factory=Details)
    part: str | None = None
    speakers: Mapping[str, str] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


def document_of(text: str, name: str, blocks: Callable[[str], Iterator[Block]]) -> Document:
    """The document of a text that `blocks` takes apart, each block when it is asked for."""
    return Document(name, Identity(None, digest(text.encode())), count_chars(text), partial(blocks, text))


def digest(data: bytes) -> str:
    """16 hexadecimal digits that stand for `data`."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def count_chars(text: str) -> int:
    """Characters that are neither space nor line end: fast enough for a whole book."""
    return len(text) - text.count(" ") - text.count("\n")
