"""A process that commits is killed at any moment: what it has reported is there, and nothing is torn."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.world import ROOT, key, pcm, place, spoken
from ttsflow.store import Store, store_path

pytestmark = pytest.mark.usefixtures("quickly")  # who is killed notes no lines

ROUNDS = 60

# For each line of its standard input it forks a process that begins at the number there and commits one to
# three chunks at a time, and writes their numbers to its standard output afterwards; then waits for its end.
WRITER = """
import os, sys
from pathlib import Path
import numpy.random
from tests.store.world import spoken
from ttsflow.store import Store

def commit(number):
    store = Store.open(Path(sys.argv[1]))
    os.write(1, f"{os.getpid()}\\n".encode())
    while True:
        batch = range(number, number + 1 + number % 3)
        store.commit([spoken(n, 2000 + 37 * (n % 500)) for n in batch])
        os.write(1, "".join(f"{n}\\n" for n in batch).encode())
        number = batch.stop

for line in sys.stdin:
    child = os.fork()
    if not child:
        commit(int(line))
    os.waitpid(child, 0)
    os.write(1, b"\\nend\\n")
"""


def test_every_commit_that_was_reported_is_there_after_a_kill(tmp_path: Path) -> None:
    path = store_path(tmp_path / "book.wav")
    rng = random.Random(1)
    there = 0
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for _ in range(ROUNDS):
            writer.stdin.write(f"{there}\n")
            pid = int(writer.stdout.readline())
            seen = [writer.stdout.readline() for _ in range(rng.randint(0, 12))]
            spin(rng.choice((0, rng.randrange(300_000))))
            os.kill(pid, signal.SIGKILL)
            seen += iter(writer.stdout.readline, "end\n")
            there = check(path, max([there - 1, *map(int, filter(str.strip, seen))]) + 1)
        writer.stdin.close()
    assert there > ROUNDS


def spin(steps: int) -> None:
    for _ in range(steps):
        pass


def check(path: Path, reported: int) -> int:
    """All that was reported is there and right, and what is there beyond is whole; how many there are."""
    with Store.open(path) as store:
        assert store.salvaged is None
        store.plan(place(number, number) for number in range(reported + 4))
        missing = [found.job.index for found in store.left()]
        assert not missing or missing == list(range(missing[0], reported + 4))
        there = missing[0] if missing else reported + 4
        assert there >= reported
        for number in range(max(0, there - 40), there):
            audio = store.read(key(number))
            assert audio is not None
            assert audio.samples == pcm(number, 2000 + 37 * (number % 500))
        assert store.counts().stored == there
        return there


MAKER = """
import os, sys
from pathlib import Path
from ttsflow.store import Store
os.write(1, b"ready\\n")
for number in range(10**6):
    Store.open(Path(sys.argv[1]), fresh=True).close()
"""

SALVAGER = """
import os, sys
from pathlib import Path
from ttsflow.store import salvage
os.write(1, b"ready\\n")
while True:
    salvage(Path(sys.argv[1]))
"""


def killed(script: str, path: Path, rng: random.Random) -> None:
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        spin(rng.randrange(1_000_000))
        process.kill()


def test_a_store_that_is_being_made_is_whole_or_not_there(tmp_path: Path) -> None:
    path = store_path(tmp_path / "book.wav")
    rng = random.Random(2)
    for _ in range(15):
        killed(MAKER, path, rng)
        with Store.open(path) as store:
            assert store.salvaged is None
            assert store.counts().stored == 0


def test_a_salvage_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    path = store_path(tmp_path / "book.wav")
    rng = random.Random(3)
    with Store.open(path) as store:
        store.commit([spoken(number) for number in range(200)])
    for _ in range(15):
        killed(SALVAGER, path, rng)
        with Store.open(path) as store:
            assert store.counts().stored == 200
