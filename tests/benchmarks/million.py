"""`python -m tests.benchmarks.million`: a million random worlds through the fault tester, for a release."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import starmap

import click

from tests.benchmarks.machine import machine_line
from tests.testing.test_fault_tester import SOUND, WORLDS
from ttsflow.testing.fault_tester import Size, run_sound
from ttsflow.testing.invariants import InvariantBroken
from ttsflow.testing.shrinking import shrink

BATCH = 500
KINDS = [(policy, world) for world in WORLDS for policy in SOUND]
"""of schedules; they take turns, seed by seed"""


@dataclass
class Tally:
    """What became of some schedules."""

    schedules: int = 0
    events: int = 0
    lost: int = 0
    """runs that ended early, every device being lost"""
    faults: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)
    """(seed, why)"""

    def add(self, other: Tally) -> None:
        self.schedules += other.schedules
        self.events += other.events
        self.lost += other.lost
        self.faults += other.faults
        self.failures += other.failures


def run_batch(first: int, count: int, size: Size) -> Tally:
    """Run the schedules with these seeds, each with the policy and the faults whose turn it is."""
    tally = Tally()
    for seed in range(first, first + count):
        policy, world = KINDS[seed % len(KINDS)]
        tally.schedules += 1
        try:
            result = run_sound(seed, SOUND[policy], WORLDS[world], size)
        except InvariantBroken as broken:
            tally.failures.append((seed, str(broken)))
        else:
            tally.events += result.events
            tally.lost += result.error is not None
            tally.faults += result.faults
    return tally


def batches(schedules: int, first_seed: int, size: Size) -> Iterator[tuple[int, int, Size]]:
    end = first_seed + schedules
    return ((first, min(BATCH, end - first), size) for first in range(first_seed, end, BATCH))


@click.command()
@click.argument("schedules", type=click.IntRange(min=1), default=1_000_000)
@click.option("--first-seed", type=int, default=0, show_default=True, help="Seed of the first schedule.")
@click.option(
    "--processes", type=click.IntRange(min=1), default=os.cpu_count() or 1, help="At a time; one per core."
)
@click.option("--devices", default=Size().devices, show_default=True, help="Most devices of a world.")
@click.option("--streams", default=Size().streams, show_default=True, help="Most streams.")
@click.option("--chunks", default=Size().chunks, show_default=True, help="Most chunks of a stream.")
def main(schedules: int, first_seed: int, processes: int, devices: int, streams: int, chunks: int) -> None:
    """Run so many random worlds, under every sound policy in turn, undisturbed and with faults.

    Exits with 1 if any breaks a promise; the history of the first that does is shrunk and printed.
    """
    began = time.perf_counter()
    tally, size = Tally(), Size(devices, streams, chunks)
    if processes == 1:
        parts = starmap(run_batch, batches(schedules, first_seed, size))
        collect(tally, parts, schedules)
    else:
        with ProcessPoolExecutor(processes) as pool:
            parts = pool.map(run_batch, *zip(*batches(schedules, first_seed, size), strict=True))
            collect(tally, parts, schedules)
    took_s = time.perf_counter() - began
    tell(tally, size, took_s, processes)
    if tally.failures:
        seed, _ = tally.failures[0]
        policy, world = KINDS[seed % len(KINDS)]
        click.echo(f"\nThe first, shrunk:\n{shrink(seed, SOUND[policy], WORLDS[world], run_sound, size)}")
        sys.exit(1)


def collect(tally: Tally, parts: Iterator[Tally], schedules: int) -> None:
    for part in parts:
        tally.add(part)
        click.echo(f"\r{tally.schedules:,} of {schedules:,}", nl=False, err=True)
    click.echo(err=True)


def tell(tally: Tally, size: Size, took_s: float, processes: int) -> None:
    """Print the figures."""
    click.echo(f"machine: {machine_line()}; {processes} processes")
    click.echo(f"schedules: {tally.schedules:,}, of which {tally.lost:,} lost every device")
    click.echo(f"worlds: {size} at most")
    click.echo(f"events: {tally.events:,}")
    click.echo(f"seconds: {took_s:,.0f} ({took_s * processes / tally.schedules * 1e3:.1f} ms a schedule)")
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in tally.faults.most_common())
    click.echo(f"faults: {tally.faults.total():,}: {kinds}")
    click.echo(f"failures: {len(tally.failures)}")
    for seed, why in tally.failures[:20]:
        click.echo(f"  seed {seed} ({', '.join(KINDS[seed % len(KINDS)])}): {why}")


if __name__ == "__main__":
    main()
