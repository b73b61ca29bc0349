"""`python -m tests.benchmarks.tail`: what late parts cost, with and without second attempts, in many worlds.

What matters is the time that a file takes, or W where somebody listens. Time is simulated: the figures are
the same on every machine; the run takes minutes of all cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import click

from tests.scheduler.tail import Played, p95, play

KINDS = {
    "undisturbed": "nothing is late",
    "stragglers": "1 chunk in 100 takes ten times as long",
    "slow device": "one device is five times slower",
    "freeze": "a worker freezes",
}
COLUMNS = ("world", "heard", "p95 of the time, s", "p95 of W, s", "the worst, of what matters", "hedged")


def rows(worlds: int) -> Iterator[str]:
    """A line for each kind of world, for a file and for a listener."""
    with ProcessPoolExecutor() as pool:
        for kind, said in KINDS.items():
            for live in (False, True):
                run = partial(pool.map, chunksize=50)
                with_ = list(run(partial(play, kind, hedge=None, live=live), range(worlds)))
                without = list(run(partial(play, kind, hedge=0.0, live=live), range(worlds)))
                yield row(said, live, with_, without)


def row(said: str, live: bool, with_: list[Played], without: list[Played]) -> str:
    """Figures without second attempts, and with them."""
    times = [p95([one.makespan_s for one in each]) for each in (without, with_)]
    waits = [p95([one.wait_s for one in each]) for each in (without, with_)]
    hedged = sum(one.hedged for one in with_) / len(with_)
    matters = (lambda one: one.wait_s) if live else (lambda one: one.makespan_s)
    ratios = [matters(one) / matters(other) for one, other in zip(with_, without, strict=True)]
    later = sum(ratio > 1.02 for ratio in ratios)
    cells = (
        said,
        "as it is made" if live else "a file",
        f"{times[0]:.1f} to {times[1]:.1f}",
        f"{waits[0]:.1f} to {waits[1]:.1f}" if live else "",
        f"{max(ratios):.3f}; {later} of {len(with_):,} beyond 1.02",
        f"{hedged:.1%}",
    )
    return f"| {' | '.join(cells)} |"


@click.command()
@click.option(
    "--worlds", type=click.IntRange(1), default=2_500, show_default=True, help="Of each of the four kinds."
)
def main(worlds: int) -> None:
    """Print the table of docs/reliability.md."""
    click.echo(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    for line in rows(worlds):
        click.echo(line)


if __name__ == "__main__":
    main()
