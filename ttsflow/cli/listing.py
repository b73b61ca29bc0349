"""`ttsflow policies`, `backends`, `voices`, `devices`: what there is to choose from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ttsflow.cli.options import configured, given, load_registry, load_settings

if TYPE_CHECKING:
    from ttsflow.backend import Backend
    from ttsflow.options import PluginOptions
    from ttsflow.policy import Policy
    from ttsflow.registry import Plugin, Registry

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("name", required=False)
@configured
@as_json_option
def policies(
    name: str | None,
    policy: str | None,
    config_file: Path | None,
    settings: tuple[str, ...],
    plugins_dir: tuple[Path, ...],
    as_json: bool,
) -> None:
    """List the scheduling policies and policy files, or show one policy with its options."""
    chosen = load_settings(policy, config_file, settings)
    registry = load_registry(chosen, plugins_dir)
    if name is not None:
        _show_plugin(registry.policy(name), as_json)
        return
    files = chosen.policy_files.names()
    if as_json:
        _print_json({"policies": [_plugin(p) for p in registry.policies()], "files": files})
        return
    _table((p.name, p.summary, str(p.provider)) for p in registry.policies())
    click.echo(f"\npolicy files, for --policy NAME: {', '.join(files)}")
    _warn(registry)


@click.command()
@click.argument("name", required=False)
@configured
@as_json_option
def backends(
    name: str | None,
    policy: str | None,
    config_file: Path | None,
    settings: tuple[str, ...],
    plugins_dir: tuple[Path, ...],
    as_json: bool,
) -> None:
    """List the TTS engines, or show one with its options."""
    chosen = load_settings(policy, config_file, settings)
    registry = load_registry(chosen, plugins_dir)
    if name is not None:
        _show_plugin(registry.backend(name), as_json)
        return
    rows = [(plugin, plugin.cls.missing()) for plugin in registry.backends()]
    if as_json:
        _print_json({"backends": [{**_plugin(plugin), "install": missing} for plugin, missing in rows]})
        return
    _table(
        (plugin.name, plugin.summary, "installed" if missing is None else f"not installed: {missing}")
        for plugin, missing in rows
    )
    _warn(registry)


@click.command()
@configured
@click.option("--backend", help="TTS engine whose voices to list.")
@click.option("--language", help="Only voices that speak this language.")
@as_json_option
def voices(
    policy: str | None,
    config_file: Path | None,
    settings: tuple[str, ...],
    plugins_dir: tuple[Path, ...],
    backend: str | None,
    language: str | None,
    as_json: bool,
) -> None:
    """List the voices of the TTS engine that would speak."""
    from ttsflow.config import resolve_backend

    chosen = load_settings(policy, config_file, settings, given(b=("--backend", "backend.use", backend)))
    registry = load_registry(chosen, plugins_dir)
    choice = resolve_backend(chosen, registry, fallback_allowed=True)
    if choice.fallback is not None:
        click.echo(f"ttsflow: notice: {choice.fallback}", err=True)
    cls = choice.plugin.cls
    found = [
        voice
        for voice in cls.voices(choice.options)
        if language is None or not voice.languages or language in voice.languages
    ]
    if as_json:
        _print_json({"backend": cls.name, "voices": [asdict(voice) for voice in found]})
        return
    _table((voice.name, ", ".join(voice.languages), voice.description) for voice in found)
    if not found:
        click.echo(f"backend {cls.name} lists no voices" + (f" for {language!r}" if language else ""))


@click.command()
@as_json_option
def devices(as_json: bool) -> None:
    """List the devices that were found, and why these."""
    from ttsflow.devices import detect

    detection = detect()
    if as_json:
        _print_json({"devices": [asdict(d) for d in detection.devices], "notes": list(detection.notes)})
        return
    _table((d.id, d.name, _memory(d.free_bytes, d.total_bytes)) for d in detection.devices)
    for note in detection.notes:
        click.echo(f"  {note}")


def _memory(free: int | None, total: int | None) -> str:
    if free is None or total is None:
        return ""
    gib = 1024**3
    return f"{free / gib:.1f} of {total / gib:.1f} GiB free"


def _plugin(plugin: Plugin[Policy] | Plugin[Backend]) -> dict[str, Any]:
    schema = plugin.cls.Options.model_json_schema()
    return {
        "name": plugin.name,
        "summary": plugin.summary,
        "provider": str(plugin.provider),
        "options": schema,
    }


def _show_plugin(plugin: Plugin[Policy] | Plugin[Backend], as_json: bool) -> None:
    if as_json:
        _print_json(_plugin(plugin))
        return
    click.echo(f"{plugin.name}: {plugin.summary}\nfrom {plugin.provider}\n")
    options = plugin.cls.Options
    fields = options.model_fields
    _table((name, _default(options, name), field.description or "") for name, field in fields.items())
    if not fields:
        click.echo("no options")


def _default(options: type[PluginOptions], name: str) -> str:
    field = options.model_fields[name]
    return "required" if field.is_required() else f"default {field.get_default(call_default_factory=True)!r}"


def _table(rows: Iterable[Sequence[str]]) -> None:
    """Print rows as aligned columns."""
    cells = list(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def _print_json(data: object) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def _warn(registry: Registry) -> None:
    for name in sorted(registry.clashing()):
        click.echo(f"two plugins are named {name!r}; naming it is an error until one is removed", err=True)
