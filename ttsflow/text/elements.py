"""XML as a tree of elements, put right as well as can be where it is broken."""

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
    for element in root.iter() if root is not None else ():
        if isinstance(element.tag, str):
            name = element.tag.rpartition("}")[2].rpartition(":")[2].lower()
            with suppress(ValueError):  # broken XML may have names such as "a:1", without any namespace
                element.tag = name
    return root
