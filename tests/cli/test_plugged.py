"""Readers and encoders of plugins, on the command line: by suffix, by name, in folders and through pipes."""

from __future__ import annotations

import json
import time

import pytest

from tests.cli.program import ONE_WORKER, Program, sim

PLUGIN = """
import ttsflow

class Shouted(ttsflow.TextReader):
    name = "shouted"
    suffixes = (".shout",)
    def read(self, data, name):
        return data.decode().capitalize()

class Backwards(ttsflow.AudioEncoder):
    name = "backwards"
    suffixes = (".back",)
    streamed = True
    def begin(self, file, sample_rate, kbit_s):
        print("words of the encoder")
        self.file = file
    def write(self, samples):
        self.file.write((-samples).tobytes())
    def finish(self, details):
        if not self.file.seekable():
            self.file.write(b"END!")

class Chest(Backwards):
    name = "chest"
    suffixes = (".chest",)
    streamed = False

@ttsflow.hookimpl
def ttsflow_readers():
    return [Shouted]

@ttsflow.hookimpl
def ttsflow_encoders():
    return [Backwards, Chest]
"""

PLUGGED = ("--plugins-dir", "plugins", *sim(), *ONE_WORKER)


@pytest.fixture
def plugged(program: Program) -> Program:
    program.write("plugins/more.py", PLUGIN)
    return program


def turned(samples: bytes) -> bytes:
    """What the encoder makes of samples."""
    import numpy as np

    return (-np.frombuffer(samples, "<i2")).tobytes()


def test_a_folder_of_texts_that_a_plugin_reads_becomes_files_that_another_writes(plugged: Program) -> None:
    plugged.write("texts/one.shout", "HELLO ONE.")
    plugged.write("texts/two.txt", "Hello two.")
    plugged.write("texts/cover.jpg", "no text")
    plugged("run", "texts", "-o", "audio", "--format", "backwards", *PLUGGED)
    made = sorted(path.name for path in (plugged.folder / "audio").iterdir())
    assert made == ["one.back", "one.back.ttsflow", "two.back", "two.back.ttsflow"]
    plugged("export", "audio/one.back", "one.pcm")
    plugged("export", "audio/one.back", "again.back")
    samples = (plugged.folder / "one.pcm").read_bytes()
    assert (plugged.folder / "again.back").read_bytes() == turned(samples)
    assert (plugged.folder / "audio" / "one.back").read_bytes() == turned(samples)
    plugged("run", "--text", "Hello.", "-o", "other.wav", *sim(), *ONE_WORKER)
    ended = plugged("export", "other.wav", "other.back", code=2)
    assert "other.back has no suffix that says its format; there are .wav" in ended.err
    plugged("export", "other.wav", "other.back", "--plugins-dir", "plugins")


def test_standard_input_by_the_name_of_a_reader_and_audio_through_a_pipe(plugged: Program) -> None:
    shown = plugged("run", "-", "--input-format", "shouted", "--dry-run", *PLUGGED, stdin=b"HELLO THERE.")
    assert "Hello there." in shown.text
    streamed = plugged("run", "--text", "Hello.", "-o", "-", "--format", "backwards", *PLUGGED)
    plugged("run", "--text", "Hello.", "-o", "hello.pcm", *PLUGGED)
    assert streamed.out == turned((plugged.folder / "hello.pcm").read_bytes()) + b"END!"
    assert "encoder 'backwards' prints: words of the encoder" in streamed.err
    ended = plugged("run", "--text", "Hello.", "-o", "-", "--format", "chest", *PLUGGED, code=2)
    assert "chest audio cannot be streamed; name a file with -o" in ended.err
    assert plugged.processes() == []


def test_a_listener_who_takes_his_time_is_not_the_plugins_fault(plugged: Program) -> None:
    text = "\n\n".join(f"Sentence {number} is spoken here." for number in range(40))
    limits = ("--set", "limits.timeouts.plugin_s=5", "--set", "backend.options.rtf=0")
    run = plugged.start("run", "--text", text, "-o", "-", "--format", "backwards", *PLUGGED, *limits)
    time.sleep(9)  # the pipe is full long before that
    ended = plugged.finish(run)
    assert ended.code == 0, ended.err
    plugged("run", "--text", text, "-o", "whole.pcm", *PLUGGED)
    assert ended.out == turned((plugged.folder / "whole.pcm").read_bytes()) + b"END!"


def test_what_is_wrong_with_an_encoder_is_told_with_what_is_kept(plugged: Program) -> None:
    plugged.write("plugins/more.py", PLUGIN.replace("if not self.file.seekable():", "if 1 / 0:"))
    ended = plugged("run", "--text", "Hello.", "-o", "hello.back", *PLUGGED, code=3)
    assert "encoder 'backwards' of" in ended.err
    assert "raised in finish: ZeroDivisionError" in ended.err
    assert "the same command goes on from there" in ended.err
    plugged.write("plugins/more.py", PLUGIN)
    plugged("run", "--text", "Hello.", "-o", "hello.back", *PLUGGED)
    (plugged.folder / "plugins").rename(plugged.folder / "moved")
    plugged("export", "hello.back", "again.back", "--plugins-dir", "moved")
    ended = plugged("redo", "hello.back", "--chunk", "0", code=2)
    assert "unknown audio format 'backwards'" in ended.err
    plugged("redo", "hello.back", "--chunk", "0", "--plugins-dir", "moved")
    plugged("export", "hello.back", "again.wav")
    ended = plugged("export", "hello.back", "more.back", code=2)
    assert "more.back has no suffix that says its format" in ended.err


def test_names_that_are_wrong_are_told_by_config_check_and_plan(plugged: Program) -> None:
    for section, kind in (("output", "audio"), ("text", "input")):
        plugged.write("wrong.yaml", f"{section}: {{format: mp4x}}\n")
        for command in (("config", "check", "wrong.yaml"), ("plan", "a.txt", "--config", "wrong.yaml")):
            plugged.write("a.txt", "Hello.")
            ended = plugged(*command, code=2)
            assert f"unknown {kind} format 'mp4x'" in ended.err
            assert "It is named at wrong.yaml, line 1" in ended.err
    plugged.write("broken/bad.py", "1 / 0")
    ended = plugged("run", "-q", "--text", "A.", "--format", "fx", "--plugins-dir", "broken", *sim(), code=2)
    assert "A plugin that cannot be used may offer it" in ended.err
    assert ended.err.count("ZeroDivisionError") == 1


def test_a_reader_that_fails_costs_its_own_text(plugged: Program) -> None:
    plugged.write("texts/a.shout", "HELLO A.")
    (plugged.folder / "texts" / "b.shout").write_bytes(b"\xff")
    ended = plugged("run", "texts", "-o", "audio", "--keep-going", *PLUGGED, code=1)
    assert "b.shout cannot be read: reader 'shouted' of" in ended.err
    assert (plugged.folder / "audio" / "a.wav").exists()


def test_chapters_of_what_a_plugin_reads_and_a_notice_where_the_plugin_is_not_named(plugged: Program) -> None:
    plugged.write("a.shout", "HELLO A.")
    listed = plugged("chapters", "a.shout", "--plugins-dir", "plugins", "--backend", "sim", "--json")
    assert json.loads(listed.text)["chapters"]
    notice = "a.shout is read as plain text: no reader here is for files that end in .shout"
    assert notice in plugged("run", "a.shout", "--dry-run", *sim()).err
    assert "plain text" not in plugged("run", "a.shout", "--dry-run", *PLUGGED).err
