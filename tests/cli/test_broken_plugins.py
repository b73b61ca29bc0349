"""Plugins that are broken in the foreground, and an engine with which nothing can be spoken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import Program, paragraphs, sim

BACKEND = """
import numpy as np
import ttsflow
{head}

class Mine(ttsflow.Backend):
    name = "mine"
    class Options(ttsflow.PluginOptions):
        x: int = 0
    @classmethod
    def describe(cls, options):
        {describe}
        return ttsflow.Profile(backend=cls.name, sample_rate=8000, languages=("en", "fr"), deterministic=True)
    @classmethod
    def voices(cls, options):
        return [ttsflow.Voice("anna", ("en",)), ttsflow.Voice("any")]
    @classmethod
    def prepare(cls, options, ask):
        {prepare}
    def load(self, device, slots):
        {load}
    def synthesize(self, job):
        {speak}
        yield ttsflow.AudioPiece(np.full(len(job.text) * 500, 0.1, "float32"), 8000)

@ttsflow.hookimpl
def ttsflow_backends():
    return [Mine]
"""

STUBBORN = """
        while True:
            try:
                import time
                time.sleep(1000)
            except BaseException:
                pass
"""

LEFT_BEHIND = "threading.Thread(target=threading.Event().wait).start()"

MINE = ["--plugins-dir", "plugins", "--backend", "mine"]


def mine(program: Program, **parts: str) -> Path:
    """A backend of one file, in which parts were written by somebody else."""
    usual = {"head": "", "describe": "pass", "prepare": "pass", "load": "pass", "speak": "pass"}
    return program.write("plugins/mine.py", BACKEND.format(**(usual | parts)))


def test_standard_output_carries_audio_and_nothing_else(program: Program) -> None:
    program.write("text.txt", "One sentence.")
    args = ["run", "text.txt", *MINE, "-o", "-", "--format", "pcm"]
    mine(program)
    quiet = program(*args)
    talks = 'import os; print("{0}"); os.system("echo {0} of a child"); os.write(1, b"{0} by number\\n")'
    mine(
        program,
        head=f"{talks.format('IMPORT')}\nimport threading\n"
        'threading.Thread(target=lambda: [print("THREAD") for _ in range(50)], daemon=True).start()',
        describe=talks.format("DESCRIBE"),
        prepare=talks.format("PREPARE"),
        load=talks.format("LOAD"),
        speak=talks.format("SPEAK"),
    )
    ended = program(*args)
    assert ended.out == quiet.out != b""
    plugin = program.folder / "plugins/mine.py"
    for by in ("", " of a child", " by number"):
        assert f"ttsflow: plugin {plugin} prints: IMPORT{by}\n" in ended.err
        assert f"ttsflow: backend 'mine' prints: DESCRIBE{by}\n" in ended.err
        assert f"ttsflow: backend 'mine' prints: PREPARE{by}\n" in ended.err
    listed = program("voices", "--json", *MINE)
    assert listed.text.startswith("{")
    assert "IMPORT" in listed.err


def test_a_flood_of_words_is_cut(program: Program) -> None:
    mine(program, describe='print("x" * 100_000); print("word\\n" * 100_000)')
    ended = program("run", "--text", "One.", *MINE)
    assert "backend 'mine' prints more, which is left out" in ended.err
    assert len(ended.err) < 50_000


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("head", "import time; time.sleep(1000)"),
        ("describe", "while True: pass"),
        ("prepare", STUBBORN),
        ("describe", f"import threading\n        {LEFT_BEHIND}; threading.Event().wait()"),
    ],
    ids=["import", "describe", "prepare that catches all", "a thread that is waited for"],
)  # fmt: skip
def test_sigterm_ends_the_program_whatever_a_plugin_does(program: Program, part: str, code: str) -> None:
    began = program.folder / "began"
    mine(program, **{part: f"open({str(began)!r}, 'w').close()\n{'' if part == 'head' else ' ' * 8}{code}"})
    process = program.start("run", "--text", "One.", *MINE)
    program.until(began.exists)
    process.terminate()
    assert program.finish(process).code == 143
    assert program.processes() == []


def test_a_thread_that_a_plugin_leaves_behind_does_not_keep_the_program(program: Program) -> None:
    mine(program, describe=f"import threading\n        {LEFT_BEHIND}")
    assert "1 delivered" in program("run", "--text", "One.", *MINE).err


def test_sigterm_ends_the_program_whatever_a_policy_does(program: Program) -> None:
    began = program.folder / "began"
    program.write(
        "plugins/stuck.py",
        f"""
import time
import ttsflow

class Stuck(ttsflow.Policy):
    name = "stuck"
    def place(self, devices, profile):
        open({str(began)!r}, "w").close()
        time.sleep(1000)

@ttsflow.hookimpl
def ttsflow_policies():
    return [Stuck]
""",
    )
    process = program.start("run", "--text", "One.", "--plugins-dir", "plugins", "--policy", "stuck", *sim())
    program.until(began.exists)
    process.terminate()
    assert program.finish(process).code == 143
    assert program.processes() == []


def test_a_run_in_which_nothing_succeeds_ends_early_and_goes_on_later(program: Program) -> None:
    program.write("text.txt", paragraphs(60))
    plugin = mine(program, speak="raise SystemExit")
    line = plugin.read_text().split("\n").index("        raise SystemExit") + 1
    ended = program("run", "text.txt", *MINE, code=3)
    last = ended.err.splitlines()[-1]
    assert "chunks have failed, all alike, and none was spoken: the others are not tried" in last
    assert last.endswith(f"SystemExit (mine.py:{line})")
    assert ended.err.count("is tried again") == 1
    mine(program)
    assert "60 delivered" in program("run", "text.txt", *MINE).err


def test_a_model_that_is_not_there_is_asked_for_twice_and_told_once(program: Program) -> None:
    mine(program, load='open("no such model")')
    ended = program("run", "--text", "One.", *MINE, "--policy", "sequential", code=3)
    assert ended.err.count("No such file or directory: 'no such model'") == 1


def test_a_voice_of_another_language_is_noticed(program: Program) -> None:
    mine(program)
    said = "voice 'anna' of backend 'mine' is listed for en, and speaks 'fr' here"
    assert said in program("run", "--text", "Un.", *MINE, "--language", "fr", "--voice", "anna").err
    for args in (["--language", "fr", "--voice", "any"], ["--voice", "anna"]):
        assert "is listed for" not in program("run", "--text", "Un.", "--overwrite", *MINE, *args).err
