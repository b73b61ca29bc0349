"""`ttsflow config`: what the configuration is, whether it is right, and its schema."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ttsflow.cli.options import PATH, Sources, configured, plugins_dir_option


@click.group()
def config() -> None:
    """Show and check configuration files."""


@config.command()
@configured
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(
    sources: Sources,
    as_json: bool,
) -> None:
    """Print the whole configuration, and where each value is from."""
    from ttsflow.cli.situations import situations
    from ttsflow.config import resolve_policy, show

    chosen = sources.settings()
    if as_json:
        click.echo(chosen.config.model_dump_json(indent=2))
        return
    click.echo(show(chosen), nl=False)
    registry = sources.registry(chosen)
    outcomes = [resolve_policy(chosen, registry, here) for here in situations(chosen, registry)]
    for decided_by, outcome in {outcome.decided_by: outcome for outcome in outcomes}.items():
        click.echo(f"# on this machine: policy {outcome.plugin.name} ({decided_by})")


@config.command()
@click.argument("file", type=PATH)
@plugins_dir_option
def check(file: Path, plugins_dirs: tuple[Path, ...]) -> None:
    """Check a policy or configuration file."""
    from ttsflow.config import check_backends, check_policies

    sources = Sources(config_file=file, plugins_dirs=plugins_dirs)
    chosen = sources.settings()
    registry = sources.registry(chosen)
    check_policies(chosen, registry)
    check_backends(chosen, registry)
    sources.reading(chosen)
    sources.formats(chosen)
    click.echo(f"{file}: correct")


@config.command()
def schema() -> None:
    """Print the JSON Schema of the YAML files, for editors."""
    from ttsflow.config.jsonschema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
