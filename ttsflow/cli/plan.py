"""`ttsflow plan`: what policies would make of a text, without speaking it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ttsflow.cli.inventory import as_json_option
from ttsflow.cli.options import PATH, OneOf, given, input_formats, load_registry, load_settings
from ttsflow.cli.tables import print_table

if TYPE_CHECKING:
    from ttsflow.config import Settings
    from ttsflow.planning import Plan, World
    from ttsflow.registry import Registry

COLUMNS = ("policy", "first sound", "waits", "stalls", "chunks p5-p95", "all done", "x bound", "busy")


@click.command(short_help="Show what policies would make of a text.")
@click.argument("source", metavar="INPUT")
@click.option(
    "--policy",
    "policies",
    metavar="NAME|FILE.yaml",
    multiple=True,
    help="Policy to plan with; may be repeated.  [default: auto and all others]",
)
@click.option("--gpus", type=int, help="Plan for so many GPUs.  [default: this machine]")
@click.option("--listening", is_flag=True, help="Somebody listens as it is made; else it becomes a file.")
@click.option(
    "--profile", type=PATH, metavar="FILE.yaml", help="Costs of engines, as `ttsflow bench` writes them."
)
@click.option("--backend", help="TTS engine; it need not be installed.")
@click.option("--language", help="Language code of the text.  [default: en]")
@click.option("--input-format", type=OneOf(input_formats), help="Format of the text.")
@click.option("--config", "config_file", type=PATH, help="YAML file with settings of your own.")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Any key of the configuration.")
@click.option("--plugins-dir", type=PATH, multiple=True, help="Folder of plugin files (*.py).")
@click.option(
    "--report", type=PATH, metavar="FILE", help="Write what would happen to every chunk, for one --policy."
)
@as_json_option
def plan(
    source: str,
    policies: tuple[str, ...],
    gpus: int | None,
    listening: bool,
    profile: Path | None,
    backend: str | None,
    language: str | None,
    input_format: str | None,
    config_file: Path | None,
    settings: tuple[str, ...],
    plugins_dir: tuple[Path, ...],
    report: Path | None,
    as_json: bool,
) -> None:
    """Play INPUT through in virtual time, and compare what policies make of it.

    \b
    Examples:
      ttsflow plan book.txt
      ttsflow plan book.txt --backend xtts --gpus 4 --profile costs.yaml
      ttsflow plan book.txt --listening --policy adaptive --policy ./mine.yaml

    Nothing is spoken, and no GPU is needed: the scheduler itself runs, on devices that are made up, and
    every chunk takes what the engine's profile predicts.
    """
    from ttsflow.errors import UsageError
    from ttsflow.planning import compare, jobs_of, world_of
    from ttsflow.text import read_file

    if report is not None and len(policies) != 1:
        raise UsageError("--report is of one plan: give one --policy")
    flags = given(
        backend=("--backend", "backend.use", backend),
        language=("--language", "text.language", language),
        input_format=("--input-format", "text.format", input_format),
        profile=("--profile", "profile", None if profile is None else str(profile)),
    )

    def configured(policy: str | None) -> tuple[Settings, Registry]:
        chosen = load_settings(policy, config_file, settings, flags)
        return chosen, load_registry(chosen, plugins_dir)

    chosen, registry = configured(None)
    world = world_of(chosen, registry, gpus, listening=listening)
    document = read_file(Path(source), world.text.reading)
    for notice in (*world.notices, *document.notices):
        click.echo(f"ttsflow: notice: {notice}", err=True)
    jobs = list(jobs_of(document, world))
    if not any(job.speakable for job in jobs):
        raise UsageError(f"{source} has no word to speak, so there is nothing to plan")
    every = dict.fromkeys(plugin.name for plugin in registry.policies())
    asked: tuple[str | None, ...] = policies or (None, *every)
    plans = compare(asked, configured, world, jobs, report)
    if as_json:
        made = list(plans)
        whole = {"input": source, "chunks": len(jobs), **_of_world(world), "plans": list(map(_of_plan, made))}
        click.echo(json.dumps(whole, ensure_ascii=False, indent=2))
    else:
        click.echo(f"{source}: {len(jobs):,} chunks; {world}\n")
        made = list(plans)
        print_table([COLUMNS, *(list(_row(each)) for each in made if each.error is None)])
        _explain(made)
    broken = [each for each in made if each.error is not None]
    for each in broken:
        click.echo(f"ttsflow: error: policy {each.name}: {each.error}", err=True)
    if broken:
        sys.exit(1)


def _row(plan: Plan) -> Iterator[str]:
    from ttsflow.report.units import duration

    played = plan.played
    assert played is not None
    summary = played.summary
    times = [summary.time_to_first_audio_s, summary.wait_s]
    yield plan.name
    yield from ("-" if each is None else duration(each) for each in times)
    yield f"{summary.stalls}, {duration(summary.stall_s)}" if summary.stalls else "none"
    yield " to ".join(duration(summary.chunk_s[name] or 0.0) for name in ("p5", "p95"))
    yield duration(summary.makespan_s or 0.0)
    yield f"{played.over_bound or 0.0:.2f}"
    shares = sorted({f"{share:.0%}" for share in played.busy.values()}, key=lambda text: int(text[:-1]))
    yield shares[0] if len(shares) == 1 else f"{shares[0]} to {shares[-1]}"


def _explain(plans: Sequence[Plan]) -> None:
    from ttsflow.report.units import duration

    played = next((each.played for each in plans if each.error is None and each.played is not None), None)
    if played is not None:
        click.echo(
            f"\n{duration(played.summary.audio_s)} of speech is expected. waits: the first sound and all "
            f"stalls of a listener. x bound: over\n{duration(played.bound_s)}, which no schedule can be "
            f"below. busy: the share of the time in which the workers of a device work."
        )


def _of_world(world: World) -> dict[str, Any]:
    profile = world.profile
    return {
        "backend": profile.backend,
        "listening": world.listening,
        "devices": [device.id for device in world.devices],
        "costs": {
            "source": world.source,
            "rtf": profile.rtf,
            "slots": profile.slots,
            "slowdown": [profile.slow(k) for k in range(1, profile.slots + 1)],
            "load_s": world.known.costs.load_s,
        },
    }


def _of_plan(plan: Plan) -> dict[str, Any]:
    played = plan.played
    chosen = None if plan.choice is None else plan.choice.plugin.name
    if plan.error is not None or played is None:
        return {"asked": plan.asked, "policy": chosen, "error": str(plan.error)}
    return {
        "asked": plan.asked,
        "policy": chosen,
        "error": None,
        "summary": asdict(played.summary),
        "bound_s": played.bound_s,
        "over_bound": played.over_bound,
        "busy": dict(played.busy),
        "notices": list(played.notices),
    }
