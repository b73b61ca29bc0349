"""What a person can get wrong: a message that says what, where and what to do, exit code 2, nothing begun."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.cli.program import NEVER_LOADS, Program, sim

HELLO = ["run", "--text", "Hello."]


def test_no_such_file_names_one_like_it(program: Program) -> None:
    program.write("chapter.txt", "One.")
    ended = program("run", "chpater.txt", code=2)
    assert "chpater.txt does not exist" in ended.err
    assert "Did you mean chapter.txt?" in ended.err


def test_a_folder_names_a_text_in_it(program: Program) -> None:
    program.write("book/one.txt", "One.")
    ended = program("run", "book", code=2)
    assert "book is a folder" in ended.err
    assert "book/one.txt" in ended.err


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("paper.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is no whole PDF"),
        (
            "paper.txt",
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
            "a PDF document, not text. To read it as such, add --input-format pdf",
        ),
        ("voice.wav", b"RIFF\x24\0\0\0WAVEfmt ", "WAV audio"),
        ("noise.txt", bytes(range(256)), "binary data"),
        ("old.txt", "Das Gedächtnis".encode("latin-1"), "--encoding cp1252"),
        ("wide.txt", "Hello there.".encode("utf-16-le"), "--encoding utf-16-le"),
        ("empty.txt", b"", "is empty"),
        ("blank.txt", b" \n\t\n", "only white space"),
    ],
)
def test_what_is_not_text(program: Program, name: str, data: bytes, said: str) -> None:
    (program.folder / name).write_bytes(data)
    ended = program("run", name, *sim(), code=2)
    assert f"error: {name}" in ended.err
    assert said in ended.err


def test_an_archive(program: Program) -> None:
    with zipfile.ZipFile(program.folder / "book.zip", "w") as archive:
        archive.writestr("book.txt", "Hello.")
    assert "a ZIP archive" in program("run", "book.zip", code=2).err


def test_an_encoding_that_is_named_is_used(program: Program) -> None:
    (program.folder / "old.txt").write_bytes("Das Gedächtnis".encode("cp1252"))
    report = program.report("old.txt", "--encoding", "cp1252", *sim())
    assert [chunk["text"] for chunk in report["chunks"]] == ["Das Gedächtnis"]


def test_bytes_on_the_command_line_that_are_no_text(program: Program) -> None:
    ended = program("run", "--text", b"caf\xe9", *sim(), code=2)
    assert "0xE9" in ended.err
    assert "--encoding" in ended.err


def test_nothing_in_the_text_and_in_the_names(program: Program) -> None:
    assert "is empty" in program("run", "--text", "", code=2).err
    assert "name of the input file is empty" in program("run", "", code=2).err
    assert "standard input is empty" in program("run", stdin=b"", code=2).err
    assert "name of the output file is empty" in program(*HELLO, "-o", "", *sim(), code=2).err


@pytest.mark.usefixtures("quickly")
def test_a_word_of_a_megabyte_is_spoken(program: Program) -> None:
    word = "".join(map(str, range(200_000)))
    program.write("word.txt", word)
    report = program.report("word.txt", *sim(rtf=0, audio_s=0.01))
    chunks = report["chunks"]
    assert "".join(chunk["text"] for chunk in chunks) == word
    assert max(len(chunk["text"]) for chunk in chunks) <= 250
    assert report["summary"]["delivered"] == report["summary"]["submitted"] == len(chunks)


@pytest.mark.parametrize("output", ["nowhere/out.wav", "text.txt/out.wav", "/dev/full"])
def test_an_output_that_cannot_be_is_refused_before_any_worker_starts(program: Program, output: str) -> None:
    program.write("text.txt", "Hello.")
    ended = program("run", "text.txt", "-o", output, *NEVER_LOADS, code=2)
    assert f"cannot write {output}" in ended.err


def test_an_output_whose_name_is_too_long(program: Program) -> None:
    name = "n" * 250 + ".wav"
    ended = program("run", "--text", "Hello.", "-o", name, *NEVER_LOADS, code=2)
    assert f"cannot write {name}: its name is too long; choose a shorter one" in ended.err


def test_a_report_that_cannot_be_written_is_refused_before_any_worker_starts(program: Program) -> None:
    program.write("text.txt", "Hello.")
    for report, said in [("nowhere/run.json", "there is no folder"), ("text.txt", "is not a report")]:
        ended = program("run", "text.txt", "--report", report, *NEVER_LOADS, code=2)
        assert said in ended.err
    assert (program.folder / "text.txt").read_text() == "Hello."
    assert not (program.folder / "text.wav").exists()


def test_a_report_on_standard_output(program: Program) -> None:
    """As other programs read `-`: a file of that name is none that anybody wants."""
    program.write("text.txt", "Hello.\n\nIt rained.")
    engine = sim(rtf=0, audio_s=0.1, faults="[{at: 1, kind: refuse}]")
    ended = program("run", "text.txt", "--report", "-", *engine, code=1)
    report = json.loads(ended.out)
    assert [chunk["status"] for chunk in report["chunks"]] == ["ok", "failed"]
    assert report["summary"]["failed"] == 1
    program("run", "text.txt", "--report", "told.json", "--fresh", *engine, code=1)
    assert report.keys() == json.loads((program.folder / "told.json").read_bytes()).keys()
    assert not (program.folder / "-").exists()
    refused = program("run", "text.txt", "--report", "-", "-o", "-", *NEVER_LOADS, code=2)
    assert "the audio and the report would both be on standard output" in refused.err
    assert refused.out == b""
    with Path("/dev/full").open("wb") as full:
        ended = program.finish(program.start("run", "text.txt", "--report", "-", *engine, stdout=full))
    assert ended.code == 2
    assert "No space left on device; choose another --report" in ended.err


def test_a_folder_that_takes_no_file(program: Program) -> None:
    if os.geteuid() == 0:  # root may write anywhere; nobody may in a folder of the kernel's
        folder = Path("/proc")
    else:
        folder = program.folder / "locked"
        folder.mkdir(mode=0o500)
    ended = program(*HELLO, "-o", folder / "out.wav", *NEVER_LOADS, code=2)
    assert f"{folder} takes no new file" in ended.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--policy", "sequentiel"], "unknown policy 'sequentiel'; did you mean 'sequential'?"),
        (["--policy", "./mine.yaml"], "no such file: ./mine.yaml"),
        (["--backend", "espaek"], "unknown backend 'espaek'; did you mean 'espeak'?"),
        (["--backend", "espeak", "--voice", "Anni"], "unknown voice 'Anni'; did you mean 'Annie'?"),
        (["--backend", "espeak", "--language", "ptx-br"], "unknown language 'ptx-br'; did you mean 'pt'?"),
        ([*sim(chunks_s=1)], "did you mean 'chunk_s'?"),
        ([*sim(rtf=-1)], "backend.options.rtf is -1, but must be greater than or equal to 0"),
        (["--set", "policy.options.most=3", "--policy", "parallel"], "known: max_concurrent"),
        (["--set", "limits.retrys=3"], "did you mean 'retries'?"),
        (["--set", "limits.retries"], "expected KEY=VALUE"),
        (["--set", "limits..retries=3"], "expected KEY=VALUE"),
        (["--config", "absent.yaml"], "no such file: absent.yaml"),
        (["--plugins-dir", "absent"], "no such plugin folder: absent"),
        ([*sim(), "--reference", "voice.wav"], "there is no such file"),
        (
            [*sim(), "--reference", "/etc/hosts", "--reference", "my.wav"],
            "my.wav', but there is no such file",
        ),
        ([*sim(), "--reference", "/etc/hosts"], "backend 'sim' does not take reference audio"),
        (["--format", "wma"], "'wma'"),
        (["story.txt"], "not both"),
    ],
)
def test_unknown_names_and_wrong_values(program: Program, args: list[str], said: str) -> None:
    ended = program(*HELLO, *args, code=2)
    assert said in ended.err
    assert len(ended.err) < 1000
    assert [path.name for path in program.folder.iterdir()] == ["home"]


def test_a_key_of_a_file_is_named_with_its_line(program: Program) -> None:
    program.write("my.yaml", "version: 1\nlimits:\n  retrys: 3\n")
    ended = program(*HELLO, "--config", "my.yaml", code=2)
    assert "my.yaml, line 3: limits.retrys is not a known key; did you mean 'retries'?" in ended.err


def test_a_worker_that_dies_as_it_loads(program: Program) -> None:
    ended = program(*HELLO, *sim(faults="[{at: load, kind: die}]"), code=3)
    assert "killed by signal 9" in ended.err
    refused = program(*HELLO, *sim(faults="[{at: load, kind: refuse}]"), code=3)
    assert "sim does not load" in refused.err
    assert [path.name for path in program.folder.iterdir()] == ["home"]
    assert program.processes() == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a shell that closes streams")
@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_do_no_harm(program: Program, closed: str) -> None:
    inside = ["bash", "-c", f'"$0" "$@" {closed}']
    process = program.start(*HELLO, "-o", "out.wav", *sim(), before=inside)
    assert program.finish(process).code == 0
    assert (program.folder / "out.wav").stat().st_size > 1000
