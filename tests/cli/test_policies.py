"""Policies of a person's own: files of settings, plugins of ten lines, and plugins that misbehave."""

from __future__ import annotations

import inspect
import json
import textwrap
from pathlib import Path

import pytest

from tests.cli.program import Program, paragraphs, sim
from ttsflow.interface.policy import Policy

TWO_AT_ONCE = "version: 1\npolicy: {use: bounded-parallel, options: {max_concurrent: 2}}\n"


def test_a_policy_file_in_the_users_folder_is_found_by_its_name(program: Program) -> None:
    folder = Path(program.env["XDG_CONFIG_HOME"]) / "ttsflow/policies"
    folder.mkdir(parents=True)
    (folder / "pair.yaml").write_text(TWO_AT_ONCE)
    report = program.report("--text", paragraphs(4), "--policy", "pair", *sim(chunk_s=0.1))
    assert report["policy"] == {
        "name": "bounded-parallel",
        "options": {"max_concurrent": 2},
        "decided_by": str(folder / "pair.yaml"),
    }
    assert len(report["workers"]) == 2
    assert "pair" in program("policies").text
    taken = program("new", "policy", "pair", code=2)
    assert "there is a policy named 'pair' already; choose another name" in taken.err


def test_a_policy_file_in_the_current_folder_must_be_given_as_a_path(program: Program) -> None:
    program.write("pair.yaml", TWO_AT_ONCE)
    refused = program("run", "--text", "Hello.", "--policy", "pair", *sim(), code=2)
    assert "./pair.yaml" in refused.err
    code = program("run", "--text", "Hello.", "--policy", "n/pair.py", *sim(), code=2)
    assert "--policy: 'n/pair.py' is code; it is given by --plugins-dir, or by `plugins`" in code.err
    report = program.report("--text", "Hello.", "--policy", "./pair.yaml", *sim())
    assert report["policy"]["decided_by"] == "./pair.yaml"


def test_the_policy_in_the_documentation_works_from_a_folder_and_from_a_file(program: Program) -> None:
    docstring = inspect.getdoc(Policy) or ""
    source = textwrap.dedent(docstring.partition("::\n")[2])
    program.write("plugins/shortest_first.py", source)
    listed = program("policies", "--plugins-dir", "plugins")
    assert "The shortest of the next chunks first" in listed.text
    program.write("my.yaml", "policy: {use: shortest-first}\nplugins: [plugins/shortest_first.py]\n")

    text = "A long beginning that takes its time.\n\nA much longer second part that takes more.\n\nThe end."
    for args in (["--plugins-dir", "plugins", "--policy", "shortest-first"], ["--policy", "./my.yaml"]):
        report = program.report("--text", text, *args, *sim(chunk_s=0.05))
        assert report["policy"]["name"] == "shortest-first"
        started = sorted(report["chunks"], key=lambda chunk: float(chunk["started_s"]))
        assert [chunk["index"] for chunk in started] == [2, 0, 1]
        assert [chunk["index"] for chunk in report["chunks"]] == [0, 1, 2]


MISBEHAVING = """
from ttsflow import Policy, WorkerSpec, hookimpl

class Strange(Policy):
    name = "strange"
    def place(self, devices, profile):
        {place}
    def dispatch(self, view):
        {dispatch}

@hookimpl
def ttsflow_policies():
    return [Strange]
"""
A_WORKER = "return [WorkerSpec(device) for device in devices]"
IN_ORDER = "yield from ((view.ready.first(), worker) for worker in view.free)"


@pytest.mark.parametrize(
    ("place", "dispatch", "said"),
    [
        ("raise ValueError('no luck')", IN_ORDER, "raised in place: ValueError: no luck"),
        ("return None", IN_ORDER, "place returned None"),
        ("return []", IN_ORDER, "place returned no worker"),
        ("return ['cpu']", IN_ORDER, "place returned 'cpu', which is not a WorkerSpec"),
        (A_WORKER, "raise ValueError('no luck')", "raised in dispatch: ValueError: no luck"),
        (A_WORKER, "raise SystemExit(3)", "raised in dispatch: SystemExit: 3"),
        (A_WORKER, "return 7", "dispatch gave 7"),
        (A_WORKER, "return [('job', 'worker')]", "dispatch gave 'job'"),
        (A_WORKER, "return []", "left 2 ready chunks waiting"),
        (
            A_WORKER,
            "[worker], jobs = view.free, list(view.ready); yield from ((job, worker) for job in jobs)",
            "no slot is free",
        ),
        (
            A_WORKER + " * 2",
            "self.job = getattr(self, 'job', None) or view.ready.first(); "
            "yield from ((self.job, worker) for worker in view.free)",
            "chunk 0",
        ),
    ],
)
def test_a_policy_that_misbehaves_is_named(program: Program, place: str, dispatch: str, said: str) -> None:
    program.write("plugins/strange.py", MISBEHAVING.format(place=place, dispatch=dispatch))
    args = ["--plugins-dir", "plugins", "--policy", "strange", *sim(chunk_s=0.3)]
    ended = program("run", "--text", paragraphs(2), *args, code=3)
    assert "policy 'strange'" in ended.err
    assert said in ended.err
    assert not (program.folder / "speech.wav").exists()
    assert program.processes() == []


@pytest.mark.parametrize("trouble", ["raise ValueError('no luck')", "raise SystemExit('no luck')"])
def test_a_policy_that_cannot_even_be_made_is_named(program: Program, trouble: str) -> None:
    source = MISBEHAVING.format(place=A_WORKER, dispatch=IN_ORDER)
    source = source.replace(
        "    def place", f"    def __init__(self, options):\n        {trouble}\n    def place"
    )
    program.write("plugins/strange.py", source)
    args = ["--plugins-dir", "plugins", "--policy", "strange", *sim()]
    ended = program("run", "--text", "Hello.", *args, code=2)
    assert "policy 'strange'" in ended.err
    assert "raised in __init__: " in ended.err
    assert "no luck" in ended.err
    assert not (program.folder / "speech.wav").exists()


@pytest.mark.parametrize("trouble", ["raise RuntimeError('no luck')", "def f(:", "raise SystemExit"])
def test_a_plugin_that_cannot_be_imported_is_an_error_only_if_it_is_asked_for(
    program: Program, trouble: str
) -> None:
    file = program.write("plugins/mine.py", f"{trouble}\n")
    asked = program("run", "--text", "Hello.", "--plugins-dir", "plugins", "--policy", "mine", code=2)
    assert "unknown policy 'mine'" in asked.err
    assert f"{file} cannot be used" in asked.err
    other = program("run", "--text", "Hello.", "--plugins-dir", "plugins", *sim())
    assert f"{file} cannot be used" in other.err


def test_a_backend_that_misbehaves_before_any_worker_is_named(program: Program) -> None:
    source = """
    from ttsflow import Backend, hookimpl

    class Mine(Backend):
        name = "mine"
        @classmethod
        def describe(cls, options):
            raise KeyError("profile")
        def load(self, device, slots):
            pass
        def synthesize(self, job):
            return iter(())

    @hookimpl
    def ttsflow_backends():
        return [Mine]
    """
    program.write("plugins/mine.py", textwrap.dedent(source))
    ended = program("run", "--text", "Hello.", "--plugins-dir", "plugins", "--backend", "mine", code=2)
    assert "backend 'mine'" in ended.err
    assert "raised in describe: KeyError: 'profile'" in ended.err


def test_what_a_plugin_prints_stays_out_of_the_audio_and_the_tables(program: Program) -> None:
    program.write(
        "plugins/talker.py",
        "import ttsflow\n"
        "from ttsflow_plugins.sequential import Sequential\n"
        "print('importing')\n"
        "class Talker(Sequential):\n"
        "    name = 'talker'\n"
        "    def dispatch(self, view):\n"
        "        print('deciding')\n"
        "        return super().dispatch(view)\n"
        "@ttsflow.hookimpl\n"
        "def ttsflow_policies():\n"
        "    return [Talker]\n",
    )
    talking = ["--plugins-dir", "plugins", "--policy", "talker"]
    ended = program("run", "--text", "Hello.", "-o", "-", "--format", "pcm", *talking, *sim(audio_s=1.0))
    assert len(ended.out) == 2 * 24_000 * 1.6  # a second of tone, and the pause
    assert "deciding" in ended.err
    assert json.loads(program("policies", "--json", "--plugins-dir", "plugins").out)
