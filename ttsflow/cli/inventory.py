"""`ttsflow policies`, `backends`, `voices`, `devices`: what there is to choose from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from ttsflow.cli.messages import command
from ttsflow.cli.options import Sources, cluster_option, configured, given
from ttsflow.cli.tables import fit, option_rows, print_table

if TYPE_CHECKING:
    from ttsflow.config import Settings, Situation
    from ttsflow.devices import Detection
    from ttsflow.interface.backend import Backend, Voice
    from ttsflow.interface.policy import Policy
    from ttsflow.registry import Plugin, Registry

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command(short_help="List the scheduling policies, or show one.")
@click.argument("name", required=False)
@configured
@as_json_option
def policies(
    name: str | None,
    sources: Sources,
    as_json: bool,
) -> None:
    """List the scheduling policies and policy files, or show one policy with its options."""
    chosen = sources.settings(given(n=("NAME", "policy.use", name)))
    registry = sources.registry(chosen)
    files = chosen.policy_files.names()
    if name is not None and name in files and name not in {plugin.name for plugin in registry.policies()}:
        _show_rules(name, replace(sources, policy=name).settings(), registry, as_json)
    elif name is not None:
        plugin = registry.policy(name, also_known=files)
        _show("policy", plugin, _about(plugin), as_json)
    elif as_json:
        _print_json({"policies": [_about(plugin) for plugin in registry.policies()], "files": files})
    else:
        print_table((plugin.name, _summary(plugin)) for plugin in registry.policies())
        click.echo("\n" + fit("policy files, for --policy NAME: ", ", ".join(files)))
        _warn(registry)


def _show_rules(name: str, chosen: Settings, registry: Registry, as_json: bool) -> None:
    """What a policy file chooses, rule by rule, and which of its rules hold on this machine."""
    from ttsflow.cli.situations import situations
    from ttsflow.config.model import Rule

    section = chosen.config.policy
    rules = section.rules or (Rule(use=section.use or "", options=section.options),)
    holding: dict[int, list[Situation]] = {}
    machine = situations(chosen, registry)
    for here in machine:
        for number, rule in enumerate(rules):
            if rule.when is None or rule.when.holds(here):
                holding.setdefault(number, []).append(here)
                break
    if as_json:
        dumped = [
            rule.model_dump(mode="json")
            | {"holds": number in holding, "holds_for": [asdict(here) for here in holding.get(number, ())]}
            for number, rule in enumerate(rules)
        ]
        _print_json({"name": name, "gpus": machine[0].gpus, "rules": dumped})
        return
    click.echo(f"{name}, a policy file: the first rule that holds chooses the policy.\n")
    for number, rule in enumerate(rules):
        options = f" {json.dumps(rule.options)}" if rule.options else ""
        when = "always" if rule.when is None else rule.when
        click.echo(f"{number + 1}. {when}: {rule.use}{options}")
        for here in holding.get(number, ()):
            click.echo(f"   <- holds on this machine: {here}")
    click.echo("\nRules count the GPUs that the engine can use, and the slots of one worker of it.")
    click.echo(f"All settings of the file: {command('config', 'show', '--policy', name)}")


@click.command(short_help="List the TTS engines, or show one.")
@click.argument("name", required=False)
@configured
@as_json_option
def backends(
    name: str | None,
    sources: Sources,
    as_json: bool,
) -> None:
    """List the TTS engines, or show one engine with its options."""
    chosen = sources.settings(given(n=("NAME", "backend.use", name)))
    registry = sources.registry(chosen)
    if name is not None:
        plugin = registry.backend(name)
        _show("backend", plugin, _about(plugin) | _lacking(plugin, chosen), as_json)
    elif as_json:
        rows = [_about(plugin) | _lacking(plugin, chosen) for plugin in registry.backends()]
        _print_json({"backends": rows})
    else:
        print_table(
            (plugin.name, _state(_lacking(plugin, chosen)), _summary(plugin))
            for plugin in registry.backends()
        )
        _warn(registry)


@click.command()
@configured
@click.option("--backend", help="TTS engine whose voices to list.")
@click.option("--language", help="Only voices that speak this language.")
@as_json_option
def voices(
    sources: Sources,
    backend: str | None,
    language: str | None,
    as_json: bool,
) -> None:
    """List the voices of the TTS engine that would speak."""
    from ttsflow.config import resolve_backend
    from ttsflow.registry import describe
    from ttsflow.registry import voices as voices_of
    from ttsflow.session.setup import as_another, spoken_language

    chosen = sources.settings(given(b=("--backend", "backend.use", backend)))
    registry = sources.registry(chosen)
    choice = resolve_backend(chosen, registry, fallback_allowed=True)
    if choice.fallback is not None:
        click.echo(f"ttsflow: notice: {choice.fallback}", err=True)
    plugin = choice.plugin
    profile, found = describe(plugin, choice.options), voices_of(plugin, choice.options)
    if language is not None:
        wanted, language = language, spoken_language(language, profile)
        if language != wanted:
            click.echo(f"ttsflow: notice: {as_another(profile.backend, wanted, language)}", err=True)
        found = tuple(voice for voice in found if not voice.languages or language in voice.languages)
    if as_json:
        _print_json({"backend": plugin.name, "voices": [asdict(voice) for voice in found]})
    elif found:
        _print_voices(found, in_brief=language is not None)
    else:
        click.echo(f"backend {plugin.name} lists no voices; one that downloads its model may do so later")


@click.command(short_help="List all that is plugged in, and from where.")
@configured
@as_json_option
def plugins(
    sources: Sources,
    as_json: bool,
) -> None:
    """List all that is plugged in: what it is, from where, and which plugins cannot be used and why."""
    chosen = sources.settings()
    registry = sources.registry(chosen)
    if as_json:
        _print_json({
            "plugins": [_about(plugin) | {"kind": plugin.kind} for plugin in registry.all()],
            "broken": [{"provider": str(broken.provider), "why": broken.why} for broken in registry.broken],
        })  # fmt: skip
        return
    print_table((plugin.kind, plugin.name, str(plugin.provider)) for plugin in registry.all())
    for broken in registry.broken:
        click.echo(f"\n{broken}")
    _warn(registry)


@click.command()
@cluster_option
@as_json_option
def devices(cluster: str | None, as_json: bool) -> None:
    """List the devices found, and why these."""
    from ttsflow.devices import detect

    detection = detect() if cluster is None else _of_cluster(cluster)
    if as_json:
        _print_json({"devices": [asdict(d) for d in detection.devices], "notes": list(detection.notes)})
        return
    print_table((d.id, d.name, _memory(d.free_bytes, d.total_bytes)) for d in detection.devices)
    for note in detection.notes:
        click.echo(fit("note: ", note))


def _of_cluster(address: str) -> Detection:
    """The devices of all nodes of a cluster."""
    from ttsflow.cluster.cluster import Cluster
    from ttsflow.config.model import ClusterSection
    from ttsflow.devices import Detection

    cluster = Cluster(address, ClusterSection().wait_s)
    cluster.leave()
    return Detection(cluster.devices, cluster.notes)


def _memory(free: int | None, total: int | None) -> str:
    if free is None or total is None:
        return ""
    gib = 1024**3
    return f"{free / gib:.1f} of {total / gib:.1f} GiB free"


def _print_voices(voices: Sequence[Voice], in_brief: bool) -> None:
    """A table; `in_brief` the voices that speak any language follow by their names alone."""
    own = [voice for voice in voices if voice.languages]
    others = [voice.name for voice in voices if not voice.languages]
    shown = own if own and in_brief else voices
    print_table((voice.name, ", ".join(voice.languages), voice.description) for voice in shown)
    if others and shown is own:
        click.echo("\n" + fit("in any language: ", ", ".join(others)))


def _about(plugin: Plugin[Policy] | Plugin[Backend]) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "summary": plugin.summary,
        "provider": str(plugin.provider),
        "options": plugin.cls.Options.model_json_schema(),
    }


def _summary(plugin: Plugin[Policy] | Plugin[Backend]) -> str:
    """What it is, and whose, if it is not one of the project's own."""
    own = plugin.provider.kind == "built-in"
    return plugin.summary if own else f"{plugin.summary} (from {plugin.provider.name})".strip()


def _lacking(plugin: Plugin[Backend], chosen: Settings) -> dict[str, str | None]:
    """The command that installs what is missing, and in words what else is, such as a model."""
    from ttsflow.errors import ConfigError, UsageError
    from ttsflow.registry import describe, missing

    install = missing(plugin)
    lacks = None
    if install is None:
        use = chosen.config.backend.use
        first = use if isinstance(use, str) else use[0]
        try:
            describe(plugin, plugin.options(chosen.config.backend.options if plugin.name == first else {}))
        except ConfigError:  # it has options that must be given
            lacks = None
        except UsageError as error:  # also of a plugin that is broken: the list shows the others
            lacks = str(error)
    return {"install": install, "lacks": lacks}


def _state(lacking: dict[str, str | None]) -> str:
    return "not installed" if lacking["install"] else "not ready" if lacking["lacks"] else "installed"


def _show(kind: str, plugin: Plugin[Any], about: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _print_json(about)
        return
    click.echo(fit(f"{plugin.name}: ", plugin.summary))
    click.echo(f"from {plugin.provider}")
    if about.get("install"):
        click.echo(f"not installed; to install it: {about['install']}")
    if about.get("lacks"):
        click.echo(f"not ready: {about['lacks']}")
    rows = option_rows(about["options"])
    if not rows:
        click.echo("it has no options")
        return
    click.echo(f"\noptions, for --set {kind}.options.NAME=VALUE, or {kind}.options in a YAML file:")
    print_table((f"  {name}", text) for name, text in rows)


def _print_json(data: object) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def _warn(registry: Registry) -> None:
    for name in sorted(registry.clashing()):
        click.echo(f"two plugins are named {name!r}; naming it is an error until one is removed", err=True)
