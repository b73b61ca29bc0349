"""A book in FB2 as a document."""

from __future__ import annotations

from functools import partial

from ttsflow.errors import InputError
from ttsflow.text.blocks import has_words
from ttsflow.text.document import Document, Identity, count_chars, digest
from ttsflow.text.fb2.book import details_of, parse_book
from ttsflow.text.fb2.page import CHAPTER_LEVEL, make_page
from ttsflow.text.options import ReadOptions
from ttsflow.text.web import page_blocks


def read_fb2(data: bytes, name: str, options: ReadOptions) -> Document:
    """The document of a book with these bytes. Raises InputError where it is none, or has no words.

    Its chapters begin with the titles of its sections. Notes, where they are wanted, come last.
    """
    root = parse_book(data, name)
    details = details_of(root)
    page = make_page(root, notes=options.markdown.footnotes)
    blocks = partial(page_blocks, page, options.markdown, CHAPTER_LEVEL)
    if not has_words(blocks()):
        raise InputError(f"{name} has no words: it may be a book of pictures.")
    chars = sum(map(count_chars, map(str, page.itertext())))
    return Document(name, Identity(None, digest(data)), chars, blocks, (), details)
