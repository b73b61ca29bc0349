"""`adaptive` against every fixed policy, in virtual time: `python -m tests.benchmarks.choice`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from tests.scheduling import CURVES, World, compare

RATES = (0.25, 0.6, 0.9, 1.3)
GPUS = (1, 4)
BEGIN, END = "<!-- cells: begin -->", "<!-- cells: end -->"


@click.command()
@click.option("--seeds", default=30, show_default=True, help="Random texts and costs in each cell.")
@click.option("--write", "page", type=click.Path(path_type=Path), help="Put the table into this page.")
def main(seeds: int, page: Path | None) -> None:
    """Print the table of the cells."""
    table = "\n".join(rows(seeds))
    click.echo(table)
    if page is not None:
        text = page.read_text("utf-8")
        before, _, rest = text.partition(BEGIN)
        page.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}", "utf-8")


def rows(seeds: int) -> Iterator[str]:
    """A line for each engine, number of GPUs and RTF: the best fixed policy and `adaptive`."""
    yield "| engine | GPUs | RTF | listener: best fixed, W | `adaptive` | file: best fixed | `adaptive` |"
    yield "|---|---|---|---|---|---|---|"
    for name, slow in CURVES.items():
        for gpus in GPUS:
            for rtf in RATES:
                world = World(slow, gpus, rtf)
                heard, kept = (compare(world, seeds, listening=listening) for listening in (True, False))
                yield (
                    f"| {name} | {gpus} | {rtf:g} "
                    f"| {heard.best}, {heard.by_best:.2f} s | {heard.by_adaptive:.2f} s, {heard.excess:+.1%} "
                    f"| {kept.best}, {kept.by_best:.2f} | {kept.by_adaptive:.2f}, {kept.excess:+.1%} |"
                )


if __name__ == "__main__":
    main()
