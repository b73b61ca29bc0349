"""The site that is made of the documents: all of it is there, and what is wrong in a page is an error."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import lxml.html

from tests.docs.conftest import ROOT

HOME = "README.md"
PAGES = ["CHANGELOG.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


def build(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """What the README's command does, with other folders."""
    return subprocess.run(
        [sys.executable, "-m", "sphinx", "-EaW", "-c", ROOT / "docs" / "site", source, site],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def parsed(site: Path, page: str) -> lxml.html.HtmlElement:
    return lxml.html.fromstring((site / page).with_suffix(".html").read_bytes())


def test_the_site_has_every_page_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    built = build(ROOT, tmp_path)
    assert built.returncode == 0, built.stderr
    assert not built.stderr

    home = parsed(tmp_path, HOME)
    navigation = '//div[contains(@class, "sidebar-tree")]'
    captions = home.xpath(f'{navigation}//p[contains(@class, "caption")]')
    assert [caption.text_content() for caption in captions] == [
        "Tutorial", "How-to", "Reference", "Explanation", "The project",
    ]  # fmt: skip
    listed = sorted(home.xpath(f"{navigation}//a/@href"))
    assert listed == sorted(page.replace(".md", ".html") for page in PAGES)

    index = (tmp_path / "searchindex.js").read_text()
    for page in (HOME, *PAGES):
        tree = parsed(tmp_path, page)
        heading = re.search(r"^# (.+)$", (ROOT / page).read_text(), re.MULTILINE)
        assert heading is not None
        assert tree.findtext(".//h1") == heading[1]
        assert f'"{page.removesuffix(".md")}"' in index
        loaded = {*tree.xpath("//script/@src"), *tree.xpath("//link/@href"), *tree.xpath("//img/@src")}
        assert not [address for address in loaded if urlsplit(address).netloc], "something is fetched"
        for _, _, address, _ in tree.iterlinks():
            parts = urlsplit(address)
            if not parts.scheme and not parts.netloc and parts.path:
                assert (tmp_path / page).parent.joinpath(unquote(parts.path)).exists(), f"{page}: {address}"

    assert f"url={HOME.replace('.md', '.html')}" in (tmp_path / "index.html").read_text()


def test_what_is_wrong_in_a_page_is_an_error(tmp_path: Path) -> None:
    wrong = {
        "page": ("[c](c.md)", "'c.md'"),
        "heading": ("[up](#above)", "'above'"),
        "elsewhere": ("[home](../README.md#nowhere)", "'nowhere'"),
        "language": ("```nonsense\n```", "'nonsense'"),
        "stray": ("", "this page is in no part of the navigation: add it to a list"),
    }
    (tmp_path / "docs").mkdir()
    for name, (content, _) in wrong.items():
        (tmp_path / "docs" / f"{name}.md").write_text(f"# {name}\n\n{content}\n")
    listed = "".join(f"- [{name}](docs/{name}.md)\n" for name in wrong if name != "stray")
    (tmp_path / HOME).write_text(f"# A\n\n## Documentation\n\n### Tutorial\n\n{listed}")

    built = build(tmp_path, tmp_path / "build")
    assert built.returncode == 1
    for name, (_, said) in wrong.items():
        assert re.search(rf"docs/{name}\.md:.*WARNING: .*{said}", built.stderr), built.stderr
    assert built.stderr.count("WARNING") == len(wrong)
