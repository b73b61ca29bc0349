"""HTML as it is read aloud: pages of the web, and the pages of books."""

from ttsflow.text.web.page import Page, parse_page, parse_text
from ttsflow.text.web.reader import read_html
from ttsflow.text.web.reading import chapter_level, page_blocks

__all__ = ["Page", "chapter_level", "page_blocks", "parse_page", "parse_text", "read_html"]
