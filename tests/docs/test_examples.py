"""What the documents and the docstrings show is run, as it stands there."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
import sys
import textwrap
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

import ttsflow
from tests.docs.conftest import ROOT, Desk
from ttsflow.interface import hookspecs

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

# A block that is to be saved as a file: <!-- file: NAME --> in the line before it.
FILE = re.compile(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)

LOOSELY = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def commands(console: str) -> Iterator[tuple[str, str]]:
    """The commands of a `console` block, each with the output that is shown for it."""
    for entry in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        lines = entry.splitlines(keepends=True)
        end = next(number for number, line in enumerate(lines) if not line.endswith("\\\n")) + 1
        yield "".join(lines[:end]).strip(), "".join(lines[end:])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_examples_of_a_document(document: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python blocks in order, as one program; `console` blocks with the output that they show, if any."""

    def run(example: Example) -> None:
        for command, shown in commands(example.parsed):
            done = desk.run(command)
            where = f"{document.name}:{example.line}: {command}\n{done.stdout}"
            assert done.returncode == 0, where
            if shown.strip():
                assert doctest.OutputChecker().check_output(shown, done.stdout, LOOSELY), f"{where}\n{shown}"

    if document.name == "xtts.md":
        desk.install_coqui_tts()
    for name, content in FILE.findall(document.read_text(encoding="utf-8")):
        (desk.folder / name).parent.mkdir(exist_ok=True)
        (desk.folder / name).write_text(content)
    monkeypatch.chdir(desk.folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", desk.environment["XDG_CONFIG_HOME"])
    python, console = PythonCodeBlockParser(doctest_optionflags=LOOSELY), CodeBlockParser("console", run)
    for example in Sybil([python, console]).parse(document):
        example.evaluate()


def test_the_first_command_speaks_the_sample(desk: Desk) -> None:
    block = re.search(r"^<!-- speak -->\n```sh\n(.*?)\n```$", (ROOT / "README.md").read_text(), re.M | re.S)
    assert block is not None
    (desk.folder / ".venv").mkdir()
    (desk.folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    _, _, speak = block[1].rpartition("&& ")
    done = desk.run(speak)
    assert done.returncode == 0, done.stdout
    with wave.open(str(desk.folder / "sample.wav")) as audio:
        assert audio.getnframes() > 150 * audio.getframerate()


def of_docstring(documented: object) -> str:
    """The one example in a docstring that is set off with `::`."""
    _, _, example = (inspect.getdoc(documented) or "").partition("::\n")
    return textwrap.dedent(example).strip() + "\n"


@pytest.mark.parametrize(
    ("documented", "arguments"),
    [
        (ttsflow.Policy, "--policy shortest-first --backend sim"),
        (hookspecs.ttsflow_policies, "--policy widest --backend sim"),
        (hookspecs.ttsflow_backends, "--backend beep"),
        (hookspecs.ttsflow_text_rules, "--backend sim --set 'text.rules=[{use: ampersand}]'"),
        (hookspecs.ttsflow_readers, "--backend sim"),
        (hookspecs.ttsflow_encoders, "--backend sim --format floats"),
        (hookspecs.ttsflow_observers, "--backend sim --set 'observers=[{use: lines}]'"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_plugin_in_a_docstring_works(documented: object, arguments: str, desk: Desk) -> None:
    (desk.folder / "plugin.py").write_text(of_docstring(documented))
    done = desk.run(f"ttsflow run book.txt --plugins-dir . {arguments} --set text.max_chars=80")
    assert done.returncode == 0, done.stdout
    assert (desk.folder / ("book.f32" if "floats" in arguments else "book.wav")).is_file()


def test_the_policy_in_the_readme_is_the_one_in_the_docstring() -> None:
    files = dict(FILE.findall((ROOT / "README.md").read_text()))
    assert files["my_plugins/shortest_first.py"] == of_docstring(ttsflow.Policy).replace("'''", '"""')


MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "ttsflow").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.folder)
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=LOOSELY)
    assert not failed
