"""`python -m tests.benchmarks.cluster_kills`: actors, workers and nodes are killed while a book is spoken.

The book is compared, byte for byte, with one that this machine spoke undisturbed. A killed node is replaced
by a new one, as with spot machines. Linux only.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import psutil

from tests.cli.program import COMMAND, paragraphs, sim
from tests.cluster.nodes import Nodes, actors, started, workers
from tests.store.world import chunks_kept

GPUS = 2
# A chunk that is killed again and again by chance is not to blame.
LIMITS = [part for name in ("deaths", "restarts") for part in ("--set", f"limits.{name}=1000")]


@click.command()
@click.option("--kills", default=100, show_default=True)
@click.option("--chunks", default=1000, show_default=True)
@click.option("--chunk-s", default=0.3, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(kills: int, chunks: int, chunk_s: float, seed: int) -> None:
    """Kill so often while a book is spoken."""
    rng = random.Random(seed)
    with TemporaryDirectory() as name, started() as nodes:
        folder = Path(name)
        (folder / "book.txt").write_text(paragraphs(chunks))
        nodes.add("steady", gpus=GPUS, cpus=GPUS)
        spots = [nodes.add(f"spot-{number}", gpus=GPUS, cpus=GPUS) for number in range(2)]
        args = [*COMMAND, "run", "-q", "book.txt", *LIMITS]
        there = [*args, "-o", "book.wav", "--cluster", nodes.address, *sim(device="cuda", chunk_s=chunk_s)]
        began, done, runs = time.monotonic(), Counter[str](), 0
        while not (folder / "book.wav").exists():
            runs += 1
            with subprocess.Popen(there, cwd=folder) as run:
                while run.poll() is None:
                    if done.total() < kills and chunks_kept(folder / "book.wav.ttsflow"):
                        kill(rng, nodes, spots, done)
                    time.sleep(rng.uniform(0.0, 0.5))
        took_s = time.monotonic() - began
        subprocess.run([*args, "-o", "here.wav", *sim(device="cpu")], cwd=folder, check=True)
        same = (folder / "book.wav").read_bytes() == (folder / "here.wav").read_bytes()
        click.echo(f"kills: {done.total()}: {dict(done)}\nruns: {runs}\nchunks: {chunks}")
        click.echo(f"time: {took_s:.0f} s\nbyte for byte the same: {'yes' if same else 'NO'}")


def kill(rng: random.Random, nodes: Nodes, spots: list[object], done: Counter[str]) -> None:
    """Kill a worker, an actor or a node, and have a new node for that."""
    kind = rng.choices(["worker", "actor", "node"], [45, 45, 10])[0]
    if kind == "node":
        nodes.kill(spots.pop(rng.randrange(len(spots))))
        spots.append(nodes.add(f"spot-{2 + done['node']}", gpus=GPUS, cpus=GPUS))
    else:
        victims = workers() if kind == "worker" else actors()
        if not victims:
            return
        with suppress(psutil.Error):
            rng.choice(victims).kill()
    done[kind] += 1


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
