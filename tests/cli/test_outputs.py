"""`status`, `redo` and `clean`: what is kept beside an output, in every state that it can be in."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import soundfile

from tests.cli.program import ONE_WORKER, Program, indexes, paragraphs, sim

# Chunk 1 is in doubt, chunk 3 fails, chunk 5 is chunk 0 again, chunk 4 has nothing to say.
STORY = "One day.\n\nIt rained.\n\nNobody came.\n\nThe door fell.\n\n***\n\nOne day.\n"
FAULTS = '[{text: "It rained", kind: cap}, {text: "The door", kind: refuse}]'
SPEAK = ["run", "story.txt", "-o", "story.wav"]
QUICK = sim(rtf=0, audio_s=0.2)
PAUSES = 5 * 0.6 + 0.8


@pytest.fixture(scope="module")
def partly(tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path], Program]) -> Path:
    """A folder with a story of which one chunk is in doubt and one is left."""
    program = new_program(tmp_path_factory.mktemp("partly"))
    program.write("story.txt", STORY)
    program(*SPEAK, *QUICK, "--set", f"backend.options.faults={FAULTS}", code=1)
    return program.folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path], Program]) -> Path:
    """The same where nothing is left and nothing in doubt."""
    program = new_program(tmp_path_factory.mktemp("whole"))
    program.write("story.txt", STORY)
    program(*SPEAK, *QUICK)
    return program.folder


@pytest.fixture
def copied(program: Program) -> Callable[[Path], Program]:
    """Gives the program the story of a folder, and its audio and store."""

    def copy(folder: Path) -> Program:
        for name in ("story.txt", "story.wav", "story.wav.ttsflow"):
            shutil.copy2(folder / name, program.folder)
        return program

    return copy


# ---------------------------------------------------------------- status


def test_the_status_of_a_complete_text(copied: Callable[[Path], Program], whole: Path) -> None:
    program = copied(whole)
    lines = program("status", "story.wav").text.splitlines()
    assert lines[0] == "story.wav: complete"
    assert lines[1] == "file        4.8 s, 0.2 MB"
    assert lines[2] == "chunks      4 of 4 kept, 0 in doubt, 1 repeated"
    assert lines[3] == "audio       1.0 s of speech, 4.8 s with pauses"
    assert lines[4] == "backend     sim"
    assert lines[5].startswith("store       ")
    assert "story.wav.ttsflow (" in lines[5]
    assert len(lines) == 6
    assert seconds(program) == pytest.approx(4.8)


def test_the_status_of_a_text_whose_file_is_gone(copied: Callable[[Path], Program], whole: Path) -> None:
    program = copied(whole)
    (program.folder / "story.wav").unlink()
    ended = program("status", "story.wav")
    assert "complete; the file itself is not built from it: run the same command again" in ended.text
    assert "file        none" in ended.text


def test_the_status_of_a_file_that_is_not_what_a_run_would_build_now(
    copied: Callable[[Path], Program], whole: Path
) -> None:
    program = copied(whole)
    program.write("story.txt", STORY + "\nThe end.\n")
    program(*SPEAK, *sim(audio_s=0.2, faults="[{at: load, kind: refuse}]"), "--overwrite", code=3)
    text = program("status", "story.wav").text
    assert "story.wav: 1 chunk left, 87% of the text kept" in text
    assert "file        4.8 s, 0.2 MB; of an earlier state" in text
    assert "audio       1.0 s of speech" in text
    with (program.folder / "story.wav").open("ab") as file:
        file.write(bytes(100_000))
    assert "file        0.3 MB; not as a run left it" in program("status", "story.wav").text


def test_the_status_names_what_is_in_doubt_and_counts_what_is_left(
    copied: Callable[[Path], Program], partly: Path
) -> None:
    text = copied(partly)("status", "story.wav").text
    assert "story.wav: 1 chunk left, 73% of the text kept" in text
    assert "file        4.6 s, 0.2 MB" in text
    assert "3 of 4 kept, 1 in doubt" in text
    assert 'in doubt    chunk 1 "It rained.": reached the model\'s cap' in text


def test_the_status_tells_of_chunks_that_the_text_no_longer_has(
    copied: Callable[[Path], Program], whole: Path
) -> None:
    program = copied(whole)
    program.write("story.txt", "One day.")
    program(*SPEAK, "--overwrite", *QUICK)
    assert "3 chunks more in it, which the text no longer has" in program("status", "story.wav").text


def test_a_run_that_is_going_on_can_be_watched_and_not_be_cleaned_away(program: Program) -> None:
    program.write("story.txt", paragraphs(3_000))  # goes on for minutes
    process = program.start(*SPEAK, *ONE_WORKER, *sim(chunk_s=0.2, audio_s=0.2))
    program.await_audio("story.wav", 2)
    text = program("status", "story.wav").text
    assert re.search(r"story.wav: [\d,]+ chunks left, \d+% of the text kept", text)
    assert f"in use      by process {process.pid} on " in text
    for command in (
        ["clean", "story.wav"],
        ["clean", "story.wav", "--unused"],
        ["redo", "story.wav", "--chunk", "0"],
    ):
        refused = program(*command, code=2)
        assert "another run is writing it" in refused.err
    process.terminate()
    assert program.finish(process).code == 143
    assert program.kept("story.wav") >= 2
    assert "in use" not in program("status", "story.wav").text


def test_a_run_that_was_killed_does_not_go_on(program: Program) -> None:
    program.write("story.txt", paragraphs(30))
    process = program.start(*SPEAK, *ONE_WORKER, *sim(chunk_s=0.2, audio_s=0.2))
    program.await_audio("story.wav", 2)
    process.kill()
    program.finish(process)
    assert "in use" not in program("status", "story.wav").text


@pytest.mark.parametrize("command", [["status"], ["clean"], ["clean", "--unused"], ["redo", "--chunk", "0"]])
def test_where_nothing_is_kept(program: Program, command: list[str]) -> None:
    program.write("story.wav", "whatever")
    for output in ("story.wav", "nowhere/story.wav", "."):
        assert f"nothing is kept for {output}" in program(*command, output, code=2).err
    assert sorted(path.name for path in program.folder.iterdir()) == ["home", "story.wav"]


def test_the_status_of_a_damaged_store_says_how_to_mend_it(
    copied: Callable[[Path], Program], whole: Path
) -> None:
    program = copied(whole)
    store = program.folder / "story.wav.ttsflow"
    store.write_bytes(store.read_bytes()[:9000])
    ended = program("status", "story.wav", code=3)
    assert "is damaged" in ended.err
    assert "run the same command again" in ended.err
    program(*SPEAK, *QUICK)
    assert "story.wav: complete" in program("status", "story.wav").text


def test_the_status_of_what_is_no_store(program: Program) -> None:
    for content in ("a letter", "SQLite format 3\0" + "x" * 200):
        program.write("story.wav.ttsflow", content)
        assert "story.wav.ttsflow" in program("status", "story.wav", code=2).err


# ---------------------------------------------------------------- redo


def seconds(program: Program) -> float:
    return float(soundfile.info(program.folder / "story.wav").duration)


def audio(program: Program) -> bytes:
    return (program.folder / "story.wav").read_bytes()


def test_a_chunk_is_spoken_again_with_its_next_seed_and_every_place_of_it_changes(
    copied: Callable[[Path], Program], whole: Path
) -> None:
    program = copied(whole)
    before = audio(program)
    ended = program("redo", "story.wav", "--chunk", "0")
    assert "chunks with the same text change, too: 5\n" in ended.err
    assert "1 submitted, 1 delivered" in ended.err
    once = audio(program)
    assert len(once) == len(before)
    changed = {at // 2400 for at in range(len(once)) if once[at] != before[at]}
    assert len(changed) > 4, "at the beginning and at the end"
    program("redo", "-q", "story.wav", "--chunk", "0")
    assert audio(program) not in (before, once), "a third take"
    ended = program("run", "story.txt", "-o", "story.wav", *QUICK)
    assert "nothing to do" in ended.err, "a take that was asked for stays"


def test_several_chunks_with_a_seed(copied: Callable[[Path], Program], whole: Path) -> None:
    program = copied(whole)
    command = ["redo", "-q", "story.wav", "--chunk", "3", "--chunk", "1", "--seed", "7"]
    program(*command)
    once = audio(program)
    program(*command)
    assert audio(program) == once, "one seed, one take"


def test_an_engine_that_speaks_a_text_in_one_way_only_is_told_of(
    program: Program, copied: Callable[[Path], Program], whole: Path
) -> None:
    program("run", "--text", "One day.\n\nIt rained.", "-o", "robot.wav", "--backend", "espeak")
    before = (program.folder / "robot.wav").read_bytes()
    ended = program("redo", "robot.wav", "--chunk", "1")
    assert (program.folder / "robot.wav").read_bytes() == before
    [told] = [line for line in ended.err.splitlines() if "as before" in line]
    assert told.startswith("ttsflow: chunk 1 sounds as before: this engine always speaks the same text the")
    assert "another voice will change it" in told
    two = program("redo", "robot.wav", "--chunk", "1", "--chunk", "0", "--seed", "5")
    assert "chunks 0, 1 sound as before" in two.err
    assert "the same way with seed 5." in two.err
    program = copied(whole)
    assert "as before" not in program("redo", "story.wav", "--chunk", "0").err


def test_doubts_are_listed_with_their_times(
    copied: Callable[[Path], Program], partly: Path, whole: Path
) -> None:
    program = copied(partly)
    lines = program("doubts", "story.wav").text.splitlines()
    assert lines == [
        'chunk 1, at 0.8 s: "It rained.": reached the model\'s cap',
        'chunk 3, at 2.4 s: "The door fell.": has no audio',
    ]
    found = json.loads(program("doubts", "story.wav", "--json").out)
    assert [(passage["index"], passage["at_s"]) for passage in found] == [(1, 0.8), (3, 2.4)]
    assert copied(whole)("doubts", "story.wav").text == "nothing in story.wav is in doubt\n"
    assert "nothing is kept for other.wav" in program("doubts", "other.wav", code=2).err


def test_a_chunk_in_doubt_is_one_no_longer(copied: Callable[[Path], Program], partly: Path) -> None:
    program = copied(partly)
    program(*SPEAK, *QUICK)  # what was left; the engine has become a better one
    assert "4 of 4 kept, 1 in doubt" in program("status", "story.wav").text
    program("redo", "-q", "story.wav", "--chunk", "1")
    assert "4 of 4 kept, 0 in doubt" in program("status", "story.wav").text
    assert seconds(program) == pytest.approx(5 * 0.2 + PAUSES)


@pytest.mark.parametrize(
    ("chunk", "said"),
    [
        ("6", "there is no chunk 6 in story.wav; its last is 5"),
        ("4", "chunk 4 of story.wav has nothing to say"),
        ("-1", "'--chunk'"),
    ],
)
def test_a_chunk_that_cannot_be_spoken_again_is_refused(
    copied: Callable[[Path], Program], whole: Path, chunk: str, said: str
) -> None:
    program = copied(whole)
    before = audio(program)
    assert said in program("redo", "story.wav", "--chunk", "0", "--chunk", chunk, code=2).err
    assert audio(program) == before
    assert program.processes() == []


def test_the_old_audio_stays_where_the_new_one_fails(copied: Callable[[Path], Program], partly: Path) -> None:
    """The run before had an engine that refuses chunk 3, and so has every redo."""
    program = copied(partly)
    before = audio(program)
    ended = program("redo", "story.wav", "--chunk", "3", code=1)
    assert 'failed      chunk 3 "The door fell."' in ended.err
    assert audio(program) == before
    ended = program("redo", "story.wav", "--chunk", "1")
    assert "1 flagged" in ended.err
    assert 'flagged     chunk 1 "It rained.": reached the model\'s cap' in ended.err
    assert "3 of 4 kept, 1 in doubt" in program("status", "story.wav").text


ODD = """
import ttsflow
import numpy as np

class Odd(ttsflow.Backend):
    name = "odd"
    @classmethod
    def describe(cls, options):
        return ttsflow.Profile("odd", 8000, deterministic=True)
    @classmethod
    def identity(cls, options):
        return "VERSION"
    def load(self, device, slots): ...
    def synthesize(self, job):
        yield ttsflow.AudioPiece(np.full(800, (job.seed % 90 + 1) / 100, "float32"), 8000)

@ttsflow.hookimpl
def ttsflow_backends():
    return [Odd]
"""


def test_a_plugin_that_has_changed_or_gone_is_named_and_the_audio_stays(program: Program) -> None:
    program.write("story.txt", STORY)
    program.write("plugins/odd.py", ODD)
    program(*SPEAK, "--plugins-dir", "plugins", "--backend", "odd")
    before = audio(program)
    redo = ["redo", "story.wav", "--chunk", "0"]
    changed = ODD.replace("VERSION", "another one")  # of another length, for the bytecode
    program.write("plugins/odd.py", changed)
    refused = program(*redo, code=2)
    assert "chunk 0 would not be spoken as the rest of story.wav" in refused.err
    (program.folder / "plugins/odd.py").unlink()
    refused = program(*redo, code=2)
    assert "unknown backend 'odd'" in refused.err
    shutil.rmtree(program.folder / "plugins")
    refused = program(*redo, code=2)
    assert "plugins is gone, from which plugins of story.wav were; --plugins-dir says where" in refused.err
    assert "unknown backend 'odd'" in refused.err
    assert audio(program) == before
    program.write("plugins/odd.py", ODD)
    program(*redo)
    assert audio(program) != before


# ---------------------------------------------------------------- clean


def test_the_store_goes_and_the_audio_stays(copied: Callable[[Path], Program], whole: Path) -> None:
    program = copied(whole)
    ended = program("clean", "story.wav")
    assert ended.text.startswith("removed ")
    assert ended.text.endswith(" MB)\n")
    assert sorted(path.name for path in program.folder.iterdir()) == ["home", "story.txt", "story.wav"]
    assert len(indexes(program.report("story.txt", "--overwrite", *QUICK))) == 5


def test_what_the_text_no_longer_has_goes_and_the_rest_stays(
    copied: Callable[[Path], Program], whole: Path
) -> None:
    program = copied(whole)
    assert "nothing to remove: the text has every chunk" in program("clean", "--unused", "story.wav").text
    program.write("story.txt", "One day.\n\nThe door fell.")
    program(*SPEAK, "--overwrite", *QUICK)
    before = audio(program)
    ended = program("clean", "story.wav", "--unused")
    assert ended.text.startswith("removed 2 chunks that the text no longer has from ")
    assert ended.text.endswith(" MB)\n")
    lines = program("status", "story.wav").text.splitlines()
    assert lines[0] == "story.wav: complete"
    assert lines[2] == "chunks      2 of 2 kept, 0 in doubt"
    assert "no longer has" not in lines
    assert "nothing to do" in program(*SPEAK, *QUICK).err
    assert audio(program) == before
    assert "nothing to remove" in program("clean", "story.wav", "--unused").text


def test_a_damaged_store_can_be_removed(copied: Callable[[Path], Program], whole: Path) -> None:
    program = copied(whole)
    store = program.folder / "story.wav.ttsflow"
    store.write_bytes(store.read_bytes()[:5000])
    program("clean", "story.wav")
    assert not store.exists()


def test_what_is_no_store_is_not_removed(program: Program) -> None:
    letter = program.write("story.wav.ttsflow", "a letter")
    assert "is no store of ttsflow" in program("clean", "story.wav", code=2).err
    assert letter.read_text() == "a letter"


# ---------------------------------------------------------------- what a listener complains about


@pytest.mark.parametrize(
    ("place", "index", "found"),
    [
        (("--at", "0:00:00.1"), 0, 'found chunk 0, at 0 s: "One day."'),
        (("--at", "0.9"), 1, 'found chunk 1, at 0.8 s: "It rained."'),
        (("--at", "4.1"), 5, 'found chunk 5, at 4.0 s: "One day."'),
        (("--find", "it  RAINED"), 1, 'found chunk 1, at 0.8 s: "It rained."'),
        (("--find", "One day"), 0, 'found chunk 0, at 0 s: "One day."'),
    ],
)
def test_what_is_heard_at_a_time_or_has_some_words_is_spoken_again(
    copied: Callable[[Path], Program], whole: Path, place: tuple[str, ...], index: int, found: str
) -> None:
    program = copied(whole)
    before = seeds(program)
    ended = program("redo", "story.wav", *place)
    assert ended.err.startswith(f"ttsflow: {found}\n")
    after = seeds(program)
    assert before[index] != after[index]
    assert program("status", "story.wav").text.startswith("story.wav: complete")


def seeds(program: Program) -> list[int | None]:
    """The seed with which the audio of each place was made."""
    query = "SELECT chunk.seed FROM place LEFT JOIN chunk USING (key) ORDER BY idx"
    with closing(sqlite3.connect(program.folder / "story.wav.ttsflow")) as store:
        return [seed for (seed,) in store.execute(query)]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (("--at", "9:00:00"), "nothing is heard at 9:00:00 in story.wav, which is 4.8 s long"),
        (("--at", "soon"), "'soon' is not a time; write it as 1:23:45, 83:45 or 5025.5 (seconds)"),
        (("--find", "no such words"), "no chunk of story.wav has the words 'no such words'"),
        (
            ("--find", "O"),
            "several chunks of story.wav have the words 'O'; choose one by --chunk, or say more "
            'of its words:\n  chunk 0, at 0 s: "One day."\n  chunk 2, at 1.6 s: "Nobody came."\n'
            '  chunk 3, at 2.4 s: "The door fell."\n',
        ),
        ((), "by one of --chunk, --at and --find, not by none"),
        (("--at", "0.9", "--find", "door"), "not by --at and --find"),
        (("--chunk", "0", "--at", "0.9"), "not by --chunk and --at"),
    ],
)
def test_a_place_that_is_none_is_told(
    copied: Callable[[Path], Program], whole: Path, place: tuple[str, ...], message: str
) -> None:
    assert message in copied(whole)("redo", "story.wav", *place, code=2).err


def test_a_time_is_refused_where_the_file_is_not_the_one_that_is_kept(
    copied: Callable[[Path], Program], whole: Path
) -> None:
    program = copied(whole)
    at, find = ["redo", "story.wav", "--at", "0.9"], ["redo", "-q", "story.wav", "--find", "rained"]
    (program.folder / "story.wav").unlink()
    said = program(*at, code=2).err
    assert (
        "what is heard at 0.9 cannot be told: story.wav is not there. Run the command that speaks it" in said
    )
    program("run", "--text", "Another text.", "-o", "other.wav", *QUICK)
    shutil.copy(program.folder / "other.wav", program.folder / "story.wav")
    for redo in (at, find):
        assert "story.wav is another file than the one that was made" in program(*redo, code=2).err
    assert audio(program) == (program.folder / "other.wav").read_bytes()
    (program.folder / "story.wav").unlink()
    program(*find)
    program(*at)
