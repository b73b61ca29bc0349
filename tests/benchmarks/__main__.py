"""`python -m tests.benchmarks`: measure, and print, keep or publish the figures."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import click

from tests.benchmarks import (
    cluster,
    decision_backlog,
    decision_fleet,
    encoding,
    engine_overhead,
    espeak_speedup,
    faults,
    keeping,
    late,
    many,
    memory,
    recovery,
    sentences,
    serving,
    simulation,
    startup,
    store,
)
from tests.benchmarks.machine import machine_line
from tests.benchmarks.pairs import Figure, Workload
from tests.benchmarks.table import bound, markdown, measured, write_into

BENCHMARKS: dict[str, Callable[[Workload], Iterator[Figure]]] = {
    "engine-overhead": engine_overhead.measure,
    "decision-backlog": decision_backlog.measure,
    "decision-fleet": decision_fleet.measure,
    "espeak-speedup": espeak_speedup.measure,
    "memory": memory.measure,
    "startup": startup.measure,
    "sentences": sentences.measure,
    "simulation": simulation.measure,
    "store": store.measure,
    "keeping": keeping.measure,
    "encoding": encoding.measure,
    "many": many.measure,
    "serving": serving.measure,
    "recovery": recovery.measure,
    "late": late.measure,
    "faults": faults.measure,
    "cluster": cluster.measure,
}
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--text", type=FILE, default="docs/sample.md", show_default=True, help="What is spoken.")
@click.option("--quick", is_flag=True, help="Small sizes, for a look; not for figures to quote.")
@click.option(
    "--only", type=click.Choice(list(BENCHMARKS)), multiple=True, help="Measure this one; repeatable."
)
@click.option("--json", "json_file", type=FILE, help="Write the figures to a JSON file.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print one Markdown table at the end.")
@click.option("--write", "page", type=FILE, help="Put the table between the markers of this page.")
def main(
    text: Path,
    quick: bool,
    only: tuple[str, ...],
    json_file: Path | None,
    as_markdown: bool,
    page: Path | None,
) -> None:
    """Measure ttsflow side by side with what it is compared to. Takes some minutes; run it from the
    project's root, on a machine with nothing else to do."""
    if not text.is_file():
        raise click.UsageError(f"{text} is not there: run this from the project's root, or give another")
    if only and page:
        raise click.UsageError("--write replaces the whole table: leave --only out")
    logging.basicConfig(level=logging.WARNING)
    workload = Workload(text, quick)
    figures: list[Figure] = []
    for name in only or BENCHMARKS:
        click.echo(f"{name} ...", err=True)
        for figure in BENCHMARKS[name](workload):
            figures.append(figure)
            if not as_markdown:
                click.echo(f"  {figure.name} [{figure.how}]: {measured(figure)}; {bound(figure)}")
    caption = f"{'Quick run' if quick else 'Run'} with {text.name} on: {machine_line()}."
    if as_markdown:
        click.echo(markdown(figures, caption))
    if page:
        write_into(page, markdown(figures, caption))
    if json_file:
        content = {
            "machine": machine_line(),
            "quick": quick,
            "figures": [asdict(figure) for figure in figures],
        }
        json_file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
