"""The program in processes of its own, each test in a folder, a home and a family of processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.cli.warm import WarmPopen, can_be_warm
from tests.fakes import fake_nvml as fake
from tests.store.world import chunks_kept

COMMAND = [sys.executable, "-m", "ttsflow"]
FAMILY = "TTSFLOW_TEST_FAMILY"  # every process that a test starts inherits it


def room(size: int) -> list[str]:
    """What stands before a program whose files may have this many bytes, each; coverage's may have more."""
    return ["env", "-u", "COVERAGE_PROCESS_START", "prlimit", f"--fsize={size}"]


# Put first on PYTHONPATH as sitecustomize.py: a machine on which some packages are not installed.
HIDING = """
import os, sys

class Hiding:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in os.environ["HIDDEN_MODULES"].split(","):
            return None
        return self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = map(Hiding, sys.meta_path)
"""


@dataclass
class Ended:
    """A program that has ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


@dataclass
class Program:
    """Runs `ttsflow` in `folder`, with a home of its own; no run may ever show a traceback."""

    folder: Path
    gpus_folder: Path
    env: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        home = self.folder / "home"
        home.mkdir()
        settings = ("CUDA_", "COQUI_")
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(settings)}
        self.env |= {
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_DATA_HOME": str(home / ".local/share"),
            FAMILY: uuid.uuid4().hex,
        }

    def write(self, name: str, text: str) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def gpus(self, count: int, **options: Any) -> None:
        """From now on a fake driver shows this many GPUs."""
        self.env = fake.environment(self.gpus_folder, gpus=count, base=self.env, **options)

    def hide(self, *modules: str) -> None:
        """From now on these modules are not installed."""
        hiding = self.write("hiding/sitecustomize.py", HIDING).parent
        self.env |= {"PYTHONPATH": str(hiding), "HIDDEN_MODULES": ",".join(modules)}

    def start(
        self, *args: str | bytes | Path, before: Sequence[str] = (), **options: Any
    ) -> subprocess.Popen[bytes]:
        """A run that the test watches; `finish` must follow. `before` is a command that runs it."""
        options = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "env": self.env,
        } | options
        if not before and can_be_warm(options["env"], options):
            process: subprocess.Popen[bytes] = WarmPopen(args, cwd=self.folder, **options)
        else:
            process = subprocess.Popen([*before, *COMMAND, *args], cwd=self.folder, **options)
        self.started.append(process)
        return process

    def finish(
        self, process: subprocess.Popen[bytes], stdin: bytes | None = None, hangs_s: float | None = None
    ) -> Ended:
        """Wait for the end of a run; it is killed where it takes longer than `hangs_s`."""
        with process:
            try:
                out, err = process.communicate(stdin, hangs_s)
            except BaseException:  # such as the time limit of the test
                process.kill()
                raise
        ended = Ended(process.returncode, out or b"", (err or b"").decode("utf-8", "replace"))
        assert "Traceback" not in ended.err, ended.err
        return ended

    def __call__(self, *args: str | bytes | Path, stdin: bytes | None = None, code: int = 0) -> Ended:
        """Run to the end, which must come with this exit code."""
        given = subprocess.DEVNULL if stdin is None else subprocess.PIPE
        ended = self.finish(self.start(*args, stdin=given), stdin)
        assert ended.code == code, ended.err
        return ended

    def end(self) -> None:
        """End what a test that failed has left."""
        for process in self.started:
            if process.returncode is None:
                with process:
                    process.kill()

    def report(self, *args: str | Path, code: int = 0) -> dict[str, Any]:
        """The report of a run that speaks everything."""
        return self.resumed("--fresh", *args, code=code)

    def resumed(self, *args: str | Path, code: int = 0) -> dict[str, Any]:
        """The report of a run that speaks what is left."""
        path = self.folder / f"{uuid.uuid4().hex}.json"
        self("run", "-q", *args, "--report", path, code=code)
        return dict(json.loads(path.read_bytes()))

    def processes(self) -> list[psutil.Process]:
        """All processes of this test that are alive."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def until(self, reached: Callable[[], object]) -> None:
        """Wait until it is so, for as long as a run goes on: a test has a time limit of its own."""
        going_on = True
        while not reached():
            assert going_on, "all runs have ended"
            going_on = any(process.poll() is None for process in self.started)
            time.sleep(0.02)

    def await_end(self) -> None:
        """Wait until all processes of this test have ended."""
        while self.processes():
            time.sleep(0.02)

    def await_message(self, process: subprocess.Popen[bytes], said: str) -> None:
        """Wait until a run says this on standard error; what it says later is left to `finish`."""
        assert process.stderr is not None
        heard = b""
        while said.encode() not in heard:
            more = os.read(process.stderr.fileno(), 1)
            assert more, heard.decode()
            heard += more

    def await_audio(self, name: str, chunks: int = 1) -> None:
        """Wait until so many chunks for the file of this name are kept."""
        self.until(lambda: self.kept(name) >= chunks)

    def kept(self, name: str) -> int:
        """Chunks in the store beside the file of this name."""
        return chunks_kept(self.folder / f"{name}.ttsflow")

    def _is_ours(self, process: psutil.Process) -> bool:
        ours = [
            run.pid for run in self.started if run.returncode is None
        ]  # a copy keeps the template's family
        try:
            return (
                process.pid in ours or process.environ().get(FAMILY) == self.env[FAMILY]
            ) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:  # gone meanwhile, or another user's
            return False


def sim(backend: str = "sim", **options: object) -> list[str]:
    """Arguments that choose the stand-in engine, or one that is made of it, with options of it."""
    settings = (("--set", f"backend.options.{key}={value}") for key, value in options.items())
    return ["--backend", backend, *(part for setting in settings for part in setting)]


# With these limits a run that waits for what hangs waits for longer than a test may take.
NEVER_LATE = [
    part for name in ("chunk_s", "load_s", "drain_s") for part in ("--set", f"limits.timeouts.{name}=3600")
]
NEVER_LOADS = [*sim(faults="[{at: load, kind: hang}]"), *NEVER_LATE]
ONE_WORKER = ["--policy", "sequential"]
TWO_WORKERS = ["--policy", "bounded-parallel", "--set", "policy.options.max_concurrent=2"]


def indexes(report: dict[str, Any]) -> list[int]:
    """The chunks that a run spoke, or tried to."""
    return [chunk["index"] for chunk in report["chunks"] if chunk["attempts"] is not None]


def paragraphs(count: int) -> str:
    """A text of so many chunks."""
    return "\n\n".join(f"This is part {number} of {count}." for number in range(1, count + 1))
