"""`python -m tests.crash_loop`: run the crash loop, and print what it counted."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import click

from tests.crash_loop.loop import BACKENDS, Counts, CrashLoop


@click.command()
@click.option("--kills", type=click.IntRange(1), default=300, show_default=True, help="Of the main process.")
@click.option(
    "--text", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True,
    help="What is spoken.",
)  # fmt: skip
@click.option("--chars", type=click.IntRange(1), default=30_000, show_default=True, help="So much of it.")
@click.option("--max-chars", type=click.IntRange(1), default=120, show_default=True, help="Most in a chunk.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of policies, workers and moments.")
@click.option("--backend", type=click.Choice(list(BACKENDS)), default="sim", show_default=True)
@click.option("--freezes", is_flag=True, help="Stop workers, too (SIGSTOP).")
def main(kills: int, text: Path, chars: int, max_chars: int, seed: int, backend: str, freezes: bool) -> None:
    """Kill the program, again and again, and see that nothing is lost."""
    folder = Path(tempfile.mkdtemp(prefix="crash-loop-"))
    part = folder / "text.txt"
    part.write_text(beginning(text.read_text("utf-8"), chars), "utf-8")
    loop = CrashLoop(folder, part, backend, seed, max_chars, freezes=freezes)
    try:
        loop.run(kills)
    except AssertionError as error:
        click.echo(f"FAILED: {error}\nIts files are in {folder}. Until then:\n{shown(loop.counts)}")
        sys.exit(1)
    shutil.rmtree(folder)
    click.echo(shown(loop.counts))


def beginning(text: str, chars: int) -> str:
    """The first paragraphs of a text, at most so many characters."""
    return text if len(text) <= chars else text[: text.rfind("\n\n", 0, chars) + 1]


def shown(counts: Counts) -> str:
    """The counts, for a person."""
    minutes = counts.wall_s / 60
    kills = counts.main_kills.total()
    spread = ", ".join(f"{name} {count}" for name, count in counts.main_kills.most_common())
    policies = ", ".join(f"{name} {count}" for name, count in counts.policies.most_common())
    rows = [
        ("kills", f"{kills} of the main process ({spread}), {counts.worker_kills} of workers"),
        ("freezes", f"{counts.worker_freezes} of workers"),
        ("runs", f"{counts.runs} ({policies}), {counts.finished} to their end"),
        ("outputs", f"{counts.outputs} of {counts.chunks} chunks each, every one as undisturbed"),
        ("chunks", f"lost {counts.lost}, duplicated {counts.duplicated}, reordered {counts.reordered}"),
        ("", f"changed {counts.changed}, kept and yet spoken again {counts.kept_and_again}"),
        ("spoken", f"{counts.rendered}, of which {counts.again} again"),
        ("in flight", f"{counts.in_flight} at all kills together, {counts.most_in_flight} at most at one"),
        ("files", f"torn {counts.torn}, left over {counts.left_files}"),
        ("orphans", f"none; the last worker was gone {counts.slowest_end_s:.2f} s after the kill at most"),
        ("time", f"{minutes:.1f} min, {kills / minutes:.0f} kills of the main process a minute"),
    ]
    return "\n".join(f"{label:<10} {text}" for label, text in rows)


if __name__ == "__main__":
    main()
