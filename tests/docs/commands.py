"""Prints docs/commands.md: `python tests/docs/commands.py > docs/commands.md`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from ttsflow.cli import main

HEAD = """\
# Commands

Made by `python tests/docs/commands.py > docs/commands.md`; a test says when that is due.

Messages, the progress line and the summary go to standard error; standard output is for audio and for
what the listing commands print. Every command that takes `--policy`, `--config` and `--set` puts the same
configuration together from them: [configuration.md](configuration.md).

## Exit codes

| exit code | meaning |
|---|---|
| 0 | every chunk was delivered |
| 1 | at least one chunk failed (with `--strict`: or is flagged), or a run to standard output broke off |
| 2 | usage or configuration: nothing was spoken, and the message says what to change |
| 3 | stopped before the end: no device left, a full disk, a broken policy; the same command goes on |
| 130 | Ctrl-C: chunks in progress were finished; a second Ctrl-C stops at once; the same command goes on |
| 129, 143 | SIGHUP, SIGTERM: stopped at once; the same command goes on |
| 141 | the program that read standard output has ended |

After 1 each failed chunk is named, with its text, and the same command tries it again. After 3, 129, 130
and 143 finished chunks are kept, no worker is left, and nothing is half-written.
"""


def pages(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    """The name and the help of a command and of all below it, 80 columns wide."""
    context = click.Context(command, info_name=name, terminal_width=80)
    context.help_option_names = ["-h", "--help"]
    yield name, command.get_help(context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            inner = command.get_command(context, below)
            assert inner is not None
            yield from pages(inner, f"{name} {below}")


if __name__ == "__main__":
    print(HEAD)
    print("\n\n".join(f"## {name}\n\n```text\n{text}\n```" for name, text in pages(main, "ttsflow")))
