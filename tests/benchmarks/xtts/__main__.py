"""`python -m tests.benchmarks.xtts`: measure XTTS-v2 side by side with upstream; print, keep or publish."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tests.benchmarks.machine import machine_line
from tests.benchmarks.table import write_into
from tests.benchmarks.xtts.sides import DTYPES, REFERENCE, SIDES, USUAL, apart, measure, measure_bandwidth
from tests.benchmarks.xtts.tables import Results, tables
from tests.benchmarks.xtts.work import Work, check_weights, write_weights

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
LIBRARIES = "torch", "transformers", "coqui-tts"
QUICK = ("upstream", "bfloat16-4")
QUICK_CODES = 25
AT_LEAST = click.IntRange(min=1)


@click.command()
@click.option("--folder", type=FOLDER, help="Keep the checkpoint (1.9 GB) there, or take it from there.")
@click.option("--codes", type=click.IntRange(min=25), default=60, show_default=True, help="To a chunk.")
@click.option("--chunks", type=AT_LEAST, default=16, show_default=True, help="To a measure, at least.")
@click.option("--rounds", type=AT_LEAST, help="In each, every side once.  [default: 2; on a GPU 1]")
@click.option("--threads", type=AT_LEAST, default=os.cpu_count(), help="Of the CPU.  [default: all cores]")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--quick", is_flag=True, help="A tiny model, few sides and chunks: to see that it runs.")
@click.option("--only", type=click.Choice(list(SIDES)), multiple=True, help="And the reference; repeatable.")
@click.option("--json", "json_file", type=FILE, help="Write all readings to a JSON file.")
@click.option("--write", "page", type=FILE, help="Put the tables between the markers of this page.")
def main(
    folder: Path | None,
    codes: int,
    chunks: int,
    rounds: int | None,
    threads: int,
    device: str,
    quick: bool,
    only: tuple[str, ...],
    json_file: Path | None,
    page: Path | None,
) -> None:
    """Measure XTTS-v2 side by side with upstream. Takes most of an hour, on a GPU some minutes. Run it
    from the project's root, on a machine with nothing else to do: any other work slows both sides, and
    not alike."""
    if page and (only or quick):
        raise click.UsageError("--write is for a full run: leave --only and --quick out")
    rounds = rounds or (2 if device == "cpu" else 1)
    if quick:
        codes, chunks, rounds = QUICK_CODES, 1, 1
    chosen = only or (QUICK if quick else USUAL[device])
    names = [name for name in SIDES if name == REFERENCE or name in chosen]
    with checkpoint(folder, codes, quick) as there:
        work = Work(there, codes, chunks, threads, device)
        results = Results("" if quick else device, work.weights, [], {name: [] for name in names})
        for number in range(rounds):
            click.echo(f"round {number + 1} of {rounds}: memory ...", err=True)
            results.bytes_per_s.append(measure_bandwidth(work))
            for name in names:
                click.echo(f"round {number + 1} of {rounds}: {name} ...", err=True)
                results.readings[name].append(measure(name, work))
    machine = machine_lines(device)
    text = f"{caption(work, results, rounds, quick)}\n\n{machine}\n\n{tables(results)}"
    click.echo(text)
    if page:
        write_into(page, text)
    if json_file:
        content = {
            "machine": machine,
            "quick": quick,
            "work": {**asdict(work), "folder": None},
            "bytes_per_s": results.bytes_per_s,
            "sides": {name: list(map(asdict, results.readings[name])) for name in names},
        }
        json_file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


@contextmanager
def checkpoint(folder: Path | None, codes: int, quick: bool) -> Iterator[Path]:
    """The folder with the checkpoint, which is written where there is none. Raises click.UsageError."""
    with TemporaryDirectory() as temporary:
        there = folder or Path(temporary)
        if (there / "model.pth").is_file():
            check_weights(there, codes, quick)
        else:
            click.echo("writing the checkpoint ...", err=True)
            apart(partial(write_weights, there, codes, quick))
        yield there


def caption(work: Work, results: Results, rounds: int, quick: bool) -> str:
    rate = sorted(gb / 1e9 for gb in results.bytes_per_s)
    model = "A tiny model (for a look, not for figures to quote)" if quick else "A model of full size"
    floors = [1e3 * results.floor_s(dtype) for dtype in DTYPES]
    return (
        f"{model} with random weights on {work.device}, {work.threads} CPU threads; chunks of 90 to 100 "
        f"characters and exactly {work.codes} codes ({work.codes * 1024 / 22050:.1f} s), sampled with the "
        f"defaults; at least {work.chunks} chunks to a measure, rounds: {rounds}. Memory gives "
        f"{rate[0]:.1f} to {rate[-1]:.1f} GB a second, so the floor of a step is {floors[0]:.3g} ms in "
        f"{DTYPES[0]} and {floors[1]:.3g} ms in {DTYPES[1]}."
    )


def machine_lines(device: str) -> str:
    """The machine, with what it has for bfloat16 or its GPU."""
    if device == "cuda":
        return f"Run on: {machine_line(LIBRARIES)}; {apart(gpu)}."
    return f"Run on: {machine_line(LIBRARIES)}; for bfloat16: {bfloat16_instructions()}."


def bfloat16_instructions() -> str:
    flags = set(re.findall(r"\b(?:amx_bf16|avx512_bf16)\b", Path("/proc/cpuinfo").read_text()))
    return " and ".join(sorted(flags)) or "nothing"


def gpu() -> str:
    import torch

    return f"{torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}"


if __name__ == "__main__":
    main()
