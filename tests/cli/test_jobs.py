"""Files of jobs: a text a line, with what it says for itself; each bad line is named."""

from __future__ import annotations

import json

import pytest
import soundfile

from tests.cli.program import NEVER_LOADS, Program, sim

QUICK = sim(rtf=0)


def lines(*jobs: object) -> str:
    return "".join(f"{json.dumps(job)}\n" for job in jobs)


def test_each_line_is_spoken_as_it_says(program: Program) -> None:
    program.write("in/story.txt", "It rained. It snowed.")
    program.write(
        "in/jobs.jsonl",
        "\n"
        + lines(
            {"id": "hello", "text": "Hello there, all of you."},
            {"id": 7, "text": "Hello there, all of you.", "speed": 2},
            {"id": "hello again/and: again", "text": "Hello there, all of you.", "seed": 5},
            {"file": "story.txt", "voice": "anna", "language": "de", "weight": 3.5},
            {"file": "story.txt", "output": "deep/own.flac"},
            {"id": "named", "file": "story.txt"},
        ),
    )
    engine = [*QUICK, *sim(voices="[anna, bert]", languages="[en, de]")[2:]]
    program("run", "--jobs", "in/jobs.jsonl", "-o", "out", *engine)
    out = program.folder / "out"
    names = ["7.wav", "deep/own.flac", "hello again and again.wav", "hello.wav", "named.wav", "story.wav"]
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.suffix != ".ttsflow")
    assert found == ["7.wav", "deep", *names[1:]]
    assert soundfile.info(out / "deep/own.flac").format == "FLAC"
    usual, fast = (soundfile.info(out / name).duration - 0.6 for name in ("hello.wav", "7.wav"))
    assert fast == pytest.approx(usual / 2, abs=0.01)
    assert (out / "hello.wav").read_bytes() != (out / "hello again and again.wav").read_bytes()
    shown = program("run", "--jobs", "in/jobs.jsonl", "-o", "out", "--dry-run", "json", *engine).text
    spoken = {row["source"]: (row["voice"], row["language"]) for row in map(json.loads, shown.splitlines())}
    assert spoken["in/jobs.jsonl, line 5"] == ("anna", "de")
    assert spoken["in/jobs.jsonl, line 6"] == (None, "en")


def test_standard_input_is_a_file_of_jobs(program: Program) -> None:
    program.write("story.txt", "It rained.")
    jobs = lines({"id": "one", "text": "Hello."}, {"file": "story.txt"}).encode()
    program("run", "--jobs", "-", "-o", "out", *QUICK, stdin=jobs)
    again = program("run", "--jobs", "-", "-o", "out", *QUICK, stdin=b"\xef\xbb\xbf" + jobs)
    assert "2 complete" in again.err
    assert "standard input has no job" in program("run", "--jobs", "-", *QUICK, stdin=b"\n", code=2).err


BAD = [
    ("hello", 'not JSON: Expecting value at character 1; each line is an object, such as {"id": "one"'),
    ('["hello"]', "not an object; each line is one"),
    ('{"id": "a", "text": "A."', "not JSON: Expecting ',' delimiter"),
    ('{"id": "a", "text": "A.", "sped": 2}', "sped is not a known key; did you mean 'speed'?"),
    ('{"id": "a", "text": "A.", "speed": "fast"}', "speed is 'fast', but must be a number"),
    ('{"id": "a", "text": "A.", "speed": 0}', "speed is 0, but must be greater than 0"),
    ('{"id": "a", "text": "A.", "speed": NaN}', "NaN is not a number in JSON"),
    ('{"id": "a", "text": "A.", "weight": -1}', "weight is -1, but must be greater than 0"),
    ('{"id": "a", "text": "A.", "seed": 1.5}', "seed is 1.5, but must be a whole number"),
    ('{"id": "a", "text": 5}', "text is 5, but must be text"),
    ('{"id": "a", "text": ""}', "text is '', but must have at least 1 character"),
    ('{"id": "a", "text": "A.", "text": "B."}', "text is there twice; keep one of them"),
    ('{"id": "a"}', "the job has nothing to speak; give text or file"),
    ('{"text": "A."}', "the job does not say the name of its output; give id or output"),
    ('{"id": "///", "text": "A."}', "the job does not say the name of its output"),
    ('{"id": "a", "text": "A.", "file": "story.txt"}', "has both text and file; give one of them"),
    ('{"id": "a", "text": "A.", "voice": "x", "reference": "y"}', "has both voice and reference"),
    ('{"id": "a", "file": "stroy.txt"}', "stroy.txt does not exist. Did you mean "),
    ('{"id": "a", "file": "folder"}', "folder is a folder"),
    ('{"id": "a", "file": "a\\u0000b"}', "cannot be read"),
    ('{"id": "a", "file": "table.csv"}', "table.csv is a table, by its name"),
    ('{"id": "a", "text": "A.", "output": "a.wma"}', "has the name of wma audio"),
    ('{"id": "a", "text": "A.", "output": "a.xyz"}', "a.xyz has no suffix that says its format; there are"),
    ('{"id": "a", "text": "A.", "output": "x/../../a.wav"}', "leads out of the current folder, where the"),
    ('{"id": "a", "text": "A.", "output": "folder"}', "it is a folder; name a file in it"),
    ('{"id": "a", "text": "A.", "output": "story.txt"}', "is a text that is to be spoken"),
    ('{"id": "b", "text": "A.", "output": "good.wav"}', "would both be spoken to good.wav. Rename one"),
    ('{"id": "good", "text": "A.", "output": "a.wav"}', "the id 'good' is that of jobs.jsonl, line 1, too"),
    ('{"id": "good", "text": "A."}', "the id 'good' is that of jobs.jsonl, line 1, too; give each its own"),
    ('{"id": "a", "text": "' + "[" * 9 + '\\ud800", "voice": "\\ud800"}', ""),
    ("[" * 100_000, "recursion"),
]
OF_THE_ENGINE = [
    ('{"id": "c", "text": "A.", "voice": "nobody"}', "unknown voice 'nobody'; did you mean 'nobodi'?"),
    ('{"id": "d", "text": "A.", "language": "fr"}', "unknown language 'fr'"),
    ('{"id": "e", "text": "A.", "speed": 99}', "speaks at speeds from"),
    ('{"id": "f", "text": "A.", "reference": "gone.wav"}', "does not take reference audio"),
]


def test_bad_lines_are_named_before_anything_is_spoken(program: Program) -> None:
    program.write("story.txt", "It rained.")
    program.write("table.csv", "a,b")
    (program.folder / "folder").mkdir()
    start = lines({"id": "good", "text": "Hello."}, {"file": "story.txt"})
    engine = [*NEVER_LOADS, *sim(voices="[nobodi]", languages="[en]")[2:]]

    for bad, number in ((BAD[:14], 14), ([*BAD[14:29], *OF_THE_ENGINE], 19), (BAD[30:], 1)):
        (program.folder / "jobs.jsonl").write_text(start + "".join(f"{line}\n" for line, _ in bad))
        ended = program("run", "--jobs", "jobs.jsonl", *engine, code=2)
        told = ended.err.removeprefix("ttsflow: error: ").splitlines()
        assert len(told) == number
        for place, ((_, said), line) in enumerate(zip(bad, told, strict=True), 3):
            assert line.startswith(f"jobs.jsonl, line {place}")
            assert said in line
    assert not (program.folder / "good.wav").exists()


def test_a_language_that_is_not_spoken_is_told_with_all_else_wherever_it_stands(program: Program) -> None:
    jobs = [{"id": "a", "text": "A.", "language": "fr"}, {"id": "b", "text": "B.", "sped": 2}]
    program.write("jobs.jsonl", lines(*jobs, {"id": "c", "text": "C.", "voice": "nobody"}))
    for engine in (
        sim(voices="[anna]", languages="[en]"),
        ["--set", "backend.use=[sim]", *sim(voices="[anna]", languages="[en]")[2:]],
    ):
        for dry in ([], ["--dry-run"]):
            told = program("run", "--jobs", "jobs.jsonl", *engine, *dry, code=2).err
            assert [f"jobs.jsonl, line {number}" in told for number in (1, 2, 3)] == [True] * 3, told
            assert "unknown language 'fr'" in told


def test_an_output_elsewhere_is_named_by_its_whole_path(program: Program) -> None:
    elsewhere = program.folder / "elsewhere.wav"
    program.write("jobs.jsonl", lines({"id": "a", "text": "A.", "output": str(elsewhere)}))
    program("run", "--jobs", "jobs.jsonl", "-o", "out", *QUICK)
    assert elsewhere.exists()
    program.write("jobs.jsonl", lines({"id": "a", "text": "A.", "output": "../elsewhere.wav"}))
    told = program("run", "--jobs", "jobs.jsonl", "-o", "out", *QUICK, code=2).err
    assert "output '../elsewhere.wav' leads out of out, where the outputs go" in told


def test_a_hundred_bad_lines_are_counted(program: Program) -> None:
    program.write("jobs.jsonl", "x\n" * 100)
    told = program("run", "--jobs", "jobs.jsonl", *NEVER_LOADS, code=2).err.splitlines()
    assert (len(told), told[-1]) == (21, "and 80 more")


def test_bytes_that_are_no_text_and_files_that_are_not_there(program: Program) -> None:
    (program.folder / "jobs.jsonl").write_bytes(b'{"id": "a", "text": "caf\xe9"}\n')
    assert "line 1: not UTF-8 text" in program("run", "--jobs", "jobs.jsonl", *NEVER_LOADS, code=2).err
    for name in ("gone.jsonl", "."):
        ended = program("run", "--jobs", name, *NEVER_LOADS, code=2)
        assert f"the file of jobs {name} cannot be read: " in ended.err


def test_keep_going_speaks_the_other_lines(program: Program) -> None:
    bad = [line for line, _ in (BAD[3], BAD[12], BAD[29])]
    good = lines({"id": "one", "text": "Hello."}, {"id": "two", "text": "Again."})
    program.write("jobs.jsonl", "".join(f"{line}\n" for line in bad) + good)
    args = ("run", "--jobs", "jobs.jsonl", "-o", "out", *sim(rtf=0, voices="[anna]"))
    ended = program(*args, "--keep-going", "--report", "run.json", code=1)
    for number in (1, 2, 3):
        assert f"ttsflow: error: jobs.jsonl, line {number}: " in ended.err
    assert "texts       5: 3 refused, 2 spoken;" in ended.err
    report = json.loads((program.folder / "run.json").read_bytes())
    assert [text["state"] for text in report["texts"]].count("refused") == 3
    assert sorted(path.name for path in (program.folder / "out").glob("*.wav")) == ["one.wav", "two.wav"]
    shown = program(*args, "--keep-going", "--dry-run", code=1)
    assert "Hello." in shown.text
    assert "jobs.jsonl, line 1: sped is not a known key" in shown.err
