"""A page of HTML as a document."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ttsflow.errors import InputError
from ttsflow.text.blocks import has_words
from ttsflow.text.document import Details, Document, Identity, count_chars, digest
from ttsflow.text.options import ReadOptions
from ttsflow.text.web.page import page_text, parse_text
from ttsflow.text.web.reading import chapter_level, page_blocks

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


def read_html(data: bytes, name: str, options: ReadOptions) -> Document:
    """The document of a page with these bytes. Raises InputError where it has nothing to speak."""
    text = page_text(data)
    page = parse_text(text)
    root = _content(page.root)
    blocks = partial(page_blocks, root, options.markdown, chapter_level(root))
    if not has_words(blocks()):
        raise InputError(f"{name} has no words: there is nothing to speak. Give a page with text.")
    details = Details(page.title, page.author, page.language)
    return Document(name, Identity(None, digest(data)), count_chars(text), blocks, (), details)


def _content(root: Element) -> Element:
    """The article of a page, or its main part: not what stands on every page of a site."""
    for name in ("article", "main"):
        found = list(root.iter(name))
        if len(found) == 1 and any(map(str.isalnum, "".join(found[0].itertext()))):
            return found[0]
    return root
