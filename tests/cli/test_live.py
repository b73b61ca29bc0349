"""Text that comes through a pipe is spoken while it comes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress

import pytest

from tests.cli.program import Program, sim

QUICK = sim(audio_s=0.2, rtf=0)
LISTEN = ["run", "-", "-o", "-", "--format", "pcm", "-q", "--set", "text.flush_s=600", *QUICK]
CHUNK = 24_000 // 5 * 2  # bytes of 0.2 s
ONE, TWO = "The tea was cold when she came back to the house. ", "Nobody had touched the bread on the table. "


def start(program: Program, *args: str) -> subprocess.Popen[bytes]:
    return program.start(*(args or LISTEN), stdin=subprocess.PIPE)


def say(process: subprocess.Popen[bytes], data: str | bytes) -> None:
    assert process.stdin is not None
    os.write(process.stdin.fileno(), data if isinstance(data, bytes) else data.encode())


def test_a_sentence_is_heard_before_the_next_one_has_come(program: Program) -> None:
    process = start(program)
    assert process.stdout is not None
    say(process, ONE + "Nobody ")
    heard = process.stdout.read(CHUNK)
    say(process, TWO.removeprefix("Nobody "))
    process.stdin.close()
    process.stdin = None
    heard += process.stdout.read()
    assert program.finish(process).code == 0
    assert heard == program(*LISTEN, stdin=(ONE + TWO).encode()).out


def test_a_source_that_stops_for_long_goes_on(program: Program) -> None:
    process = start(program, *LISTEN, "--set", "text.flush_s=0.1", "--report", "run.json")
    assert process.stdout is not None
    say(process, "The tea was cold when a")
    process.stdout.read(CHUNK)  # what came is heard while nothing more comes
    say(process, "nybody came. ")
    process.stdout.read(CHUNK)
    say(process, ONE)
    process.stdin.close()
    process.stdin = None
    process.stdout.read()
    assert program.finish(process).code == 0
    chunks = json.loads((program.folder / "run.json").read_bytes())["chunks"]
    assert [chunk["text"] for chunk in chunks] == ["The tea was cold when", "anybody came.", ONE.strip()]


def test_the_listener_leaves_a_text_that_has_not_ended(program: Program) -> None:
    process = start(program)
    assert process.stdout is not None
    say(process, ONE + "Nobody ")
    process.stdout.read(CHUNK)
    process.stdout.close()
    process.stdout = None
    with suppress(BrokenPipeError):  # it may have ended already
        say(process, (ONE + TWO) * 20)
    assert program.finish(process).code == 141
    assert program.processes() == []


@pytest.mark.parametrize("left", ["by its reader", "by a signal"])
def test_a_pipe_that_stays_open_does_not_hold_up_the_end(program: Program, left: str) -> None:
    process = start(program)
    assert process.stdout is not None
    say(process, ONE + "Nobody ")
    process.stdout.read(CHUNK)
    if left == "by a signal":
        process.send_signal(signal.SIGINT)
    else:
        process.stdout.close()
        process.stdout = None
        with suppress(BrokenPipeError):  # it may have seen already that he left
            say(process, TWO + "And ")  # nothing more; the end of the text does not come
    source, process.stdin = process.stdin, None
    ended = program.finish(process)
    source.close()
    assert ended.code == (130 if left == "by a signal" else 141)
    assert "Fatal" not in ended.err
    assert program.processes() == []


def test_characters_in_two_reads(program: Program) -> None:
    data = "Grüße aus Köln, und „schöne“ Tage! ".encode() * 2
    whole = program(*LISTEN, stdin=data).out
    process = start(program)
    assert process.stdout is not None
    for at in range(len(data)):
        say(process, data[at : at + 1])
    process.stdin.close()
    process.stdin = None
    heard = process.stdout.read()
    assert program.finish(process).code == 0
    assert heard == whole


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_mark_tells_the_encoding(program: Program, encoding: str) -> None:
    assert program(*LISTEN, stdin=ONE.encode(encoding)).out == program(*LISTEN, stdin=ONE.encode()).out


def test_what_is_no_text(program: Program) -> None:
    wrong = (ONE + "caf\xe9 and so on. ").encode("cp1252")
    assert len(program(*LISTEN, "--encoding-errors", "replace", stdin=wrong).out) > CHUNK
    assert len(program(*LISTEN, "--encoding", "cp1252", stdin=wrong).out) > CHUNK
    assert "standard input is empty" in program(*LISTEN, stdin=b" \n", code=2).err
    assert "is a PDF document, not text" in program(*LISTEN, stdin=b"%PDF-1.7\n%", code=2).err
    assert "NUL" in program(*LISTEN, stdin=b"so\0so", code=2).err


def test_a_file_that_is_redirected_is_read_as_a_whole(program: Program) -> None:
    path = program.write("wrapped.txt", "A line that is short\nand goes on all the same.\n\n" * 3)
    with path.open("rb") as file:
        process = program.start("run", "-", "-o", "-", "--report", "run.json", *QUICK, stdin=file)
    assert process.stdout is not None
    process.stdout.read()
    assert program.finish(process).code == 0
    assert "A line that is short and goes on" in (program.folder / "run.json").read_text()


@pytest.mark.parametrize("reads", ["one read", "a read of its own"])
@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b"\xe9 and so on. ", "is not valid utf-8: byte 0xE9 at offset {at}. Name its encoding"),
        (b"\xc3", "ends in the middle of a character, at offset {at}: it was cut off"),
        (b"\0 and so on. ", "looks like binary data: NUL at character {place}"),
    ],
    ids=["in the middle", "half of a character at the end", "NUL"],
)
def test_all_that_came_before_a_bad_byte_is_heard_and_then_its_place_is_told(
    program: Program, bad: bytes, said: str, reads: str
) -> None:
    came = (ONE + TWO + "Then, at the caf").encode()
    whole = program(*LISTEN, stdin=came).out
    process = program.start(*LISTEN, stdin=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    if reads == "one read":
        say(process, came + bad)
        heard = b""
    else:
        say(process, came)
        heard = process.stdout.read(CHUNK)
        say(process, bad)
    process.stdin.close()
    process.stdin = None
    heard += process.stdout.read()
    assert program.finish(process).code == 2
    assert heard[: len(whole)] == whole
    told = heard[len(whole) :].decode()
    assert told.startswith("ttsflow: error: standard input " + said.format(at=len(came), place=len(came) + 1))


def test_a_bad_byte_ends_the_run_though_the_pipe_stays_open(program: Program) -> None:
    process = start(program)
    assert process.stdout is not None
    say(process, ONE.encode() + b"\xff")
    heard = process.stdout.read()
    assert program.finish(process).code == 2
    assert heard == program(*LISTEN, stdin=ONE.encode()).out


def test_text_that_looks_like_markdown_is_noticed_while_it_comes(program: Program) -> None:
    loud = [arg for arg in LISTEN if arg != "-q"]
    notes = f"# Notes\n\nSome **bold** words.\n\n{ONE * 5}"
    process = start(program, *loud)
    assert process.stdout is not None
    say(process, notes)
    process.stdout.read(CHUNK)
    program.await_message(process, "ttsflow: standard input looks like Markdown (headings, **bold**): add")
    say(process, "\n\n# More\n\n**bold**")
    ended = program.finish(process)
    assert ended.code == 0
    assert "looks like" not in ended.err
    said = program(*loud, "--input-format", "text", stdin=notes.encode()).err
    assert "looks like" not in said
