"""The commands that list and show, and how light the program starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import ONE_WORKER, Program, sim
from ttsflow.interface.installation import install_command

HEAVY = {"numpy", "torch", "soundfile", "rich", "pydantic", "yaml", "pluggy", "TTS", "ttsflow_plugins"}


@pytest.mark.parametrize("args", [["--help"], ["run", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    code = f"""
import sys
from ttsflow.cli import main
try:
    main({args!r})
finally:
    print("imported:", *{{name.partition(".")[0] for name in sys.modules}})
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    imported = set(out.rpartition("imported:")[2].split())
    assert "ttsflow" in imported
    assert imported & HEAVY == set()


def test_help_says_how_to_start(program: Program) -> None:
    for args in ([], ["--help"]):
        ended = program(*args, code=0 if args else 2)
        text = ended.text + ended.err
        assert "ttsflow run book.txt -o book.wav" in text
        for command in ("run", "policies", "backends", "voices", "devices", "config"):
            assert f"\n  {command} " in text
        assert "..." not in text.partition("Commands:")[2], "no line is cut short"


def test_policies(program: Program) -> None:
    text = program("policies").text
    for name in ("sequential", "bounded-parallel", "gpu-affinity"):
        assert f"\n{name} " in f"\n{text}"
    assert "audiobook, auto, gpu-affinity, parallel, realtime, sequential" in text
    listed = json.loads(program("policies", "--json").out)
    assert {"sequential", "bounded-parallel", "gpu-affinity"} <= {
        policy["name"] for policy in listed["policies"]
    }
    assert listed["files"] == ["audiobook", "auto", "gpu-affinity", "parallel", "realtime", "sequential"]


def test_a_policy_and_its_options(program: Program) -> None:
    text = program("policies", "gpu-affinity").text
    for said in ("--set policy.options.", "key", "chunk | voice | stream; default: chunk", "true | false"):
        assert said in text
    schema = json.loads(program("policies", "gpu-affinity", "--json").out)["options"]
    assert schema["properties"]["key"]["enum"] == ["chunk", "voice", "stream"]
    assert "it has no options" in program("policies", "sequential").text
    assert "ttsflow config show --policy auto" in program("policies", "auto").text


def test_backends(program: Program) -> None:
    program.hide("TTS")
    listed = json.loads(program("backends", "--json").out)["backends"]
    assert {backend["name"]: bool(backend["install"]) for backend in listed} == {
        "command": False,
        "coqui": True,
        "espeak": False,
        "hibari": False,
        "kokoro": False,
        "openai": False,
        "ovos": False,
        "piper": False,
        "sim": False,
        "xtts": True,
    }
    lines = {line.split()[0]: line for line in program("backends").text.splitlines()}
    assert "not installed" in lines["xtts"]
    assert "not installed" not in lines["espeak"]
    assert "not ready" in lines["kokoro"]  # it has no model here
    text = program("backends", "xtts").text
    assert install_command("xtts") in text
    assert "model_dir" in text


def test_voices(program: Program) -> None:
    listed = json.loads(program("voices", "--backend", "espeak", "--json").out)
    names = {voice["name"]: voice["languages"] for voice in listed["voices"]}
    assert len(names) > 100
    assert names["de"] == ["de"]

    german = program("voices", "--backend", "espeak", "--language", "de").text.splitlines()
    assert german[0].split() == ["de", "de", "German"]
    assert not any(line.split()[:1] == ["fr"] for line in german)
    only = json.loads(program("voices", "--backend", "espeak", "--language", "de", "--json").out)["voices"]
    assert {tuple(voice["languages"]) for voice in only} == {("de",), ()}
    program("voices", "--backend", "espeak", "--language", "ptx-br", code=2)
    near = program("voices", "--backend", "espeak", "--language", "de_AT")
    assert near.text.splitlines() == german
    assert "notice: backend espeak speaks language 'de_AT' as 'de'" in near.err

    assert "no voices" in program("voices", *sim()).text
    program.hide("TTS")
    assert install_command("xtts") in program("voices").err, "a fallback is said here, too"


def test_devices(program: Program) -> None:
    program.gpus(2, free_gib=23, total_gib=24)
    lines = program("devices").text.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["cuda:0", "cuda:1"]
    assert "23.0 of 24.0 GiB free" in lines[0]
    listed = json.loads(program("devices", "--json").out)
    assert [device["kind"] for device in listed["devices"]] == ["cuda", "cuda", "cpu"]
    program.gpus(0)
    assert json.loads(program("devices", "--json").out)["notes"]


def test_config_show(program: Program) -> None:
    program.gpus(2)
    program.write("my.yaml", "limits: {retries: 5}\n")
    text = program("config", "show", "--config", "my.yaml", "--set", "text.language=de").text
    assert "retries: 5  # my.yaml, line 1" in text
    assert "language: de  # --set text.language" in text
    rule = "policies/auto.yaml (shipped), rule 2: 2 GPUs"
    assert [line for line in text.splitlines() if "on this machine" in line] == [
        f"# on this machine: policy adaptive ({rule}, a file, 4 slots)",
        f"# on this machine: policy adaptive ({rule}, a listener, 4 slots)",
    ]
    program.write("shown.yaml", text)
    program("config", "check", "shown.yaml")
    shown = json.loads(program("config", "show", "--json", "--config", "my.yaml").out)
    assert shown["limits"]["retries"] == 5


def test_config_check_and_schema(program: Program) -> None:
    program.write("good.yaml", "policy: {use: bounded-parallel, options: {max_concurrent: 2}}\n")
    assert "good.yaml: correct" in program("config", "check", "good.yaml").text
    program.write("bad.yaml", "policy:\n  use: bounded-parallel\n  options: {max_concurrent: none}\n")
    ended = program("config", "check", "bad.yaml", code=2)
    assert "bad.yaml, line 3: policy.options.max_concurrent" in ended.err
    schema = json.loads(program("config", "schema").out)
    assert {"policy", "backend", "text", "limits"} <= set(schema["properties"])


def test_a_listing_whose_reader_leaves(program: Program) -> None:
    process = program.start("voices", "--backend", "espeak")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    ended = program.finish(process)
    assert (ended.code, ended.err) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_listing_on_a_full_disk(program: Program) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = program.finish(program.start("policies", stdout=full))
    assert ended.code == 1
    assert "No space left on device" in ended.err
    assert len(ended.err.splitlines()) == 1


RULES = """
policy:
  rules:
    - {when: {listening: true, gpus_max: 1}, use: sequential}
    - {when: {gpus_min: 2, slots_min: 3}, use: gpu-affinity}
    - {when: {listening: false}, use: adaptive}
    - {when: {work_s_max: 2}, use: sequential}
    - {use: bounded-parallel, options: {max_concurrent: 2}}
"""


@pytest.mark.parametrize(
    ("gpus", "slots", "holding"),
    [
        (1, 1, {1: ["1 GPU, a listener, 1 slot"], 3: ["1 GPU, a file, 1 slot"]}),
        (4, 3, {2: ["4 GPUs, a file, 3 slots", "4 GPUs, a listener, 3 slots"]}),
        (4, 2, {3: ["4 GPUs, a file, 2 slots"], 5: ["4 GPUs, a listener, 2 slots"]}),
    ],
)
def test_the_rules_of_a_policy_file_are_explained(
    program: Program, gpus: int, slots: int, holding: dict[int, list[str]]
) -> None:
    program.gpus(gpus)
    program.write("home/.config/ttsflow/policies/mine.yaml", RULES)
    engine = ["--set", "backend.use=sim", *sim(device="cuda", slots=slots)[2:]]
    shown = program("policies", "mine", *engine).text
    for line in (
        "mine, a policy file: the first rule that holds chooses the policy.",
        "1. 1 GPU or fewer and a listener: sequential",
        "2. 2 GPUs or more and 3 slots or more: gpu-affinity",
        "3. a file: adaptive",
        "4. 2 s of work or less: sequential",
        '5. always: bounded-parallel {"max_concurrent": 2}',
    ):
        assert line in shown.splitlines()
    dumped = json.loads(program("policies", "mine", "--json", *engine).out)
    for number, rule in enumerate(dumped["rules"], 1):
        assert rule["holds"] is (number in holding)
        assert len(rule["holds_for"]) == len(holding.get(number, []))
        for here in holding.get(number, []):
            assert f"   <- holds on this machine: {here}" in shown


def test_the_words_of_the_program_alone_are_shown(program: Program) -> None:
    program.write("story.md", "# One\n\nTwo *three*.\n")
    loud = program("run", "story.md", "-v", "--backend", "espeak", *ONE_WORKER).err
    assert "worker w0#1: exit code 0" in loud
    assert "Parser" not in loud, "not what the Markdown parser logs"
    assert "entering" not in loud
