"""A Python that has imported the program, and is copied for each run: `python -P template.py FD`.

FD is one end of a socket pair. A request is a length of eight bytes, with the standard streams of the run as
file descriptors; then its arguments, folder and environment, pickled. The answer is the number of a process
of the run's own, which is a child of whoever started the template, as if that had started it. It begins as
`python -m ttsflow` does once everything is imported. The template ends when the other end is closed.
"""

from __future__ import annotations

import ctypes
import gc
import io
import os
import pickle
import pkgutil
import platform
import runpy
import socket
import struct
import sys
from importlib import import_module
from importlib.metadata import entry_points
from multiprocessing import process
from signal import SIGCHLD
from typing import Any

from coverage import Coverage

LENGTH = struct.Struct("Q")
NUMBERS = {"x86_64": 56, "aarch64": 220}
"""of the system call clone(2), by the machine's name"""

CLONE_PARENT = 0x8000

LATER = ("text", "pytest_plugin", "__main__")
"""what a run imports if it needs it: each reader of a format brings a library of its own"""


def main() -> None:
    import_program()
    gc.freeze()  # collections in the copies leave these objects alone, so their memory stays shared
    with socket.socket(fileno=int(sys.argv[1])) as line:
        while True:
            header, streams, _, _ = socket.recv_fds(line, LENGTH.size, 3)
            if not header:
                return
            request = pickle.loads(receive(line, *LENGTH.unpack(header)))
            if (child := copy()) == 0:
                line.close()
                become(streams, **request)
                runpy.run_module("ttsflow", run_name="__main__", alter_sys=True)
                return
            line.sendall(LENGTH.pack(child))
            for fd in streams:
                os.close(fd)


def import_program() -> None:
    """What nearly every run imports sooner or later."""
    for module in pkgutil.walk_packages(import_module("ttsflow").__path__, "ttsflow."):
        if module.name.split(".")[1] not in LATER:
            import_module(module.name)
    for plugin in entry_points(group="ttsflow"):
        plugin.load()
    import_module("numpy")


def receive(line: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        received += line.recv(size - len(received))
    return bytes(received)


def copy() -> int:
    """As os.fork, but the new process is a child of this one's parent. There are no other threads."""
    library = ctypes.PyDLL(None, use_errno=True)
    library.PyOS_BeforeFork()
    child = library.syscall(NUMBERS[platform.machine()], CLONE_PARENT | SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        library.PyOS_AfterFork_Child()
        return 0
    library.PyOS_AfterFork_Parent()
    if child < 0:
        raise OSError(ctypes.get_errno(), "the template cannot be copied")
    return int(child)


def become(streams: list[int], args: list[str], folder: str, env: dict[str, str]) -> None:
    """Take over what is the run's own: streams, folder, environment and arguments."""
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
    os.closerange(3, max(streams) + 1)
    os.chdir(folder)
    process.ORIGINAL_DIR = folder  # where multiprocessing starts processes
    os.environ.clear()
    os.environ.update(env)
    if "COVERAGE_PROCESS_START" not in env and (coverage := Coverage.current()):
        coverage.stop()
    if args[:1] != ["check"] and "sim" in args:  # what workers of the stand-in do, tests of theirs measure
        os.environ.pop("COVERAGE_PROCESS_START", None)
    sys.argv = ["ttsflow", *args]
    sys.path.insert(0, folder)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, reopened(number, getattr(sys, f"__{name}__")))
        setattr(sys, f"__{name}__", getattr(sys, name))


def reopened(number: int, stream: Any) -> io.TextIOWrapper:
    """A standard stream as Python makes it when it starts."""
    return io.TextIOWrapper(
        open(number, "wb" if number else "rb", closefd=False),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=number == 2 or os.isatty(number),
    )


if __name__ == "__main__":
    main()
