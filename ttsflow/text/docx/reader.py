"""A DOCX document as it is read aloud: mammoth makes a page of HTML of it, which is read as any other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ttsflow.errors import InputError
from ttsflow.text.archive import Archive
from ttsflow.text.blocks import has_words
from ttsflow.text.document import Document, Identity, count_chars, digest
from ttsflow.text.docx.files import details_of, only_text, open_docx
from ttsflow.text.options import ReadOptions
from ttsflow.text.web import chapter_level, page_blocks, parse_text

if TYPE_CHECKING:
    from mammoth.documents import Element

# The title of a document stands above all of its chapters, and begins none. The lines of a table of contents,
# which Word and LibreOffice write into the text, are not read.
_STYLES = """
p[style-name='Title'] => h6:fresh
p[style-name='Subtitle'] => h6:fresh
p[style-name='TOC Heading'] => !
p[style-name='Contents Heading'] => !
p[style-name^='toc '] => !
p[style-name^='Contents '] => !
"""


def read_docx(data: bytes, name: str, options: ReadOptions) -> Document:
    """The document with these bytes. Raises InputError where it cannot be read, or has nothing to speak.

    Its chapters begin with headings, as those of a page do. Notes, where they are wanted, come last.
    """
    archive = open_docx(data, name)
    html = _html(archive, notes=options.markdown.footnotes)
    root = parse_text(html).root
    blocks = partial(page_blocks, root, options.markdown, chapter_level(root))
    if not has_words(blocks()):
        raise InputError(f"{name} has no words: there is nothing to speak. Give a document with text.")
    return Document(name, Identity(None, digest(data)), count_chars(html), blocks, (), details_of(archive))


def _html(archive: Archive, *, notes: bool) -> str:
    import mammoth

    try:
        made: Any = mammoth.convert_to_html(
            only_text(archive),
            transform_document=None if notes else _without_notes,
            style_map=_STYLES,
            include_embedded_style_map=False,
            convert_image=mammoth.images.img_element(lambda _: {}),
        )
    except InputError:
        raise
    except Exception as error:  # mammoth has no error of its own for documents that are damaged
        raise InputError(
            f"{archive.name} is no whole DOCX: {str(error) or type(error).__name__}. Download or copy it "
            f"again, or give another file."
        ) from None
    return str(made.value)


def _without_notes(document: Element) -> Element:
    """The same document without the marks of notes: a note that no mark names is not read."""
    from mammoth.documents import NoteReference, text
    from mammoth.transforms import element_of_type

    return element_of_type(NoteReference, lambda _: text(""))(document)
