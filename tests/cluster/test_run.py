"""Books that are spoken on the nodes of a cluster, whatever happens there."""

from __future__ import annotations

import json
import signal
import wave
from pathlib import Path

import psutil
import pytest

from tests.cli.program import NEVER_LATE, Program, paragraphs, sim
from tests.cluster.nodes import Nodes, actors, workers

MIMIC = '''
from pathlib import Path
from ttsflow import hookimpl
from ttsflow_plugins.sim import Sim

class Mimic(Sim):
    """Notes where it is, and what it is given."""
    name = "mimic"
    @classmethod
    def takes_reference_audio(cls):
        return True
    def start(self, job):
        seen = Path(self.options.state_dir)
        (seen / "seen").write_text(f"{__file__}\\n{job.references[0]}")
        (seen / "heard").write_bytes(Path(job.references[0]).read_bytes())
        super().start(job)

@hookimpl
def ttsflow_backends():
    return [Mimic]
'''

HELD = '''
import time
from pathlib import Path
from ttsflow import hookimpl
from ttsflow_plugins.sim import Sim

class Held(Sim):
    """Each worker speaks a chunk, and others when it may."""
    name = "held"
    held = False
    def start(self, job):
        while self.held and not (Path(self.options.state_dir) / "go").exists():
            time.sleep(0.01)
        self.held = True
        super().start(job)

@hookimpl
def ttsflow_backends():
    return [Held]
'''

ENGINE = sim(device="cuda", chunk_s=0.2)
CHUNKS = 24


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The book as it sounds on this machine."""
    folder = tmp_path_factory.mktemp("here")
    program = Program(folder, folder)
    program.write("book.txt", paragraphs(CHUNKS))
    program("run", "book.txt", "-o", "book.wav", "-q", *sim(device="cpu"))
    return heard(program)


@pytest.fixture
def book(program: Program, nodes: Nodes) -> list[str]:
    """The arguments with which the cluster speaks the book."""
    program.write("book.txt", paragraphs(CHUNKS))
    return ["run", "book.txt", "-o", "book.wav", "--cluster", nodes.address, *ENGINE]


@pytest.fixture
def held(program: Program, book: list[str]) -> list[str]:
    """The same; each worker speaks one chunk, and others when there is a file `go`."""
    program.write("plugins/held.py", HELD)
    engine = sim("held", device="cuda", state_dir=program.folder)
    everywhere = ["--policy", "adaptive"]  # for a text as short as this one, `auto` would start one worker
    return [*book, *engine, *everywhere, "--plugins-dir", "plugins", "-v", *NEVER_LATE]


def heard(program: Program, name: str = "book.wav") -> bytes:
    """The samples of a file; its header tells of the folder, too."""
    with wave.open(str(program.folder / name)) as file:
        return file.readframes(file.getnframes())


def drivers(program: Program) -> list[psutil.Process]:
    """The processes that have joined a cluster for a program."""
    return [each for each in program.processes() if "ttsflow.cluster.driver" in each.cmdline()]


def test_a_book_sounds_as_it_does_here(program: Program, held: list[str], here: bytes) -> None:
    run = program.start(*held, "--report", "run.json")
    program.await_audio("book.wav", 4)  # a chunk of each worker
    program.write("go", "")
    ended = program.finish(run)
    assert ended.code == 0, ended.err
    assert heard(program) == here
    engine = sim("held", device="cpu", state_dir=program.folder)
    program("run", "book.txt", "-o", "here.wav", "-q", *engine, "--plugins-dir", "plugins")
    assert (program.folder / "book.wav").read_bytes() == (program.folder / "here.wav").read_bytes()
    report = json.loads((program.folder / "run.json").read_bytes())
    devices = {"alpha/cuda:0", "alpha/cuda:1", "beta/cuda:0", "beta/cuda:1"}
    assert {worker["device"] for worker in report["workers"]} == devices
    assert {worker["cuda_visible_devices"] for worker in report["workers"]} == {"0", "1"}
    program.await_end()


def test_an_actor_that_is_killed_costs_what_it_spoke(program: Program, book: list[str], here: bytes) -> None:
    run = program.start(*book)
    program.await_audio("book.wav", 2)
    for victim in (actors()[0], workers()[-1]):
        victim.send_signal(signal.SIGKILL)
    ended = program.finish(run)
    assert ended.code == 0, ended.err
    assert heard(program) == here
    program.await_end()


def test_a_node_that_is_lost_and_one_that_comes(
    program: Program, nodes: Nodes, held: list[str], here: bytes
) -> None:
    gamma = nodes.add("gamma", gpus=2, cpus=2)
    run = program.start(*held)
    program.await_audio("book.wav", 2)
    nodes.kill(gamma)
    program.await_message(run, "node gamma has gone")
    delta = nodes.add("delta", gpus=2, cpus=2)
    program.await_message(run, "is ready on delta/cuda:")
    program.write("go", "")
    ended = program.finish(run)
    nodes.remove(delta)
    assert ended.code == 0, ended.err
    assert heard(program) == here


def test_a_run_that_asks_for_gpus_waits_for_the_first_and_takes_on_the_others(
    program: Program, nodes: Nodes, held: list[str], here: bytes
) -> None:
    asked = [f"cluster.{key}" for key in ("nodes=[new-*]", "gpus=2", "wait_s=600")]
    run = program.start(*held, *(part for each in asked for part in ("--set", each)))
    program.until(lambda: drivers(program))
    added = [nodes.add("new-1", gpus=1)]
    program.await_message(run, "is ready on new-1/cuda:0")
    added.append(nodes.add("new-2", gpus=1))
    program.await_message(run, "is ready on new-2/cuda:0")
    program.write("go", "")
    ended = program.finish(run)
    for node in added:
        nodes.remove(node)
    assert ended.code == 0, ended.err
    assert heard(program) == here


def test_a_program_that_is_killed_leaves_nothing_and_goes_on(
    program: Program, book: list[str], here: bytes
) -> None:
    run = program.start(*book)
    program.await_audio("book.wav", 2)
    run.kill()
    program.finish(run)
    program.await_end()
    psutil.wait_procs([*actors(), *workers()])
    report = program.resumed(*book[1:])
    assert heard(program) == here
    assert sum(chunk["attempts"] is not None for chunk in report["chunks"]) <= CHUNKS - 2


def test_a_connection_that_is_lost_ends_the_run_and_the_same_command_goes_on(
    program: Program, book: list[str], here: bytes
) -> None:
    run = program.start(*book)
    program.await_audio("book.wav", 2)
    [driver] = drivers(program)
    driver.kill()
    ended = program.finish(run)
    assert ended.code == 3, ended.err
    assert "the connection to the cluster is lost; the same command goes on, once it is there" in ended.err
    psutil.wait_procs([*actors(), *workers()])
    program.resumed(*book[1:])
    assert heard(program) == here


def test_ctrl_c_lets_what_is_in_work_end(program: Program, book: list[str]) -> None:
    run = program.start(*book, *NEVER_LATE)
    program.await_audio("book.wav", 2)
    run.send_signal(signal.SIGINT)
    ended = program.finish(run)
    assert ended.code == 130, ended.err
    program.await_end()
    psutil.wait_procs([*actors(), *workers()])


def test_a_node_that_is_drained_finishes_its_chunks(
    program: Program, nodes: Nodes, held: list[str], here: bytes
) -> None:
    gamma = nodes.add("gamma", gpus=2, cpus=2)
    path = program.folder / "report.json"
    run = program.start(*held, "--report", path)
    program.await_audio("book.wav", 2)
    nodes.drain(gamma)
    program.await_message(run, "node gamma has gone")
    program.write("go", "")
    ended = program.finish(run)
    nodes.remove(gamma)
    assert ended.code == 0, ended.err
    assert {chunk["attempts"] for chunk in json.loads(path.read_bytes())["chunks"]} == {1}
    assert heard(program) == here


def test_a_frozen_actor_is_not_waited_for(program: Program, book: list[str], here: bytes) -> None:
    run = program.start(*book)
    program.await_audio("book.wav", 2)
    actor = actors()[0]
    for frozen in (*actor.children(), actor):
        frozen.send_signal(signal.SIGSTOP)
    ended = program.finish(run)
    assert ended.code == 0, ended.err
    assert heard(program) == here
    psutil.wait_procs([*actors(), *workers()])


def test_a_plugin_and_a_voice_travel(program: Program, nodes: Nodes) -> None:
    program.write("plugins/mimic.py", MIMIC)
    voice = program.write("anna.wav", "as it were")
    seen = program.folder / "seen"
    seen.mkdir()
    engine = [*sim("mimic", state_dir=seen, device="cuda"), "--plugins-dir", "plugins"]
    asked = ["--text", "Good night.", "-o", "night.wav", "--reference", voice]
    program("run", *asked, *engine, "--cluster", nodes.address)
    plugin, recording = (seen / "seen").read_text().splitlines()
    assert Path(plugin).name == "mimic.py"
    assert Path(plugin).parent != program.folder / "plugins"
    assert recording != str(voice)
    assert (seen / "heard").read_text() == "as it were"
