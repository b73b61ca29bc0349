"""The listener's loop at the command line: find a chunk, mend it, and hear the rest as it was."""

from __future__ import annotations

from tests.cli.program import ONE_WORKER, Program, paragraphs, sim


def test_other_words_from_the_command_line(program: Program) -> None:
    program.write("book.txt", paragraphs(4))
    program("run", "book.txt", *ONE_WORKER, *sim())
    said = program("redo", "book.wav", "--find", "part 2", "--text", "This is the second part.").err
    assert "spoken to book.wav" in said
    again = program("run", "book.txt", *ONE_WORKER, *sim()).err
    assert "nothing to do: book.wav is complete" in again


def test_takes_from_the_command_line(program: Program) -> None:
    program.write("book.txt", paragraphs(3))
    program("run", "book.txt", *ONE_WORKER, *sim())
    before = (program.folder / "book.wav").read_bytes()
    said = program("redo", "book.wav", "--chunk", "1", "--takes", "2").err
    assert "ttsflow: take 2: book.wav.takes/1-2.wav" in said
    assert (program.folder / "book.wav").read_bytes() == before
    assert "take 2 is heard in book.wav: " in program("redo", "book.wav", "--chunk", "1", "--take", "2").err
    assert (program.folder / "book.wav").read_bytes() != before
    missing = program("redo", "book.wav", "--chunk", "1", "--take", "7", code=2).err
    assert "there is no take 7 of chunk 1 of book.wav; `--takes 3` speaks three" in missing


def test_takes_that_would_all_be_alike_are_not_made(program: Program) -> None:
    program.write("book.txt", "Hello.")
    program("run", "book.txt", "--backend", "espeak")
    before = (program.folder / "book.wav").read_bytes()
    said = program("redo", "book.wav", "--chunk", "0", "--takes", "2", code=2).err
    assert "all takes of backend 'espeak' would be alike" in said
    assert (program.folder / "book.wav").read_bytes() == before
    assert not (program.folder / "book.wav.takes").exists()


def test_only_one_way_to_mend(program: Program) -> None:
    ended = program("redo", "book.wav", "--chunk", "1", "--text", "No.", "--takes", "2", code=2)
    assert "choose one of --text and --takes" in ended.err


def test_what_goes_with_a_store_is_said(program: Program) -> None:
    program.write("book.txt", paragraphs(2))
    program("run", "book.txt", *ONE_WORKER, *sim())
    program("redo", "book.wav", "--chunk", "0", "--text", "Other words.")
    program("redo", "book.wav", "--chunk", "1", "--takes", "1")
    said = program("clean", "book.wav").text
    assert ", with the other words of 1 chunk; the files in book.wav.takes stay" in said
