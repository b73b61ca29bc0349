"""Messages of the library in the words of the command line."""

import click
import pytest

from tests.cli.program import Program
from ttsflow.cli import main
from ttsflow.cli.flags import in_flags


@pytest.mark.parametrize(
    ("said", "command", "shown"),
    [
        ("try `text.encoding: cp1252`.", "run", "try --encoding cp1252."),
        ("try `text.encoding: cp1252`.", "plan", "try --set text.encoding=cp1252."),
        ("its encoding (`text.encoding`)", "run", "its encoding (--encoding)"),
        ("its encoding (`text.encoding`)", "plan", "its encoding (`text.encoding`)"),
        ("add `text.markdown.code: true`", "run", "add --set text.markdown.code=true"),
        ("one of `chunks`, `at` and `find`", "redo", "one of --chunk, --at and --find"),
        ("`chunks` of the text", "run", "`chunks` of the text"),
        ("looks like Markdown (`code`, tables)", "run", "looks like Markdown (`code`, tables)"),
    ],
)
def test_settings_are_said_as_the_flags_of_the_command(said: str, command: str, shown: str) -> None:
    assert in_flags(said, main.get_command(click.Context(main), command)) == shown


def test_a_command_without_a_flag_names_the_key(program: Program) -> None:
    (program.folder / "old.txt").write_bytes("Das Gedächtnis".encode("latin-1"))
    ended = program("plan", "old.txt", "--backend", "sim", code=2)
    assert "With --set text.encoding=cp1252 the place reads" in ended.err
    assert "to leave such bytes out: --set text.encoding_errors=replace." in ended.err


@pytest.mark.parametrize("backend", [[], ["--backend", "hibari"], ["--backend", "espeak"]])
def test_the_english_name_of_a_language(program: Program, backend: list[str]) -> None:
    refused = program(
        "run", "--text", "Hello there.", "-o", "a.wav", "--language", "english", *backend, code=2
    )
    assert "unknown language 'english'; did you mean 'en'?" in refused.err


def test_utf16_without_a_mark_through_a_pipe(program: Program) -> None:
    wide = "Hello there.".encode("utf-16-le")
    ended = program("run", "-", "-o", "-", "--backend", "sim", stdin=wide, code=2)
    assert "It looks like UTF-16 without a byte order mark; try --encoding utf-16-le." in ended.err


def test_a_codec_that_is_for_no_text(program: Program) -> None:
    ended = program("run", "--text", "Hello.", "-o", "a.wav", "--encoding", "undefined", code=2)
    assert "--encoding: text.encoding is 'undefined', which is not a text encoding" in ended.err
