"""Runs that need not wait until Python has started: each is a copy of a template (`tests.cli.template`)."""

from __future__ import annotations

import atexit
import os
import pickle
import platform
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.cli import template

AT_START = ("PYTHON", "LD_", "LC_", "LANG")
"""what Python and the loader look at when a program starts: variables whose names begin so"""

ENVIRONMENT = dict(os.environ)  # of the template, which may have to start in the middle of an untraced test


def can_be_warm(env: Mapping[str, str], options: Mapping[str, object]) -> bool:
    """Whether a program with this environment and these options of Popen starts as the template did."""
    return (
        platform.machine() in template.NUMBERS
        and at_start(env) == at_start(ENVIRONMENT)
        and options.keys() <= {"stdin", "stdout", "stderr", "env", "cwd"}
    )


def at_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(AT_START)}


class WarmPopen(subprocess.Popen[bytes]):
    """`python -m ttsflow` as a child process. It is a copy of the template; all else is as in Popen."""

    def _execute_child(self, args: Any, *rest: Any) -> None:
        cwd, env = rest[4:6]
        streams = rest[9:15]
        stdin, _, _, stdout, _, stderr = streams
        request = pickle.dumps({"args": [os.fsdecode(arg) for arg in args], "folder": str(cwd), "env": env})
        fds = [number if fd == -1 else fd for number, fd in enumerate((stdin, stdout, stderr))]
        line = the_template()
        socket.send_fds(line, [template.LENGTH.pack(len(request))], fds)
        line.sendall(request)
        [self.pid] = template.LENGTH.unpack(line.recv(template.LENGTH.size, socket.MSG_WAITALL))
        self._child_created = True
        self._close_pipe_fds(*streams)


@cache
def the_template() -> socket.socket:
    """The line to the template of this process, which ends with it."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", str(Path(template.__file__)), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=ENVIRONMENT | {"OPENBLAS_NUM_THREADS": "1"},  # a copy would lack its threads
        )

    @atexit.register
    def end() -> None:
        ours.close()
        process.wait()

    return ours
