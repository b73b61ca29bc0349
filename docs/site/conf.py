"""The documentation as a site: `sphinx-build -EaW -c docs/site . build/site`.

The pages are the Markdown files as they are. The lists under "Documentation" in README.md are the navigation.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from ttsflow import __version__

project, release = "ttsflow", __version__

extensions = ["myst_parser"]
include_patterns = ["*.md", "docs/*.md"]
exclude_patterns = [".*", "build", "dist", "plugins", "tests", "ttsflow"]  # else they are searched for pages
root_doc = "README"
myst_heading_anchors = 4  # a link to a heading is checked, as GitHub writes it
suppress_warnings = ["toc.not_included"]  # `find_strays` says it, and what to do

smartquotes = False  # two hyphens stay two hyphens

html_theme = "furo"
html_title = "ttsflow"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_additional_pages = {"index": "index.html"}
templates_path = ["."]
html_copy_source = False
html_show_copyright = False

# A part of the navigation: a heading, and the list of pages below it, each with its name.
PART = re.compile(r"^### (.+)\n\n((?:- .*\n(?:  .*\n)*)+)", re.MULTILINE)
LINK = re.compile(r"^- \[([^]]+)\]\((\S+)\.md\)", re.MULTILINE)


def navigate(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the navigation behind each list of pages in the README."""

    def part(match: re.Match[str]) -> str:
        pages = "\n".join(f"{name} <{page}>" for name, page in LINK.findall(match[2]))
        return f"{match[0]}\n```{{toctree}}\n:hidden:\n:caption: {match[1]}\n\n{pages}\n```\n"

    if page == app.config.root_doc:
        source[0] = PART.sub(part, source[0])


def find_strays(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of each page to which no list in the README leads."""
    listed = {page for pages in env.toctree_includes.values() for page in pages}
    for page in sorted(env.found_docs - listed - {env.config.root_doc}):
        logging.getLogger(__name__).warning(
            "this page is in no part of the navigation: add it to a list under 'Documentation' in README.md",
            location=page,
        )


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("source-read", navigate)
    app.connect("env-check-consistency", find_strays)
