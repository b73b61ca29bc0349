"""A run that ended early, or whose text has changed: the same command speaks what is left, and that alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from tests.cli.program import NEVER_LATE, ONE_WORKER, TWO_WORKERS, Program, indexes, paragraphs, room, sim
from tests.store.world import on_a_small_disk

CHUNKS = 12
SPEAK = ["run", "story.txt", "-o", "story.wav"]
QUICK = sim(rtf=0, audio_s=0.2)

# A stand-in that notes each chunk that it begins: a worker that is killed tells nobody. The file `gate` has
# a byte for each chunk that it may speak; with the others it waits.
NOTED = """
import os, time
from ttsflow import hookimpl
from ttsflow_plugins.sim import Sim

class Noted(Sim):
    name = "noted"
    def start(self, job):
        with open("spoken.txt", "a") as file:
            file.write(f"{job.index}\\n")
        while os.stat("gate").st_size <= job.index:
            time.sleep(0.01)
        super().start(job)

@hookimpl
def ttsflow_backends():
    return [Noted]
"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, new_program: Callable[[Path], Program]) -> Path:
    """A folder with a story, its audio, and the store that a run leaves which nothing has disturbed."""
    program = new_program(tmp_path_factory.mktemp("undisturbed"))
    program.write("story.txt", paragraphs(CHUNKS))
    program(*SPEAK, *QUICK)
    return program.folder


@pytest.fixture
def spoken(program: Program, undisturbed: Path) -> Program:
    """A program in whose folder the story has been spoken."""
    for name in ("story.txt", "story.wav", "story.wav.ttsflow"):
        shutil.copy2(undisturbed / name, program.folder)
    return program


@pytest.fixture
def story(program: Program) -> Program:
    """A program in whose folder the story waits."""
    program.write("story.txt", paragraphs(CHUNKS))
    return program


def noted(story: Program, **options: object) -> list[str]:
    """Arguments that choose the stand-in that notes what it begins with."""
    story.write("plugins/noted.py", NOTED)
    return ["--plugins-dir", "plugins", *sim("noted", **options)]


def let_through(story: Program, chunks: int) -> None:
    """So many chunks may be spoken from now on."""
    story.write("gate", "." * chunks)


def begun(story: Program) -> list[int]:
    """The chunks that the stand-in has begun with, again and again if it did."""
    notes = story.folder / "spoken.txt"
    return [int(line) for line in notes.read_text().split()] if notes.exists() else []


def files(program: Program) -> list[str]:
    """What lies in the folder, reports aside."""
    return sorted(path.name for path in program.folder.iterdir() if path.suffix not in (".json", ".c"))


def samples(where: Program | Path) -> bytes:
    """The audio in story.wav; before it stands where its text lay."""
    folder = where if isinstance(where, Path) else where.folder
    header, _, audio = (folder / "story.wav").read_bytes().partition(b"data")
    assert header.startswith(b"RIFF")
    return audio


# ---------------------------------------------------------------- ended early


def test_a_run_that_is_killed_goes_on_with_what_was_in_work(story: Program, undisturbed: Path) -> None:
    engine = noted(story, chunk_s=0.3, audio_s=0.2)
    kills, kept = 0, 0
    while kept < CHUNKS // 2:
        let_through(story, kept + 5)
        process = story.start(*SPEAK, *TWO_WORKERS, *engine)
        story.await_audio("story.wav", kept + 3)
        process.kill()
        story.finish(process)
        story.await_end()
        assert not (story.folder / "story.wav").exists()
        kills, kept = kills + 1, story.kept("story.wav")
    let_through(story, CHUNKS)
    ended = story(*SPEAK, *TWO_WORKERS, *engine)
    assert f"kept from before: {kept} of {CHUNKS} chunks" in ended.err
    assert f"{CHUNKS - kept} submitted, {CHUNKS - kept} delivered, 0 failed" in ended.err
    spoken = Counter(begun(story))
    assert sorted(spoken) == list(range(CHUNKS))
    # Two were in work, and two more may have been done and not yet been on the disk.
    assert spoken.total() - CHUNKS <= 4 * kills
    assert samples(story) == samples(undisturbed)


def test_ctrl_c_lets_what_is_in_work_end_and_the_rest_follows_later(
    story: Program, undisturbed: Path
) -> None:
    engine = noted(story, rtf=0, audio_s=0.2)
    let_through(story, 2)
    process = story.start(*SPEAK, *TWO_WORKERS, *NEVER_LATE, *engine, start_new_session=True)
    story.until(lambda: len(begun(story)) == 4)
    os.killpg(process.pid, signal.SIGINT)
    story.await_message(process, "finishing what is in work; Ctrl-C again stops at once")
    let_through(story, CHUNKS)
    ended = story.finish(process)
    assert ended.code == 130
    kept = story.kept("story.wav")
    assert (kept, sorted(begun(story))) == (4, [0, 1, 2, 3])
    assert f"{kept} of {CHUNKS} chunks are kept in story.wav.ttsflow" in ended.err
    assert story.processes() == []
    assert len(indexes(story.resumed("story.txt", *engine))) == CHUNKS - kept
    assert samples(story) == samples(undisturbed)


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ((signal.SIGINT, signal.SIGINT), 130),
        ((signal.SIGTERM,), 143),
        ((signal.SIGHUP,), 129),
    ],
)
def test_a_worker_that_hangs_holds_up_no_second_signal(
    story: Program, signals: tuple[signal.Signals, ...], code: int
) -> None:
    hanging = story.folder / "home" / "state"
    engine = sim(rtf=0, audio_s=0.2, faults="[{at: 3, kind: hang, times: 1}]", state_dir=hanging)
    process = story.start(*SPEAK, *ONE_WORKER, *NEVER_LATE, *engine, start_new_session=True)
    story.await_audio("story.wav", 3)
    story.until(hanging.exists)
    first, *again = signals
    os.killpg(process.pid, first)
    for number in again:
        story.await_message(process, "Ctrl-C again stops at once")
        assert process.poll() is None
        os.killpg(process.pid, number)
    ended = story.finish(process)
    assert ended.code == code
    assert f"3 of {CHUNKS} chunks are kept" in ended.err
    assert story.processes() == []
    assert files(story) == ["home", "story.txt", "story.wav.ttsflow"]


# ---------------------------------------------------------------- nothing to do, or nothing to speak


def test_a_text_that_is_complete_is_left_alone(spoken: Program) -> None:
    before = (spoken.folder / "story.wav").stat()
    ended = spoken(*SPEAK, *sim(audio_s=0.2, load_s=30))
    assert "nothing to do: story.wav is complete" in ended.err
    report = spoken.resumed("story.txt", *QUICK)
    assert (report["workers"], indexes(report), report["ended"]) == ([], [], "finished")
    assert len(report["chunks"]) == CHUNKS
    assert all(chunk["kept"] for chunk in report["chunks"])
    assert (spoken.folder / "story.wav").stat().st_ino == before.st_ino


def test_what_tells_how_it_was_made_is_left_alone_too(story: Program) -> None:
    once = (*SPEAK, *QUICK, "--report", "told.json", "--trace-policy", "seen.jsonl")
    story(*once)
    before = [(story.folder / name).read_bytes() for name in ("told.json", "seen.jsonl")]
    assert "and told.json is left as it is" in story(*once).err
    assert [(story.folder / name).read_bytes() for name in ("told.json", "seen.jsonl")] == before


def deleted(wav: Path) -> None:
    wav.unlink()


def touched(wav: Path) -> None:
    os.utime(wav, (0, 0))


def edited(wav: Path) -> None:
    data = bytearray(wav.read_bytes())
    data[5000] ^= 1
    wav.write_bytes(data)


@pytest.mark.parametrize("happened", [deleted, touched, edited])
def test_an_output_that_was_meddled_with_is_built_anew_without_a_worker(
    spoken: Program, undisturbed: Path, happened: Callable[[Path], None]
) -> None:
    wav = spoken.folder / "story.wav"
    happened(wav)
    report = spoken.resumed("story.txt", *sim(audio_s=0.2, load_s=30))
    assert (report["workers"], indexes(report)) == ([], [])
    assert samples(spoken) == samples(undisturbed)
    assert "nothing to do" in spoken(*SPEAK, *QUICK).err


def test_somebody_elses_file_in_its_place_stays_there(spoken: Program, undisturbed: Path) -> None:
    wav = spoken.folder / "story.wav"
    wav.write_bytes(b"a letter")
    refused = spoken(*SPEAK, *QUICK, code=2)
    assert "was not made from this text; to replace it, overwrite it (--overwrite)" in refused.err
    assert wav.read_bytes() == b"a letter"
    report = spoken.resumed("story.txt", "--overwrite", *QUICK)
    assert report["workers"] == []
    assert samples(spoken) == samples(undisturbed)


# ---------------------------------------------------------------- what has changed


def test_what_is_changed_is_spoken_and_nothing_else(story: Program) -> None:
    """One book and its editor: each step names the chunks that are spoken."""
    text = ["The first.", "The second.", "The third.", "The fourth."]

    def speak(*args: str) -> list[int]:
        story.write("story.txt", "\n\n".join(text))
        report = story.resumed("story.txt", *QUICK, *args)
        assert bool(report["workers"]) == bool(indexes(report))
        return indexes(report)

    assert speak() == [0, 1, 2, 3]
    text[1] = "Another second."
    assert speak() == [1], "a changed chunk"
    text[0], text[3] = text[3], text[0]
    assert speak() == [], "paragraphs that have moved"
    text += ["The first.", "The fifth.", "The fifth."]
    assert speak() == [5], "a text that is there twice is spoken once"
    del text[2:]
    assert speak() == [], "what was cut"
    assert speak("--seed", "1") == [0, 1]
    assert speak() == [], "the seed of before"
    assert speak("--set", "backend.options.sample_rate=16000") == [0, 1]
    assert speak("--set", "backend.options.voices=[anna]", "--voice", "anna") == [0, 1]
    assert speak(*TWO_WORKERS, "--set", "backend.options.pieces=3", "--set", "limits.retries=0") == []
    assert speak("--set", "text.pauses.paragraph_s=0.1") == [], "pauses alone"
    assert speak("--fresh") == [0, 1]
    info = soundfile.info(story.folder / "story.wav")
    assert info.duration == pytest.approx(2 * 0.2 + 2 * 0.6)


def test_repeated_text_is_said_to_be_heard_from_one_chunk(story: Program) -> None:
    story.write("story.txt", "Again.\n\nAnd again.\n\nAgain.\n\nAgain.")
    ended = story(*SPEAK, *QUICK)
    assert "heard from others with the same text: 2 chunks" in ended.err
    info = soundfile.info(story.folder / "story.wav")
    assert info.duration == pytest.approx(4 * 0.8)


def test_another_backend_goes_on_only_where_it_is_named(story: Program) -> None:
    story.write("two.yaml", "backend: {use: [espeak, sim]}\n")
    story("run", "story.txt", "--config", "two.yaml")
    audio = (story.folder / "story.wav").read_bytes()
    story.write("story.txt", paragraphs(CHUNKS + 1))
    story.hide("espeakng_loader")
    refused = story("run", "story.txt", "--config", "two.yaml", code=2)
    assert "story.wav has been spoken by espeak so far, and sim would speak now" in refused.err
    assert "--backend espeak" in refused.err
    assert (story.folder / "story.wav").read_bytes() == audio
    report = story.resumed("story.txt", *QUICK)
    assert (report["backend"], len(report["chunks"])) == ("sim", CHUNKS + 1)


def test_the_store_is_removed_on_request_once_all_is_well(story: Program) -> None:
    failing = sim(rtf=0, audio_s=0.2, faults="[{at: 1, kind: refuse}]")
    story(*SPEAK, "--no-keep-store", *failing, code=1)
    assert story.kept("story.wav") == CHUNKS - 1, "it is still needed"
    ended = story(*SPEAK, "--no-keep-store", *QUICK)
    assert "1 submitted, 1 delivered" in ended.err
    assert "kept: " not in ended.err
    assert files(story) == ["home", "story.txt", "story.wav"]


def test_the_store_of_a_complete_text_is_removed_on_request_too(spoken: Program) -> None:
    spoken(*SPEAK, "--no-keep-store", *QUICK)
    assert files(spoken) == ["home", "story.txt", "story.wav"]


# ---------------------------------------------------------------- what lies where the store should be


def test_the_store_of_another_text_is_of_use(spoken: Program) -> None:
    spoken.write("other.txt", "An opening.\n\n" + paragraphs(CHUNKS))
    report = spoken.resumed("other.txt", "-o", "story.wav", "--overwrite", *QUICK)
    assert indexes(report) == [0]


def test_a_store_of_a_newer_version_is_not_touched(spoken: Program) -> None:
    store = spoken.folder / "story.wav.ttsflow"
    data = store.read_bytes()
    for at in (at for at in range(8192) if data[at:].startswith(b"a store of ttsflow, format ")):
        data = data[: at + 27] + b"9" + data[at + 28 :]
    store.write_bytes(data[:60] + (9).to_bytes(4, "big") + data[64:])
    before = store.read_bytes()
    for command in (SPEAK, ["status", "story.wav"], ["redo", "story.wav", "--chunk", "0"]):
        refused = spoken(*command, *(QUICK if command == SPEAK else []), code=2)
        assert "is a store of a newer version of ttsflow (format 9;" in refused.err
        assert "update ttsflow, or begin anew with --fresh" in refused.err
    assert store.read_bytes() == before
    assert indexes(spoken.resumed("story.txt", "--fresh", *QUICK)) == list(range(CHUNKS))


@pytest.mark.parametrize("whose", ["text", "database", "folder"])
def test_what_is_somebody_elses_is_not_touched(story: Program, whose: str) -> None:
    place = story.folder / "story.wav.ttsflow"
    if whose == "text":
        place.write_text("a letter")
    elif whose == "folder":
        place.mkdir()
    else:
        subprocess.run(["python3", "-c", FOREIGN, place], check=True)
    before = b"" if whose == "folder" else place.read_bytes()
    for more in ([], ["--fresh"]):
        refused = story(*SPEAK, *more, *QUICK, code=2)
        assert "story.wav.ttsflow" in refused.err
        assert "choose another output with -o" in refused.err
    assert (b"" if whose == "folder" else place.read_bytes()) == before
    assert story.processes() == []


FOREIGN = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('CREATE TABLE letters(text)')"


def test_an_output_that_links_to_itself_is_refused(story: Program) -> None:
    (story.folder / "loop.wav").symlink_to("pool.wav")
    (story.folder / "pool.wav").symlink_to("loop.wav")
    for args in (["run", "story.txt", "-o"], ["run", "--text", "Hello.", "-o"], ["status"], ["clean"]):
        ended = story(*args, "loop.wav", code=2)
        assert "loop.wav" in ended.err


def test_a_link_leads_to_output_and_store(spoken: Program) -> None:
    (spoken.folder / "link.wav").symlink_to("story.wav")
    assert "nothing to do" in spoken("run", "story.txt", "-o", "link.wav", *QUICK).err
    assert "complete" in spoken("status", "link.wav").text
    assert (spoken.folder / "link.wav").is_symlink()


def test_two_runs_at_once_and_the_second_is_told_of_the_first(story: Program) -> None:
    engine = noted(story, rtf=0, audio_s=0.2)
    let_through(story, 1)
    first = story.start(*SPEAK, *engine)
    story.await_audio("story.wav")
    others = [story.start(*SPEAK, *more, *QUICK) for more in ([], ["--fresh"], ["--no-keep-store"])]
    for second in map(story.finish, others):
        assert second.code == 2
        assert f"another run is writing it; wait, or choose another place. It is process {first.pid}" in (
            second.err
        )
    let_through(story, CHUNKS)
    assert story.finish(first).code == 0
    assert "nothing to do" in story(*SPEAK, *engine).err


# ---------------------------------------------------------------- disks


def test_files_that_may_not_grow_end_the_run_and_it_goes_on(story: Program, undisturbed: Path) -> None:
    engine = sim(rtf=0, audio_s=0.2)
    ended = story.finish(story.start(*SPEAK, *engine, before=room(200_000)))
    assert ended.code == 3, ended.err
    assert "raise the limit (ulimit -f)" in ended.err
    kept = story.kept("story.wav")
    assert 0 < kept < CHUNKS
    assert files(story)[:3] == ["home", "story.txt", "story.wav.ttsflow"], "and no story.wav"
    assert len(indexes(story.resumed("story.txt", *engine))) == CHUNKS - kept
    assert samples(story) == samples(undisturbed)


def test_an_output_for_which_there_is_no_room_needs_no_worker_later(
    spoken: Program, undisturbed: Path
) -> None:
    (spoken.folder / "story.wav").unlink()
    ended = spoken.finish(spoken.start(*SPEAK, *QUICK, before=room(400_000)))
    assert ended.code == 3, ended.err
    assert "story.wav could not be completed" in ended.err
    assert f"{CHUNKS} of {CHUNKS} chunks are kept" in ended.err
    assert files(spoken) == ["home", "story.txt", "story.wav.ttsflow"]
    assert spoken.resumed("story.txt", *QUICK)["workers"] == []
    assert samples(spoken) == samples(undisturbed)


# Runs what it is given on a disk with little room left, and once more with enough; there only it can look.
TWICE = """
dd if=/dev/zero of=disk/filler bs=1000 count=$1 2>/dev/null; shift
"$@"; echo "code $?, $(ls -A disk | tr '\\n' ' ')" >&2
rm disk/filler
"$@" && cp disk/story.wav .
"""


@pytest.mark.parametrize(("room_kb", "while_"), [(300, "speaking"), (700, "building")])
def test_a_full_disk_ends_the_run_and_it_goes_on(
    story: Program, undisturbed: Path, room_kb: int, while_: str
) -> None:
    disk = story.folder / "disk"
    disk.mkdir()
    before = [*on_a_small_disk("size=8000k", disk), "sh", "-c", TWICE, "sh", str(8000 - room_kb)]
    engine = sim(chunk_s=0.05, audio_s=0.2)  # so that each chunk is kept before the next one is there
    ended = story.finish(
        story.start("run", "story.txt", "--overwrite", "-o", "disk/story.wav", *engine, before=before)
    )
    assert ended.code == 0, ended.err
    left = "code 3, filler story.wav.ttsflow "
    assert left in ended.err
    assert "free some space" in ended.err.partition(left)[0]
    assert ("could not be completed" in ended.err) == (while_ == "building")
    assert f"of {CHUNKS} chunks are kept" in ended.err
    assert "kept from before: " in ended.err
    assert samples(story) == samples(undisturbed)


@pytest.mark.parametrize("good", [7, 12])
def test_a_disk_that_cannot_be_trusted_ends_the_run_and_it_goes_on(
    story: Program, undisturbed: Path, failing_syncs: dict[str, str], good: int
) -> None:
    whole = dict(story.env)
    story.env |= {**failing_syncs, "FAKE_DISK_SYNCS": str(good)}
    ended = story(*SPEAK, *sim(chunk_s=0.02, audio_s=0.2), code=3)
    assert "the disk refuses it" in ended.err
    assert not (story.folder / "story.wav").exists()
    story.env = whole
    kept = story.kept("story.wav")
    assert kept < CHUNKS
    assert len(indexes(story.resumed("story.txt", *QUICK))) == CHUNKS - kept
    assert samples(story) == samples(undisturbed)


def test_a_folder_that_is_read_only_is_refused_before_any_worker_starts(
    spoken: Program, undisturbed: Path
) -> None:
    before = [*on_a_small_disk("size=8000k", spoken.folder / "disk"), "sh", "-c", READ_ONLY, "sh"]
    (spoken.folder / "disk").mkdir()
    command = ["run", "story.txt", "-o", "disk/story.wav", *sim(load_s=30)]
    ended = spoken.finish(spoken.start(*command, before=before))
    assert ended.code == 2, ended.err
    assert "disk takes no new file (Read-only file system)" in ended.err


READ_ONLY = 'mount -o remount,ro disk; exec "$@"'


# ---------------------------------------------------------------- damage


def one_byte(data: bytearray) -> None:
    data[len(data) * 2 // 3] ^= 0x10


def many_bytes(data: bytearray) -> None:
    for place in range(9000, len(data), len(data) // 40):
        data[place] ^= 0x55


def a_page_of_zeros(data: bytearray) -> None:
    data[8192:12288] = bytes(4096)


def the_first_page(data: bytearray) -> None:
    data[100:4096] = bytes(3996)


def half_of_it(data: bytearray) -> None:
    del data[len(data) // 2 :]


@pytest.mark.parametrize("harm", [one_byte, many_bytes, a_page_of_zeros, the_first_page, half_of_it])
def test_a_damaged_store_is_mended_and_the_audio_is_the_same(
    spoken: Program, undisturbed: Path, harm: Callable[[bytearray], None]
) -> None:
    store, wav = spoken.folder / "story.wav.ttsflow", spoken.folder / "story.wav"
    data = bytearray(store.read_bytes())
    harm(data)
    store.write_bytes(data)
    wav.unlink()
    report = spoken.resumed("story.txt", *QUICK)
    assert report["ended"] == "finished"
    assert (report["summary"]["failed"], report["summary"]["not_reached"]) == (0, 0)
    assert samples(spoken) == samples(undisturbed)
    wav.unlink()
    assert spoken.resumed("story.txt", *QUICK)["workers"] == [], "all of it is there"
    assert samples(spoken) == samples(undisturbed)


def test_damage_that_only_another_build_would_meet_does_not_touch_the_output(
    spoken: Program, undisturbed: Path
) -> None:
    store = spoken.folder / "story.wav.ttsflow"
    data = bytearray(store.read_bytes())
    one_byte(data)
    store.write_bytes(data)
    assert "nothing to do" in spoken(*SPEAK, *QUICK).err
    assert samples(spoken) == samples(undisturbed)
    spoken.write("story.txt", paragraphs(CHUNKS) + "\n\nThe end.")
    report = spoken.resumed("story.txt", "--overwrite", *QUICK)  # the copy of a story made elsewhere
    assert len(indexes(report)) == 2, "the new chunk and the damaged one"
    assert indexes(report)[-1] == CHUNKS
