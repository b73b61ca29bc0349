"""`ttsflow new`: a plugin to start from."""

from __future__ import annotations

from pathlib import Path

import click

from ttsflow.cli.messages import command
from ttsflow.cli.options import Sources


@click.group()
def new() -> None:
    """Write a policy or backend of your own, to be changed."""


def _kind(kind: str, what: str) -> click.Command:
    """The command for a kind of plugin."""

    @click.command(kind, short_help=f"Write a {what} of your own.")
    @click.argument("name")
    @click.option("--file", "as_file", is_flag=True, help="One file for --plugins-dir instead of a package.")
    def make(name: str, as_file: bool) -> None:
        from ttsflow.scaffold import Names, write_file, write_package

        sources = Sources()
        settings = sources.settings()
        registry = sources.registry(settings)
        plugins = registry.policies() if kind == "policy" else registry.backends()
        # --policy takes a name for that of a file first, so a plugin could not be named there.
        files = settings.policy_files.names() if kind == "policy" else []
        names = Names.of(kind, name, [*(plugin.name for plugin in plugins), *files])
        if as_file:
            path = write_file(names, Path())
            click.echo(f"{path}: the {kind} {name}, in one file. To check it, and to use it:")
            click.echo(f"  {command('check', kind, name, '--plugins-dir', '.')}")
            click.echo(f"  {command('run', 'INPUT', '--plugins-dir', '.', f'--{kind}', name)}")
            return
        folder = write_package(names, Path())
        click.echo(f"{folder}: a package with the {kind} {name}. To install, test and check it:")
        click.echo(f"  cd {folder}")
        click.echo('  pip install -e ".[test]"')
        click.echo("  pytest")
        click.echo(f"  {command('check', kind, name)}")

    make.help = (
        f"Write the {kind} NAME: a package in the folder ttsflow-NAME, with tests, which works at once.\n\n"
        f"Nothing that exists is overwritten."
    )
    return make


new.add_command(_kind("policy", "scheduling policy"))
new.add_command(_kind("backend", "TTS engine"))
