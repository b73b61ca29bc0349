"""Books in FB2 that are made for tests."""

from __future__ import annotations

import base64

DESCRIPTION = (
    "<description><title-info><author><first-name>Ann</first-name><last-name>Author</last-name></author>"
    "<author><nickname>Nick</nickname></author><book-title>The  Street</book-title>"
    '<coverpage><image l:href="#cover.jpg"/></coverpage><lang>en</lang></title-info></description>'
)


def fb2(body: str, more: str = "", cover: bytes = b"", encoding: str = "utf-8") -> bytes:
    """A book with this body, and `more` elements behind it."""
    picture = base64.b64encode(cover).decode()
    return (
        f'<?xml version="1.0" encoding="{encoding}"?>'
        '<FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0" '
        f'xmlns:l="http://www.w3.org/1999/xlink">{DESCRIPTION}<body>{body}</body>{more}'
        f'<binary id="cover.jpg" content-type="image/jpeg">{picture}</binary></FictionBook>'
    ).encode(encoding)
