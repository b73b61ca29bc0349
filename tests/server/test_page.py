"""The page: what a browser gets, and what a person sees and hears."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from urllib.parse import urljoin

import av
import numpy as np
import pytest

from tests.cli.program import NEVER_LATE, ONE_WORKER, Program, sim
from tests.server.browser import CHROMIUM, Tab, browsing
from tests.server.conftest import Serve
from tests.server.world import Server, decoded, length_s
from tests.text.made_books import epub
from ttsflow.text.readers import SUFFIXES

NAMES = sorted(file.name for file in files("ttsflow.server.page").iterdir() if not file.name.startswith("__"))
LABELLED = {"input", "select", "textarea", "progress", "audio"}
TEXT = "The tea was cold. Nobody had touched it, and the rain was at the windows."
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: the page is not driven")


class Page(HTMLParser):
    """The elements of a page, and what its links and files are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self.feed(text)
        self.close()
        self.ids = [said["id"] for _, said in self.elements if "id" in said]
        self.links = [said[key] for _, said in self.elements for key in ("href", "src") if said.get(key)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] in ("script", "style") and data.strip():
            self.inline.append(data)


@pytest.fixture(scope="module")
def server(serve_module: Serve) -> Server:
    return serve_module("--backend", "espeak", *ONE_WORKER, "--set", "server.max_late_s=1e6")


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    """A browser that may load from one server only, and of whose pages no script may fail."""
    with browsing(tmp_path) as tab:
        yield tab
        tab.run("1")  # what was said before has come
        assert tab.mistakes() == []
        assert len(tab.origins()) == 1


def open_page(tab: Tab, server: Server) -> None:
    tab.open(f"{server.url}/")
    tab.until("document.querySelector('#workers .slots li') !== null")


def heard(tab: Tab) -> np.ndarray:
    """The samples that the page has played; silence between them only where it says so."""
    blocks = tab.run("heard")
    gaps = [
        later["at"] - before["at"] - len(before["samples"]) for before, later in itertools.pairwise(blocks)
    ]
    assert min(gaps, default=0) >= 0
    waited = re.search(r"Had to wait for more, (\d+) time", tab.text("#times"))
    assert sum(gap > 0 for gap in gaps) == (int(waited[1]) if waited else 0)
    assert {block["rate"] for block in blocks} == {24_000}
    return np.concatenate([np.array(block["samples"], np.float32) for block in blocks])


def said_by(server: Server, text: str, **said: object) -> np.ndarray:
    """The samples that it should be."""
    return decoded(server.speak(text, response_format="pcm", **said).content, "pcm")[0]


# ---------------------------------------------------------------- without a browser


def test_it_needs_nothing_from_elsewhere(server: Server) -> None:
    response = server.get("/")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(response.text)
    assert page.inline == []
    for _, said in page.elements:
        assert not [name for name in said if name == "style" or name.startswith("on")]
    known = {urljoin(server.url, link) for link in page.links if link}
    imports = re.findall(r'from "\./(.+?)"', "".join(server.get(f"/page/{name}").text for name in NAMES))
    known |= {f"{server.url}/page/{name}" for name in imports}
    assert known == {f"{server.url}/page/{name}" for name in NAMES if name != "index.html"} | {
        f"{server.url}/docs"
    }
    assert all(
        link and "//" not in link and not link.startswith("/") for link in page.links
    )  # behind a proxy, too


@pytest.mark.parametrize("name", NAMES)
def test_what_a_browser_may_do_with_it(server: Server, name: str) -> None:
    response = server.get("/" if name == "index.html" else f"/page/{name}")
    assert response.status_code == 200
    policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert response.headers["x-content-type-options"] == "nosniff"
    foreign = re.findall(r"(?:https?:)?//\w[^\s\"']*", re.sub(r"(?m)(?:^|\s)// .*$", "", response.text))
    assert [url for url in foreign if url != "http://www.w3.org/2000/svg"] == []


def test_all_that_can_be_used_has_a_name(server: Server) -> None:
    page = Page(server.get("/").text)
    assert len(page.ids) == len(set(page.ids))
    labels = {said.get("for") for tag, said in page.elements if tag == "label"}
    assert labels <= set(page.ids)
    for tag, said in page.elements:
        for key in ("aria-labelledby", "aria-describedby"):
            assert set((said.get(key) or "").split()) <= set(page.ids)
        if tag in LABELLED and said.get("type") != "file":
            assert said["id"] in labels or {"aria-label", "aria-labelledby"} & set(said)


def test_its_scripts_name_elements_that_are_there(server: Server) -> None:
    used = set()
    for name in NAMES:
        if name.endswith(".js"):
            used |= set(re.findall(r'(?:\$|element)\("([\w-]+)"\)', server.get(f"/page/{name}").text))
    assert used <= set(Page(server.get("/").text).ids)
    assert len(used) > 20


@pytest.mark.skipif(not shutil.which("node"), reason="no Node.js is installed: the scripts are not parsed")
@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".js")])
def test_its_scripts_are_ones(server: Server, name: str) -> None:
    script = server.get(f"/page/{name}").content
    subprocess.run(["node", "--check", "--input-type=module"], input=script, check=True)


# ---------------------------------------------------------------- in a browser


@in_a_browser
def test_what_is_typed_is_heard(server: Server, tab: Tab) -> None:
    open_page(tab, server)
    tab.click("#text")
    tab.type(TEXT)
    assert tab.text("#count") == f"{len(TEXT)} of 20,000 characters"
    tab.click("#speak")
    tab.until("document.querySelector('#said').textContent === 'That was all.'")
    expected = said_by(server, TEXT)
    assert np.array_equal(heard(tab), expected)
    assert re.match(r"0:0(\d) heard of 0:0\1 made\. First sound after \d+\.\d\d s\.", tab.text("#times"))
    assert tab.until("document.querySelector('#again').duration") == pytest.approx(
        len(expected) / 24_000, abs=0.01
    )


@in_a_browser
def test_language_voice_and_speed(server: Server, tab: Tab) -> None:
    open_page(tab, server)
    tab.click("#text")
    tab.type("Der Tee ist kalt.")
    tab.choose("#language", "de")
    assert tab.on("#language", "e.selectedOptions[0].text") == "German · de"
    tab.until("[...document.querySelector('#voice').options].every(option => option.value !== 'fr')")
    tab.choose("#voice", "f3")
    tab.run("document.querySelector('#speed').focus()")
    for _ in range(10):
        tab.press("ArrowRight", 39)
    assert tab.text("#speed-shown") == "1.50 times"
    tab.click("#speak")
    tab.until("document.querySelector('#said').textContent === 'That was all.'")
    assert np.array_equal(
        heard(tab), said_by(server, "Der Tee ist kalt.", language="de", voice="f3", speed=1.5)
    )


@in_a_browser
def test_it_stops_at_once_and_so_does_the_server(serve: Serve, tab: Tab) -> None:
    server = serve(*sim(rtf=0.5, slots=1, faults="[{text: stuck, kind: slow}]"), *ONE_WORKER)
    open_page(tab, server)
    tab.click("#text")
    tab.type("Well, this is what is said.\n\n" + "It is stuck, and so is all the rest of it. " * 5)
    tab.click("#speak")
    tab.until("heard.length > 0")
    tab.until("document.querySelector('#requests').innerText.startsWith('Yours: being spoken, ')")
    tab.until("document.querySelector('#workers').innerText.includes('busy for ')")
    tab.click("#stop")
    assert tab.text("#said") == "Stopped."
    tab.until("sounds.state === 'closed'")
    server.program.until(lambda: server.figure("ttsflow_requests_total left") == 1)
    server.program.until(lambda: server.figure("ttsflow_slots used") == 0)
    tab.until("document.querySelector('#requests').innerText === 'Nobody has asked for anything.'")
    assert tab.run("document.activeElement.id") == "speak"
    assert tab.run("document.querySelector('#stop').disabled && document.querySelector('#again').hidden")


@in_a_browser
def test_a_pause_is_one(server: Server, tab: Tab) -> None:
    open_page(tab, server)
    tab.click("#text")
    tab.type(TEXT * 20)
    tab.click("#speak")
    tab.until("document.querySelector('#heard').value > 0.2")
    tab.click("#pause")
    tab.until("document.querySelector('#pause').textContent === 'Go on'")
    assert (tab.text("#said"), tab.run("sounds.state")) == ("Paused.", "suspended")
    tab.click("#pause")
    tab.until("document.querySelector('#pause').textContent === 'Pause'")
    assert (tab.text("#said"), tab.run("sounds.state")) == ("Speaking …", "running")
    tab.click("#stop")
    tab.until("sounds.state === 'closed'")


@in_a_browser
def test_a_text_that_is_dropped_becomes_files(server: Server, tab: Tab, tmp_path: Path) -> None:
    book = tmp_path / "The Tea.txt"
    book.write_text("\N{BYTE ORDER MARK}Der Tee: kühl.\n", "utf-8")
    open_page(tab, server)
    tab.drop("#text", book)
    tab.until("document.querySelector('#said').textContent === 'The Tea.txt is opened.'")
    text = tab.run("document.querySelector('#text').value")
    assert text == "Der Tee: kühl.\n"
    for format in ("mp3", "wav"):
        tab.choose("#format", format)
        tab.click("#save")
        tab.until(f"document.querySelector('#saved').textContent === 'The Tea.{format} is made.'")
        path = tmp_path / f"The Tea.{format}"
        while not path.exists():
            tab.run("1")
        expected = server.speak(text, response_format=format).content
        assert length_s(path.read_bytes(), format) == pytest.approx(length_s(expected, format), abs=0.01)
    assert np.array_equal(decoded((tmp_path / "The Tea.wav").read_bytes(), "wav")[0], said_by(server, text))


@in_a_browser
def test_what_cannot_be_opened(server: Server, tab: Tab, tmp_path: Path) -> None:
    open_page(tab, server)
    for name, content, why in (
        (
            "cover.png",
            b"\x89PNG\r\n\x1a\n\x00\xff",
            "is no plain text in UTF-8, and this server takes no books.",
        ),
        ("zeros.txt", b"a\x00b", "is no plain text in UTF-8, and this server takes no books."),
        ("long.txt", b"a" * 80_001, "is too long: the server takes 20,000 characters at a time"),
    ):
        (tmp_path / name).write_bytes(content)
        tab.drop("#text", tmp_path / name)
        tab.until(f"document.querySelector('#wrong').innerText.startsWith({json.dumps(f'{name} {why}')})")
    assert tab.run("document.querySelector('#text').value") == ""


@in_a_browser
def test_what_cannot_be_spoken_is_told(serve: Serve, tab: Tab) -> None:
    server = serve(
        *sim(rtf=0.001, faults="[{text: broken, kind: refuse}]"), "--set", "server.max_input_chars=40"
    )
    open_page(tab, server)
    tab.until("document.querySelector('#language').parentElement.hidden")  # the engine speaks any
    tab.click("#speak")
    assert tab.text("#wrong") == "There is no text yet. Type one, or open a text file."
    assert tab.run("document.activeElement.id") == "text"
    for text, why in (
        (
            "a" * 39 + "\N{GRINNING FACE}!",
            "The text is too long by 1 character. The server takes 40 at a time.",
        ),
        ("This is broken.", "broken"),
    ):
        tab.run("document.querySelector('#text').value = ''")
        tab.click("#text")
        tab.type(text)
        tab.click("#speak")
        tab.until(f"document.querySelector('#wrong').innerText.includes({json.dumps(why)})")
        assert tab.text("#said") == ""
    assert tab.run("heard.length") == 0
    tab.run("document.querySelector('#text').value = ''")
    tab.click("#text")
    tab.type("Well, well.\n\nThis is broken.")
    tab.click("#speak")
    broke = "'The speech broke off before its end. Try again.'"
    tab.until(
        f"document.querySelector('#wrong').innerText === {broke} && document.querySelector('#stop').disabled"
    )
    assert tab.run("document.querySelector('#again').hidden")
    server.end()
    tab.until(
        "document.querySelector('#now').innerText === 'The server does not answer. Is it still running?'"
    )
    tab.click("#speak")
    tab.until(
        "document.querySelector('#wrong').innerText === 'The server does not answer. Is it still running?'"
    )


@in_a_browser
def test_a_key_is_asked_for_and_is_not_kept(serve: Serve, program: Program, tab: Tab) -> None:
    keys = program.write("keys.txt", "sk-first\n")
    server = serve(*sim(rtf=0.001, voices="[low, high]"), "--set", f"server.api_keys_file={keys}")
    tab.open(f"{server.url}/")
    tab.until("!document.querySelector('#key-part').hidden && document.activeElement.id === 'key'")
    assert tab.text("#now") == "This server asks for an API key."
    for key, then in (
        ("kläy", "document.querySelector('#wrong').innerText.startsWith('A key has no spaces')"),
        ("sk-wrong", "document.querySelector('#wrong').innerText === 'The server does not know this key.'"),
        ("sk-first", "document.querySelector('#voice').length === 3"),
    ):
        tab.until("document.activeElement.id === 'key'")
        tab.run("document.querySelector('#key').value = ''")
        tab.type(key)
        tab.press("Enter", 13, "\r")
        tab.until(then)
    assert tab.run("document.querySelector('#key-part').hidden")
    assert tab.run("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 1]
    tab.click("#text")
    tab.type("Well.")
    tab.click("#speak")
    tab.until("document.querySelector('#said').textContent === 'That was all.'")


@in_a_browser
def test_by_keyboard_on_a_phone_and_for_a_screen_reader(server: Server, tab: Tab) -> None:
    open_page(tab, server)
    tab.until("document.querySelector('#voice').length > 1")
    reached = []
    for _ in range(8):
        tab.press("Tab", 9)
        reached.append(tab.run("document.activeElement.id"))
        assert tab.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached == ["text", "open", "language", "voice", "speed", "speak", "format", "save"]
    used = [
        node
        for node in tab.nodes()
        if node["role"] in ("button", "textbox", "combobox", "slider", "list", "link")
    ]
    assert len(used) > 10
    assert [node for node in used if not node["name"]] == []
    assert {"Text", "Language", "Voice", "Speak", "Stop", "Requests", "Places of w0"} <= {
        node["name"] for node in used
    }
    for width in (320, 390, 1280):
        for dark in (False, True):
            tab.show(width, dark=dark)
            assert tab.run("document.documentElement.scrollWidth") <= width
            assert tab.run("getComputedStyle(document.body).backgroundColor") == (
                "rgb(20, 24, 28)" if dark else "rgb(255, 255, 255)"
            )


def book(folder: Path, name: str, *paragraphs: str) -> Path:
    """An EPUB of two chapters."""
    chapters = [f"<h1>Chapter {number}</h1><p>{text}</p>" for number, text in enumerate(paragraphs, 1)]
    path = folder / name
    path.write_bytes(epub({f"c{number}.xhtml": page for number, page in enumerate(chapters, 1)}))
    return path


def open_shelf(tab: Tab, server: Server) -> None:
    open_page(tab, server)
    tab.until("!document.querySelector('#books').hidden")


@in_a_browser
def test_a_book_is_sent_and_fetched(serve: Serve, tab: Tab, tmp_path: Path) -> None:
    server = serve("--backend", "espeak", *ONE_WORKER, "--set", "server.jobs_dir=jobs")
    open_shelf(tab, server)
    assert tab.text("#no-books").startswith("None yet.")
    tab.drop("#text", book(tmp_path, "The Tea.epub", "The tea was cold.", "It rained."))
    tab.until("!document.querySelector('#book').hidden && document.activeElement.id === 'send'")
    assert tab.text("#book-title").startswith("Have The Tea.epub spoken in the background?")
    tab.choose("#voice", "f3")
    tab.click("#send")
    tab.until("document.querySelector('#sent').innerText.startsWith('The Tea.epub is sent.')")
    assert tab.run("document.querySelector('#book').hidden && document.activeElement.id === 'books-title'")
    tab.until("document.querySelector('#shelf li p')?.innerText.startsWith('Done: 0:0')")
    tab.click("#shelf button[aria-label='Download The Tea']")
    made = tmp_path / "The Tea.m4b"
    while not made.exists():
        tab.run("1")
    with av.open(str(made)) as audio:
        titles = [chapter["metadata"]["title"] for chapter in audio.chapters()]
    assert titles == ["Chapter 1", "Chapter 2"]
    [job] = server.get("/v1/jobs").json()["data"]
    assert (job["name"], job["response_format"]) == ("The Tea", "m4b")
    assert made.read_bytes() == server.get(f"/v1/jobs/{job['id']}/audio").content
    open_shelf(tab, server)  # somebody comes back
    tab.until("document.querySelector('#shelf li p')?.innerText.startsWith('Done: 0:0')")
    tab.click("#shelf button[aria-label='Remove The Tea']")
    tab.click("#shelf button[aria-label='Really remove? The Tea']")  # a double click is no answer
    tab.run("new Promise(resolve => setTimeout(resolve, 600))")
    assert server.get("/v1/jobs").json()["data"] != []
    tab.click("#shelf button[aria-label='Really remove? The Tea']")
    tab.until("document.querySelector('#sent').innerText === 'The Tea is removed.'")
    assert tab.run("document.activeElement.id") == "books-title"
    assert tab.run("document.querySelectorAll('#shelf li').length") == 0
    assert server.get("/v1/jobs").json()["data"] == []


@in_a_browser
def test_it_shows_how_far_a_book_is(serve: Serve, tab: Tab, tmp_path: Path) -> None:
    faults = "[{text: stuck, kind: hang}]"
    server = serve(*sim(rtf=0, faults=faults), *ONE_WORKER, *NEVER_LATE, "--set", "server.jobs_dir=jobs")
    open_shelf(tab, server)
    tab.drop("#text", book(tmp_path, "One.epub", "It goes on.", "It is stuck."))
    tab.until("!document.querySelector('#book').hidden")
    tab.click("#send")
    tab.until("document.querySelector('#shelf li p')?.innerText.startsWith('3 of 4 chunks are spoken, 0:0')")
    assert tab.on("#shelf progress", "e.value / e.max") == 0.75
    assert tab.run("document.querySelector('#shelf button').disabled")
    names = {node["name"] for node in tab.nodes() if node["role"] in ("button", "progressbar")}
    assert {"Download One", "Remove One", "One: spoken so far"} <= names


@in_a_browser
def test_what_is_no_book_is_told(serve: Serve, tab: Tab, tmp_path: Path) -> None:
    limit = ("--set", "server.max_upload_bytes=1000", "--set", "server.max_input_chars=40")
    server = serve(*sim(rtf=0.001), "--set", "server.jobs_dir=jobs", *limit)
    open_shelf(tab, server)
    for name, content, why in (
        ("cover.png", b"\x89PNG\r\n\x1a\n\x00\xff", "cover.png is a picture"),
        ("broken.epub", b"PK", "broken.epub is no whole EPUB"),
        ("zeros.txt", b"a\x00b" * 20, "zeros.txt looks like binary data"),
    ):
        (tmp_path / name).write_bytes(content)
        tab.drop("#text", tmp_path / name)
        tab.until(f"document.querySelector('#book-name').innerText === {json.dumps(name)}")
        tab.click("#send")
        tab.until(f"document.querySelector('#wrong').innerText.includes({json.dumps(why)})")
        assert tab.text("#sent") == ""
        assert tab.run("!document.querySelector('#book').hidden && document.activeElement.id === 'send'")
    (tmp_path / "large.epub").write_bytes(b"PK" * 501)
    tab.drop("#text", tmp_path / "large.epub")
    tab.until("document.querySelector('#wrong').innerText.includes('takes files of 1,000 bytes')")
    (tmp_path / "long.txt").write_text("It is long. " * 8)
    tab.drop("#text", tmp_path / "long.txt")
    tab.until("document.querySelector('#book-name').innerText === 'long.txt'")
    tab.click("#withdraw")
    assert tab.run("document.querySelector('#book').hidden && document.activeElement.id === 'open'")
    assert server.get("/v1/jobs").json()["data"] == []


@in_a_browser
def test_what_a_person_should_know_of_a_book_is_told(serve: Serve, tab: Tab, tmp_path: Path) -> None:
    faults = "[{text: broken, kind: refuse}]"
    server = serve(*sim(rtf=0.001, faults=faults), *ONE_WORKER, "--set", "server.jobs_dir=jobs")
    open_shelf(tab, server)
    one, two = (
        book(tmp_path, "One.epub", "It is whole.", "It is broken."),
        book(tmp_path, "Two.epub", "Well."),
    )
    tab.drop("#text", one, two)
    tab.until("document.querySelector('#wrong').innerText === 'One file at a time: Two.epub was not opened.'")
    tab.click("#send")
    tab.until("document.querySelector('#shelf li p')?.innerText.startsWith('It failed: ')")
    assert tab.text("#shelf li li").startswith("Missing: “It is broken.” (")
    tab.drop("#text", two)
    tab.until("document.querySelector('#book-name').innerText === 'Two.epub'")
    tab.click("#send")
    tab.until("document.querySelectorAll('#shelf > li').length === 2")
    assert tab.text("#shelf > li strong") == "Two", "the newest comes first"


def test_what_it_lets_people_open_is_what_can_be_read(server: Server) -> None:
    [accepted] = [said["accept"] for _, said in Page(server.get("/").text).elements if "accept" in said]
    assert accepted is not None
    assert {*SUFFIXES, "text/*"} == set(accepted.split(","))
