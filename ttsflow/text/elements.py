"""Trees of elements: XML, put right as well as can be where it is broken, and the words in it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


def parse_xml(data: bytes) -> Element | None:
    """The elements of XML with these bytes; None where it has none.

    Their tags have no namespaces and are in lower case. Nothing is fetched, and no entity is looked up.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, recover=True, huge_tree=True,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root: Element | None = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        return None
    return None if root is None else without_namespaces(root)


def without_namespaces(root: Element) -> Element:
    """The same elements, whose tags have no namespaces and are in lower case."""
    for element in root.iter():
        if isinstance(element.tag, str):
            name = element.tag.rpartition("}")[2].rpartition(":")[2].lower()
            with suppress(ValueError):  # broken XML may have names such as "a:1", without any namespace
                element.tag = name
    return root


def words_in(element: Element) -> str:
    """All text in an element, with single spaces."""
    return " ".join("".join(element.itertext()).split())
