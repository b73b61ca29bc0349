"""How a run ends when it does not go well: exit codes, and what is left behind."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from typing import IO, Any

import soundfile

from tests.cli.program import NEVER_LATE, ONE_WORKER, TWO_WORKERS, Program, paragraphs, sim


def test_chunks_that_fail_are_named_and_the_rest_is_there(program: Program) -> None:
    engine = sim(audio_s=0.5, faults="[{at: 2, kind: refuse}, {at: 4, kind: fail}]")
    ended = program("run", "--text", paragraphs(6), "--report", "run.json", *engine, code=1)
    for index in (2, 4):
        assert f'chunk {index} "This is part {index + 1} of 6."' in ended.err
    assert "6 submitted, 4 delivered, 2 failed" in ended.err
    samples, rate = soundfile.read(program.folder / "speech.wav")
    assert len(samples) / rate == 4 * 0.5 + 6 * 0.6
    chunks = json.loads((program.folder / "run.json").read_bytes())["chunks"]
    assert [chunk["status"] for chunk in chunks] == ["ok", "ok", "failed", "ok", "failed", "ok"]
    assert [chunk["attempts"] for chunk in chunks] == [1, 1, 1, 1, 3, 1], "a refusal is not tried again"


def test_no_file_where_every_chunk_failed(program: Program) -> None:
    ended = program("run", "--text", "Hello.", *sim(faults="[{at: 0, kind: refuse}]"), code=1)
    assert "1 submitted, 0 delivered, 1 failed" in ended.err
    assert "no chunk could be spoken, so speech.wav was not written" in ended.err
    assert "spoken to" not in ended.err
    assert "kept: " not in ended.err, "nothing is"
    assert not (program.folder / "speech.wav").exists()


def test_a_reader_who_leaves_ends_the_run_quietly(program: Program) -> None:
    engine = sim(audio_s=10, faults="[{at: 1, kind: hang}]")  # and nothing more will ever be written
    process = program.start("run", "--text", paragraphs(200), "-o", "-", *NEVER_LATE, *engine)
    assert process.stdout is not None
    assert process.stdout.read(100)[:4] == b"RIFF"
    process.stdout.close()
    process.stdout = None
    ended = program.finish(process)
    assert ended.code == 141
    assert len(ended.err.splitlines()) == 1, "nothing after the line that says what was chosen"
    assert program.processes() == []


def test_a_reader_who_leaves_after_the_last_write_is_not_told_that_all_is_spoken(program: Program) -> None:
    args = ["run", "-", "-o", "-", "--format", "pcm", "--set", "text.flush_s=0.1", *sim(audio_s=0.1)]
    process = program.start(*args, stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"Hello there.")
    process.stdin.flush()
    assert process.stdout.read(100)
    process.stdout.close()
    process.stdout = None
    ended = program.finish(process)  # which ends the text
    assert ended.code == 141
    assert "spoken to" not in ended.err


def test_nothing_is_said_to_be_spoken_where_every_chunk_failed(program: Program) -> None:
    ended = program("run", "--text", "Hello.", "-o", "-", *sim(faults="[{at: 0, kind: refuse}]"), code=1)
    assert "1 submitted, 0 delivered, 1 failed" in ended.err
    assert ended.err.splitlines()[-1].startswith("ttsflow: no chunk could be spoken")
    assert "spoken to" not in ended.err
    silent = program("run", "--text", "***", "-o", "-", *sim())
    assert "no word was spoken" in silent.err
    assert "spoken to" not in silent.err
    partly = ("run", "--text", paragraphs(2), "-o", "-", *sim(faults="[{at: 0, kind: refuse}]"))
    assert "spoken to standard output" in program(*partly, code=1).err


def test_a_standard_output_that_is_closed_is_refused(program: Program) -> None:
    closed = ["sh", "-c", '"$@" >&-', "-"]
    refused = program.finish(program.start("run", "--text", "Hello.", "-o", "-", *sim(), before=closed))
    assert refused.code == 2
    assert "standard output is closed" in refused.err
    spoken = program.start("run", "--text", "Hello.", "-o", "hello.wav", *sim(), before=closed)
    assert program.finish(spoken).code == 0


def test_the_report_counts_what_was_heard_by_a_reader_who_left(program: Program) -> None:
    engine = sim(chunk_s=0.05, audio_s=10)
    process = program.start("run", "--text", paragraphs(200), "-o", "-", "--report", "run.json", *engine)
    assert process.stdout is not None
    process.stdout.read(48_000)  # one second, of a chunk of ten
    program.until(lambda: waiting_in(process.stdout) > 48_000)  # nobody reads, and the pipe is full
    process.stdout.close()
    process.stdout = None
    assert program.finish(process).code == 141
    summary = settled_summary(program)
    assert summary["delivered"] == 0
    assert summary["not_reached"] > 0


def waiting_in(pipe: IO[bytes] | None) -> int:
    """How many bytes have been written into a pipe and not been read."""
    assert pipe is not None
    [count] = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
    return int(count)


def settled_summary(program: Program) -> dict[str, Any]:
    """The summary in the report: every chunk is accounted for."""
    summary: dict[str, Any] = json.loads((program.folder / "run.json").read_bytes())["summary"]
    assert summary["submitted"] == summary["delivered"] + summary["failed"] + summary["not_reached"]
    return summary


def test_ctrl_c_leaves_no_process_and_no_file(program: Program) -> None:
    engine = sim(chunk_s=0.1, device="any")
    parallel = ["--policy", "bounded-parallel", "--set", "policy.options.max_concurrent=2"]
    process = program.start(
        "run", "--text", paragraphs(200), "--report", "run.json", *parallel, *engine, start_new_session=True
    )
    program.await_audio("speech.wav")
    os.killpg(process.pid, signal.SIGINT)
    ended = program.finish(process)
    assert ended.code == 130
    assert ended.err.splitlines()[-1] == "ttsflow: interrupted"
    assert program.processes() == []
    assert sorted(path.name for path in program.folder.iterdir()) == [
        "home",
        "run.json",
        "speech.wav.ttsflow",
    ]
    report = json.loads((program.folder / "run.json").read_bytes())
    assert report["ended"] == "interrupted"
    summary = settled_summary(program)
    assert 0 < summary["delivered"] < 200
    assert summary["submitted"] == 200, "the chunks that nothing has come to are counted, too"
    assert f"{summary['submitted']} submitted, {summary['delivered']} delivered" in ended.err
    assert f"{summary['not_reached']} not reached" in ended.err


def test_ctrl_c_while_the_model_loads(program: Program) -> None:
    state = program.folder / "home" / "state"
    engine = sim(faults="[{at: load, kind: hang, times: 1}]", state_dir=state)
    process = program.start(
        "run", "--text", "Hello.", *ONE_WORKER, *NEVER_LATE, *engine, start_new_session=True
    )
    program.until(state.exists)
    os.killpg(process.pid, signal.SIGINT)
    ended = program.finish(process)
    assert ended.code == 130
    assert "chunks" not in ended.err, "there is nothing to sum up"
    assert program.processes() == []
    assert [path.name for path in program.folder.iterdir()] == ["home"]


def test_ctrl_c_leaves_the_file_that_was_there(program: Program) -> None:
    program.write("story.txt", paragraphs(200))
    wav = program.folder / "story.wav"
    wav.write_bytes(b"from another day")
    process = program.start("run", "story.txt", "--overwrite", *sim(chunk_s=0.1), start_new_session=True)
    program.await_audio("story.wav")
    os.killpg(process.pid, signal.SIGINT)
    assert program.finish(process).code == 130
    assert wav.read_bytes() == b"from another day"
    assert sorted(path.name for path in program.folder.iterdir()) == [
        "home", "story.txt", "story.wav", "story.wav.ttsflow",
    ]  # fmt: skip


def test_a_program_that_was_stopped_counts_that_time_nowhere(program: Program) -> None:
    limits = ("--set", "limits.timeouts.chunk_s=5", "--set", "limits.hedge=1")
    process = program.start(
        "run", "--text", paragraphs(12), *TWO_WORKERS, *limits, *sim(chunk_s=0.5), "--report", "run.json"
    )
    program.await_audio("speech.wav")
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    time.sleep(8.0)  # this is the pause
    process.send_signal(signal.SIGCONT)
    ended = program.finish(process)
    assert ended.code == 0
    report = json.loads((program.folder / "run.json").read_text())
    summary = report["summary"]
    assert 3.0 < summary["stopped_s"] <= 8.0
    assert f"stopped     {summary['stopped_s']:.1f} s" in ended.err
    assert summary["chunk_s"]["p95"] < 5.0
    assert summary["hedges"] == 0
    assert report["losses"] == []


def test_workers_end_with_a_coordinator_that_is_killed(program: Program) -> None:
    process = program.start(
        "run",
        "--text",
        paragraphs(200),
        *ONE_WORKER,
        *sim(chunk_s=3600),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    program.until(lambda: len(program.processes()) == 2)
    process.kill()
    process.wait()
    program.await_end()
    assert not (program.folder / "speech.wav").exists()
    assert program.report("--text", paragraphs(200), *sim(rtf=0, audio_s=0.01))["summary"]["failed"] == 0


FORKS = """
import os, sys, time
from ttsflow import Engine
engine = Engine(settings={"backend.use": "sim"})
engine.ready()
child = os.fork()
if not child:
    time.sleep(3600)
print(child, flush=True)
time.sleep(3600)
"""


def test_workers_end_with_a_killed_coordinator_that_had_forked(program: Program) -> None:
    """The child holds the other end of all that the workers listen to."""
    process = subprocess.Popen([sys.executable, "-c", FORKS], env=program.env, stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    try:
        while [left.pid for left in program.processes()] != [child]:
            time.sleep(0.02)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_failed_chunk_is_named_even_where_quiet_is_asked_for(program: Program) -> None:
    ended = program("run", "-q", "--text", paragraphs(3), *sim(faults="[{at: 1, kind: refuse}]"), code=1)
    [line] = ended.err.splitlines()
    assert 'chunk 1 "This is part 2 of 3."' in line


def test_sigterm_cleans_up_as_ctrl_c_does(program: Program) -> None:
    process = program.start("run", "--text", paragraphs(200), "--report", "run.json", *sim(chunk_s=0.1))
    program.await_audio("speech.wav")
    process.terminate()
    assert program.finish(process).code == 143
    assert program.processes() == []
    assert sorted(path.name for path in program.folder.iterdir()) == [
        "home",
        "run.json",
        "speech.wav.ttsflow",
    ]
    settled_summary(program)
