"""Several texts in one run: files, folders, patterns, files of jobs, and what becomes of each."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.cli.program import NEVER_LOADS, ONE_WORKER, TWO_WORKERS, Program, paragraphs, sim
from tests.cli.terminal import CTRL_C, Terminal

QUICK = sim(rtf=0, audio_s=0.1)

# A stand-in that speaks as many chunks as the file `gate` has bytes, all texts together.
GATED = """
import fcntl, os, time
from ttsflow import hookimpl
from ttsflow_plugins.sim import Sim

class Gated(Sim):
    name = "gated"
    def start(self, job):
        with open("begun", "a") as begun:
            fcntl.flock(begun, fcntl.LOCK_EX)
            begun.write(".")
            begun.flush()
            number = os.fstat(begun.fileno()).st_size
        while os.stat("gate").st_size < number:
            time.sleep(0.01)
        super().start(job)

@hookimpl
def ttsflow_backends():
    return [Gated]
"""


def gated(program: Program) -> list[str]:
    """Arguments that choose the stand-in that waits."""
    program.write("plugins/gated.py", GATED)
    program.write("gate", "")
    return ["--plugins-dir", "plugins", *sim("gated", rtf=0, audio_s=0.1)]


def write_texts(program: Program, folder: str, count: int, chunks: int = 2) -> None:
    for number in range(1, count + 1):
        program.write(f"{folder}/{number}.txt", paragraphs(chunks).replace("This", f"Text {number}"))


def made(program: Program, folder: str) -> list[str]:
    """The audio below a folder."""
    at = program.folder / folder
    return sorted(path.relative_to(at).as_posix() for path in at.rglob("*.wav"))


def table(shown: str) -> dict[str, str]:
    """The states of the texts in the table, by the last column."""
    _, _, below = shown.partition("in doubt  output\n")
    rows = re.findall(r"^(spoken|complete|failed|refused|stopped) .*? (\S+(?:, line \d+)?)$", below, re.M)
    return {name: state for state, name in rows}


# ---------------------------------------------------------------- inputs


def test_several_inputs_become_a_file_each(program: Program) -> None:
    program.write("one.txt", "Hello.")
    program.write("two.md", "# Title\n\nIt rained.")
    program.write("book/three.txt", "It snowed.")
    program.write("book/part/four.html", "<p>Deep.</p>")
    program.write("book/part/.hidden.txt", "No.")
    program.write("book/.git/no.txt", "No.")
    program.write("book/cover.jpg", "No.")
    program.write("notes/a.txt", "A.")
    program.write("notes/b.txt", "B.")
    ended = program("run", "one.txt", "two.md", "book", "notes/*.txt", "-o", "out/audio", *QUICK)
    expected = ["a.wav", "b.wav", "one.wav", "part/four.wav", "three.wav", "two.wav"]
    assert made(program, "out/audio") == expected
    assert table(ended.err) == {f"out/audio/{name}": "spoken" for name in expected}
    assert "texts       6: 6 spoken;" in ended.err
    alone = program.folder / "alone.wav"
    program("run", "book/part/four.html", "-o", "alone.wav", *QUICK)
    assert alone.read_bytes() == (program.folder / "out/audio/part/four.wav").read_bytes()
    again = program("run", "one.txt", "two.md", "book", "notes/*.txt", "-o", "out/audio", *QUICK)
    assert set(table(again.err).values()) == {"complete"}
    status = program("status", "out/audio/part/four.wav").text
    assert "complete" in status


def test_the_format_is_that_of_all(program: Program) -> None:
    write_texts(program, "in", 2)
    program("run", "in", "-o", "out", "--format", "mp3", *QUICK)
    assert sorted(path.name for path in (program.folder / "out").glob("*.mp3")) == ["1.mp3", "2.mp3"]


def test_files_go_to_the_current_folder_where_none_is_named(program: Program) -> None:
    write_texts(program, "in", 2)
    program("run", "in/1.txt", "in/2.txt", *QUICK)
    assert (program.folder / "1.wav").exists()
    assert (program.folder / "2.wav").exists()


def test_one_text_into_a_folder(program: Program) -> None:
    """A pattern that the shell opens may fit one file alone."""
    write_texts(program, "in", 1)
    ended = program("run", "in/1.txt", "-o", "out/", *QUICK)
    assert made(program, "out") == ["1.wav"]
    assert "kept: out/1.wav.ttsflow, " in ended.err
    program("run", "in/1.txt", "-o", "out", "--sample", "1", *QUICK)
    assert made(program, "out") == ["1.sample.wav", "1.wav"]
    program("run", "in/1.txt", "-o", ".", "--format", "flac", *QUICK)
    assert (program.folder / "1.flac").exists()
    program("run", "--text", "Hello.", "-o", "more/and/more/", *QUICK)
    program("run", "-", "-o", "more/", *QUICK, stdin=b"Hello.")
    assert made(program, "more") == ["and/more/speech.wav", "speech.wav"]


def test_what_is_among_the_outputs_is_no_input(program: Program) -> None:
    write_texts(program, "in", 2)
    program("run", "in", "-o", "in/audio", *QUICK)
    program("export", "in/audio/1.wav", "in/audio/1.srt")
    ended = program("run", "in", "-o", "in/audio", *QUICK)
    assert table(ended.err) == {"in/audio/1.wav": "complete", "in/audio/2.wav": "complete"}


def test_a_text_is_spoken_in_its_own_language(program: Program) -> None:
    program.write("de.html", '<html lang="de"><p>Guten Tag.</p></html>')
    program.write("en.txt", "Good morning.")
    spoken = program("run", "de.html", "en.txt", "--dry-run", "json", *sim(languages="[de, en]"))
    rows = [json.loads(line) for line in spoken.text.splitlines()]
    assert [(row["source"], row["language"]) for row in rows] == [("de.html", "de"), ("en.txt", "en")]
    chosen = program("run", "de.html", "en.txt", "--dry-run", "json", "--language", "en", *sim())
    assert {json.loads(line)["language"] for line in chosen.text.splitlines()} == {"en"}
    program("run", "de.html", "en.txt", *sim(languages="[de, en]", rtf=0))
    # Where several engines may speak, one must speak the first text.
    ended = program("run", "de.html", "--backend", "espeak", "en.txt", "-o", "espeak")
    assert table(ended.err) == {"espeak/de.wav": "spoken", "espeak/en.wav": "spoken"}


def test_a_language_that_is_not_spoken_is_that_of_its_text(program: Program) -> None:
    program.write("de.html", '<html lang="de"><p>Guten Tag.</p></html>')
    program.write("en.txt", "Good morning.")
    engine = sim(languages="[en]", rtf=0)
    assert "unknown language 'de'" in program("run", "de.html", "en.txt", *engine, code=2).err
    ended = program("run", "de.html", "en.txt", "--keep-going", *engine, code=1)
    assert table(ended.err) == {"de.wav": "refused", "en.wav": "spoken"}


def test_a_sample_of_each(program: Program) -> None:
    write_texts(program, "in", 2, chunks=30)
    program("run", "in", "-o", "out", "--sample", "3", *sim(rtf=0))
    assert made(program, "out") == ["1.sample.wav", "2.sample.wav"]
    assert soundfile.info(program.folder / "out/1.sample.wav").duration < 10


def test_a_dry_run_shows_the_chunks_of_all(program: Program) -> None:
    write_texts(program, "in", 10)
    shown = program("run", "in", "-o", "out", "--dry-run", *QUICK).text
    assert shown.index("in/1.txt -> out/1.wav") < shown.index("Text 1 is part 2")
    assert shown.index("Text 1 is part 2") < shown.index("in/2.txt -> out/2.wav")
    assert re.findall(r"^in/(\d+).txt ->", shown, re.M) == [str(number) for number in range(1, 11)]
    assert not (program.folder / "out").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["in/1.txt", "in/absent.txt"], "in/absent.txt does not exist"),
        (["in/1.txt", "in/table.csv"], "table.csv is a table, by its name"),
        (["in", "more"], "more/1.txt and in/1.txt would both be spoken to out/1.wav. Rename one of them"),
        (["in/1.txt", "in/1.txt"], "in/1.txt is given twice; give it once"),
        (["in/1.txt", ""], "the name of an input is empty"),
        (["in/1.txt", "-"], "standard input is one text: give it alone"),
        (["in/*.rst"], "no file fits in/*.rst"),
        (["empty"], "empty has no text; a text is a file that ends in one of .txt, "),
        (["in", "-o", "-"], "several texts cannot be heard at once: name a folder with -o"),
        (["in", "-o", "in/1.txt"], "in/1.txt is a file, and several texts need a folder"),
        (["in", "--text", "Hello."], "give INPUT, --jobs or --text, and not two of them"),
        (["in", "--chapters", "1"], "--chapters is of one book"),
        (["in", "--report", "run.html"], "run.html would show one text"),
        (["in", "--report", "run.trace.json"], "run.trace.json would show one text"),
        (["in", "--at-a-time", "0"], "--at-a-time"),
        (["in", "--jobs", "jobs.jsonl"], "give INPUT or --jobs, not both"),
        (["in", "--voice", "nobody"], "unknown voice 'nobody'"),
        (["in", "--bit-rate", "64"], "wav audio has no bit rate"),
    ],
)
def test_what_cannot_be_is_refused_before_any_worker_starts(
    program: Program, args: list[str], said: str
) -> None:
    write_texts(program, "in", 2)
    write_texts(program, "more", 1)
    program.write("in/table.csv", "a,b")
    (program.folder / "empty").mkdir()
    ended = program("run", *([] if "-o" in args else ["-o", "out"]), *args, *NEVER_LOADS, code=2)
    assert said in ended.err
    assert not (program.folder / "out").exists()


def test_a_folder_needs_a_folder(program: Program) -> None:
    write_texts(program, "in", 1)
    ended = program("run", "in", code=2)
    assert "in is a folder. Give the file to speak, for example in/1.txt" in ended.err
    assert "-o" in ended.err


# ---------------------------------------------------------------- what goes wrong


def test_without_keep_going_no_other_text_is_begun(program: Program) -> None:
    write_texts(program, "in", 4)
    (program.folder / "in/2.txt").write_bytes(bytes(range(256)))
    ended = program("run", "in", "-o", "out", "--at-a-time", "1", *QUICK, code=1)
    assert table(ended.err) == {"out/1.wav": "spoken", "out/2.wav": "refused"}
    assert re.search(r"^ttsflow: error: in/2.txt .*binary data", ended.err, re.M)
    assert "2 texts were not begun, because one before did not end well; --keep-going goes on" in ended.err
    assert "texts       4: 1 spoken, 1 refused, 2 not begun;" in ended.err
    program("run", "in", "-o", "out", "--keep-going", *QUICK, code=1)
    assert made(program, "out") == ["1.wav", "3.wav", "4.wav"]


def test_chunks_that_fail_are_named_with_their_text(program: Program) -> None:
    write_texts(program, "in", 3)
    faults = "[{text: 'Text 2 is part 1', kind: refuse}, {text: 'Text 3', kind: refuse}]"
    engine = sim(rtf=0, audio_s=0.1, faults=faults)
    args = ("run", "in", "-o", "out", "--keep-going", *engine)
    ended = program(*args, code=1)
    assert table(ended.err) == {"out/1.wav": "spoken", "out/2.wav": "failed", "out/3.wav": "failed"}
    assert 'failed      chunk 0 of in/2.txt "Text 2 is part 1 of 2."' in ended.err
    assert "error: in/2.txt: 1 chunk failed; out/2.wav is without them" in ended.err
    assert "error: in/3.txt: 2 chunks failed; out/3.wav was not written" in ended.err
    quiet = program(*args, "-q", code=1).err.splitlines()
    assert len(quiet) == 5, "two texts and three chunks"
    program("run", "in", "-o", "out", *QUICK)


def test_doubts_are_counted(program: Program) -> None:
    write_texts(program, "in", 2)
    engine = sim(rtf=0, audio_s=0.5, faults="[{at: 0, kind: silent}]")
    program("run", "in", "-o", "out", *engine)
    strict = program("run", "in", "-o", "out", "--strict", *engine, code=1)
    assert set(table(strict.err).values()) == {"complete"}
    assert "in doubt: 2 chunks; `ttsflow doubts OUT` lists those of an output" in strict.err


def test_a_text_that_is_busy_does_not_hold_up_others(program: Program) -> None:
    write_texts(program, "in", 2)
    engine = gated(program)
    alone = program.start("run", "in/1.txt", "-o", "out.wav", *engine)
    program.until(lambda: (program.folder / "begun").exists())
    jobs = [{"file": "in/1.txt", "output": "out.wav"}, {"file": "in/2.txt", "output": "other.wav"}]
    program.write("jobs.jsonl", "\n".join(map(json.dumps, jobs)))
    ended = program("run", "--jobs", "jobs.jsonl", "--keep-going", *QUICK, code=1)
    assert "another run is writing it" in ended.err
    assert (program.folder / "other.wav").exists()
    program.write("gate", "." * 99)
    assert program.finish(alone).code == 0


def test_an_engine_that_is_gone_ends_the_run_and_it_goes_on(program: Program) -> None:
    write_texts(program, "in", 6)
    broken = sim(faults="[{at: load, kind: die}]")
    limits = ["--set", "limits.restarts=0"]
    ended = program("run", "in", "-o", "out", "--keep-going", *broken, *limits, code=3)
    assert "no worker is left to speak with" in ended.err
    assert "the same command goes on from there" in ended.err
    program("run", "in", "-o", "out", "--keep-going", *QUICK)
    assert len(made(program, "out")) == 6


def test_thousands_are_counted_and_those_that_need_attention_shown(program: Program) -> None:
    write_texts(program, "in", 40, chunks=1)
    program.write("in/17.txt", "")
    ended = program("run", "in", "-o", "out", "--keep-going", *TWO_WORKERS, *QUICK, code=1)
    assert table(ended.err) == {"out/17.wav": "refused"}
    assert "texts       40: 39 spoken, 1 refused;" in ended.err


# ---------------------------------------------------------------- stopped and gone on with


TEXTS, CHUNKS = 8, 6


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path], Program]) -> Path:
    """A folder with the audio of a run that nothing has disturbed."""
    program = new_program(tmp_path_factory.mktemp("undisturbed"))
    write_texts(program, "in", TEXTS, CHUNKS)
    program("run", "in", "-o", "out", *QUICK)
    return program.folder / "out"


def test_a_run_that_is_killed_twice_goes_on_and_every_output_is_the_same(
    program: Program, undisturbed: Path
) -> None:
    write_texts(program, "in", TEXTS, CHUNKS)
    args = ("run", "in", "-o", "out", *TWO_WORKERS, *gated(program))
    for through in (15, 19):  # some texts are whole, some half done, some not begun
        (program.folder / "begun").unlink(missing_ok=True)
        program.write("gate", "." * through)
        process = program.start(*args)
        begun = program.folder / "begun"
        program.until(lambda at=begun, all=through + 2: at.exists() and at.stat().st_size >= all)
        process.kill()
        program.finish(process)
        program.await_end()
    program.write("gate", "." * 999)
    ended = program(*args)
    counts = table(ended.err)
    assert len(counts) == TEXTS
    assert set(counts.values()) == {"spoken", "complete"}
    submitted = re.search(r"chunks +(\d+) submitted, (\d+) delivered, 0 failed", ended.err)
    assert submitted is not None
    assert submitted[1] == submitted[2]
    assert int(submitted[1]) <= TEXTS * CHUNKS - 15, "what was kept is not spoken again"
    for number in range(1, TEXTS + 1):
        name = f"{number}.wav"
        heard, expected = ((at / name).read_bytes() for at in (program.folder / "out", undisturbed))
        assert heard.partition(b"data")[2] == expected.partition(b"data")[2]
    assert not list((program.folder / "out").glob(".*"))
    assert set(table(program(*args).err).values()) == {"complete"}


def test_ctrl_c_lets_what_is_in_work_end_and_the_rest_follows(program: Program) -> None:
    write_texts(program, "in", 6, chunks=3)
    args = ("run", "in", "-o", "out", *gated(program))
    program.write("gate", ".....")
    run = Terminal(program, *args)
    run.show_until(r"of 6 texts\n0\.[1-5] s of speech")
    run.type(CTRL_C)
    run.read_until("finishing what is in work; Ctrl-C again stops at once")
    program.write("gate", "." * 99)
    assert run.end() == 130
    assert "the same command goes on from there" in run.frames[-1]
    assert run.frames[-1].splitlines()[-1] == "ttsflow: interrupted"
    assert "stopped" in set(table(run.frames[-1]).values())
    assert program.processes() == []
    program(*args)
    assert len(made(program, "out")) == 6


def test_a_second_ctrl_c_and_sigterm_stop_at_once(program: Program) -> None:
    write_texts(program, "in", 6, chunks=20)
    args = ("run", "in", "-o", "out", "--set", "limits.timeouts.drain_s=3600", *gated(program))
    run = Terminal(program, *args)
    program.until(lambda: (program.folder / "begun").exists())
    run.type(CTRL_C)
    run.read_until("Ctrl-C again stops at once")
    run.type(CTRL_C)
    assert run.end() == 130
    assert program.processes() == []
    (program.folder / "begun").unlink()
    process = program.start(*args)
    program.until(lambda: (program.folder / "begun").exists())
    process.terminate()
    assert program.finish(process).code == 143
    assert not list((program.folder / "out").glob(".*")), "no lock and no part is left"


# ---------------------------------------------------------------- the report


def test_the_report_has_the_account_of_each_text(program: Program) -> None:
    write_texts(program, "in", 3)
    program.write("in/4.txt", "")
    faults = "[{text: 'Text 2 is part 1', kind: refuse}]"
    engine = sim(rtf=0, audio_s=0.1, faults=faults)
    program("run", "in", "-o", "out", "--keep-going", "--report", "run.json", *engine, code=1)
    report = json.loads((program.folder / "run.json").read_bytes())
    texts = {text["stream"]: text for text in report["texts"]}
    states = {"in/1.txt": "spoken", "in/2.txt": "failed", "in/3.txt": "spoken", "in/4.txt": "refused"}
    assert {name: text["state"] for name, text in texts.items()} == states
    assert "is empty" in texts["in/4.txt"]["error"]
    one, two = texts["in/1.txt"], texts["in/2.txt"]
    assert (one["output"], one["submitted"], one["delivered"], one["failed"]) == ("out/1.wav", 2, 2, 0)
    assert one["bytes"] == (program.folder / "out/1.wav").stat().st_size
    assert one["length_s"] == pytest.approx(2 * 0.7)
    assert (two["chunks"], two["kept"], two["failed"]) == (2, 1, 1)
    chunks: dict[str, list[dict[str, Any]]] = {}
    for chunk in report["chunks"]:
        chunks.setdefault(chunk["stream"], []).append(chunk)
    assert [(c["index"], c["status"], c["at_s"]) for c in chunks["in/1.txt"]] == [
        (0, "ok", 0.0), (1, "ok", 0.7),
    ]  # fmt: skip
    assert [chunk["status"] for chunk in chunks["in/2.txt"]] == ["failed", "ok"]
    assert "in/4.txt" not in chunks
    summary = report["summary"]
    assert (summary["submitted"], summary["delivered"], summary["failed"]) == (6, 5, 1)
    assert summary["wait_s"] is None, "nobody listens to several texts one after the other"
    assert {attempt["stream"] for attempt in report["attempts"]} == {"in/1.txt", "in/2.txt", "in/3.txt"}

    program("run", "in/1.txt", "in/3.txt", "-o", "out", "--report", "again.json", *engine)
    again = json.loads((program.folder / "again.json").read_bytes())
    assert [text["state"] for text in again["texts"]] == ["complete", "complete"]
    assert [chunk["kept"] for chunk in again["chunks"]] == [True] * 4
    assert again["ended"] == "finished"


def test_the_report_of_a_run_that_was_stopped(program: Program) -> None:
    write_texts(program, "in", 3)
    args = ("run", "in", "-o", "out", *ONE_WORKER, *gated(program))
    program.write("gate", ".")
    process = program.start(*args, "--report", "run.json")
    program.until(lambda: (program.folder / "begun").exists() and program.kept("out/1.wav"))
    process.terminate()
    assert program.finish(process).code == 143
    report = json.loads((program.folder / "run.json").read_bytes())
    assert report["ended"] == "interrupted"
    states = {text["stream"]: text["state"] for text in report["texts"]}
    assert states["in/1.txt"] == "stopped"
    summary = report["summary"]
    assert summary["submitted"] == summary["delivered"] + summary["failed"] + summary["not_reached"]
    statuses = [chunk["status"] for chunk in report["chunks"] if chunk["stream"] == "in/1.txt"]
    assert statuses == ["ok", "not reached"]


def test_a_full_home_is_not_needed(program: Program) -> None:
    """Texts of jobs wait in a temporary file, and none is left."""
    program.write("jobs.jsonl", json.dumps({"id": "one", "text": paragraphs(3)}))
    waiting = program.folder / "waiting"
    waiting.mkdir()
    program.env["TMPDIR"] = str(waiting)
    program("run", "--jobs", "jobs.jsonl", "-o", "out", *QUICK)
    assert list(waiting.iterdir()) == []
    shutil.rmtree(program.folder / "out")


def test_subtitles_and_texts_do_not_take_each_others_place(program: Program) -> None:
    program.write("q.srt", "1\n00:00:00,000 --> 00:00:01,000\nHello there.\n")
    jobs = ['{"file": "q.srt", "output": "one.wav"}', '{"id": "q", "text": "Two.", "output": "q.wav"}']
    for lines in (jobs, jobs[::-1]):
        program.write("jobs.jsonl", "\n".join(lines))
        args = ["run", "--jobs", "jobs.jsonl", "--subtitles", "srt", "--overwrite", *sim()]
        assert "q.srt" in program(*args, code=2).err
    assert "Hello there." in (program.folder / "q.srt").read_text()
    program.write("two.jsonl", "\n".join(f'{{"text": "A.", "output": "a.{end}"}}' for end in ("wav", "mp3")))
    ended = program("run", "--jobs", "two.jsonl", "--subtitles", "srt", *sim(), code=2)
    assert "would both be written to" in ended.err


def test_what_is_missing_beside_an_output_is_made(program: Program) -> None:
    write_texts(program, "in", 2)
    args = ("run", "in", "-o", "out", "--subtitles", "srt", *sim(rtf=0))
    program(*args)
    (program.folder / "out" / "1.srt").unlink()
    program(*args)
    assert (program.folder / "out" / "1.srt").exists()


def test_parts_that_are_refused_do_not_hide_what_was_spoken(program: Program) -> None:
    write_texts(program, "in", 1, chunks=2)
    program.write("out/1/index.json", "mine")
    args = ("run", "in", "-o", "out", "--split", "chunk", "--report", "r.json", *sim(rtf=0))
    program(*args, code=1)
    report = json.loads((program.folder / "r.json").read_text())
    assert report["summary"]["delivered"] == 2
    program(*args, code=1)
    assert (program.folder / "out/1/index.json").read_text() == "mine"


def test_texts_and_outputs_in_one_folder(program: Program) -> None:
    write_texts(program, "books", 2)
    args = ("run", "books", "-o", "books", "--subtitles", "srt", *sim(rtf=0))
    program(*args)
    assert "2 complete" in program(*args).err


def test_several_texts_do_not_make_a_folder_that_looks_like_a_file(program: Program) -> None:
    write_texts(program, "in", 2)
    ended = program("run", "in/1.txt", "in/2.txt", "-o", "both.wav", *sim(), code=2)
    assert "both.wav looks like a file, and several texts need a folder" in ended.err
