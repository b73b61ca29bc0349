"""`ttsflow plan`: what policies would make of a text, without speaking it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ttsflow.cli.flags import in_flags
from ttsflow.cli.inventory import as_json_option
from ttsflow.cli.options import (
    PATH,
    OneOf,
    Sources,
    config_option,
    given,
    input_formats,
    plugins_dir_option,
    set_option,
)
from ttsflow.cli.tables import print_table

if TYPE_CHECKING:
    from ttsflow.config import Settings
    from ttsflow.planning import Load, Plan, Played, World
    from ttsflow.planning.plan import Configured
    from ttsflow.planning.text import Cut
    from ttsflow.registry import Registry

MOST_LISTENERS = 10_000
CROWD_COLUMNS = ("policy", "listeners", "first sound", "p95", "unheard", "content", "stalls p95")
CROWD_NOTE = (
    "Each hears a stretch of 4 to 20 chunks, a tenth hang up in between, and the next one comes when one is "
    "done.\nWorkers are loaded. unheard: those to whom no sound came. content: share of the listeners to "
    "whom the first\nsound came within 10 s, and whose stalls came to 0.1 s at most."
)
COLUMNS = ("policy", "first sound", "waits", "stalls", "chunks p5-p95", "all done", "x bound", "busy")


class Listeners(click.ParamType):  # type: ignore[type-arg]  # click is generic in its later versions only
    """A number of people, or `most`."""

    name = "N|most"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "most":
            return value
        try:
            count = int(value)
        except ValueError:
            count = 0
        if not 1 <= count <= MOST_LISTENERS:
            self.fail(f"{value!r} must be a number from 1 to {MOST_LISTENERS:,}, or `most`", param, ctx)
        return count


@click.command(short_help="Show what policies would make of a text.")
@click.argument("source", metavar="[INPUT]", required=False)
@click.option(
    "--replay", type=PATH, metavar="REPORT.json", help="Play a run again from its report, instead of INPUT."
)
@click.option(
    "--policy",
    "policies",
    metavar="NAME|FILE.yaml",
    multiple=True,
    help="Policy to plan with; may be repeated.  [default: auto and all others]",
)
@click.option(
    "--gpus", metavar="N[xSPEED],...",
    help="Plan for so many GPUs; 2,1x0.2: two, and one of a fifth of their speed.  [default: this machine]",
)  # fmt: skip
@click.option("--nodes", type=int, help="Plan for a cluster of so many nodes, with --gpus GPUs each.")
@click.option(
    "--network",
    type=click.FloatRange(min=0.0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="GBIT",
    help="Gbit/s of the link of a cluster's coordinator.",
)
@click.option("--listening", is_flag=True, help="Somebody listens as it is made; else it becomes a file.")
@click.option(
    "--listeners",
    type=Listeners(),
    help="So many people listen at a time, each to a stretch of the text; most: as many as can be borne.",
)
@click.option(
    "--profile", type=PATH, metavar="FILE.yaml", help="Costs of engines, as `ttsflow bench` writes them."
)
@click.option("--backend", help="TTS engine; it need not be installed.")
@click.option("--language", help="Language code of the text.  [default: en]")
@click.option("--input-format", type=OneOf(input_formats), help="Format of the text.")
@config_option
@set_option
@plugins_dir_option
@click.option(
    "--report", type=PATH, metavar="FILE", help="Write what would happen, as `run` does, for one --policy."
)
@as_json_option
def plan(
    source: str | None,
    replay: Path | None,
    policies: tuple[str, ...],
    gpus: str | None,
    nodes: int | None,
    network: float,
    listening: bool,
    listeners: int | Literal["most"] | None,
    profile: Path | None,
    backend: str | None,
    language: str | None,
    input_format: str | None,
    config_file: Path | None,
    assignments: tuple[str, ...],
    plugins_dirs: tuple[Path, ...],
    report: Path | None,
    as_json: bool,
) -> None:
    """Play INPUT through in virtual time, and compare what policies make of it.

    \b
    Examples:
      ttsflow plan book.txt
      ttsflow plan book.txt --backend xtts --gpus 4 --profile costs.yaml
      ttsflow plan book.txt --listening --policy adaptive --policy ./mine.yaml
      ttsflow plan book.txt --backend xtts --gpus 4 --listeners most
      ttsflow plan --replay report.json --policy mine --plugins-dir my_plugins
      ttsflow plan book.txt --backend xtts --nodes 100 --gpus 8

    Nothing is spoken, and no GPU is needed: the scheduler itself runs, on devices that are made up, and
    every chunk takes what the engine's profile predicts. With --replay it takes what it took in a run, and
    chunks fail and workers die as they did there.
    """
    from ttsflow.config import resolve_text_rules
    from ttsflow.errors import UsageError
    from ttsflow.planning import (
        Network,
        PlannedText,
        RecordedText,
        compare,
        compare_crowds,
        replayed,
        world_of,
    )
    from ttsflow.report.units import chunks
    from ttsflow.session.formats import formats_for
    from ttsflow.session.reading import readers_for
    from ttsflow.session.wording import TextRules
    from ttsflow.text import read_file

    if report is not None and (len(policies) != 1 or listeners is not None):
        raise UsageError("--report is of one text under one policy: give one --policy, and no --listeners")
    if (source is None) == (replay is None):
        raise click.UsageError("give either INPUT, or --replay with the report of a run")
    if replay is not None and (gpus, listeners, profile, backend, language, input_format) != (None,) * 6:
        raise click.UsageError(
            "--replay has devices, costs and text of the run: leave --gpus, --listeners, --profile, "
            "--backend, --language and --input-format out"
        )
    listening = listening or listeners is not None
    flags = given(
        backend=("--backend", "backend.use", backend),
        language=("--language", "text.language", language),
        input_format=("--input-format", "text.format", input_format),
        profile=("--profile", "profile", None if profile is None else str(profile)),
    )

    def configured(policy: str | None) -> tuple[Settings, Registry]:
        sources = Sources(policy, config_file, assignments, plugins_dirs)
        chosen = sources.settings(flags, over_flags=True)
        return chosen, sources.registry(chosen)

    chosen, registry = _first_that_loads(policies or (None,), configured)
    text: Cut
    notices: tuple[str, ...] = ()
    if replay is not None:
        source, world = str(replay), replayed(replay, chosen, registry, listening=listening)
        assert world.recorded is not None  # a run that is played again has it
        text = RecordedText(world.recorded)
    else:
        assert source is not None  # one of the two is given
        world = world_of(chosen, registry, gpus, listening=listening, nodes=nodes, network=Network(network))
        formats_for(chosen, registry)
        reading = replace(world.text.reading, others=readers_for(chosen, registry))
        document = read_file(Path(source), reading)
        rules = TextRules(resolve_text_rules(chosen, registry))
        text, notices = PlannedText(document, rules), tuple(document.notices)
        world = world if listeners is not None else replace(world, chars=document.chars)
    for notice in (*world.notices, *notices):
        click.echo(f"ttsflow: notice: {in_flags(notice)}", err=True)
    jobs = text.jobs(world)
    if not any(job.speakable for job in jobs):
        raise UsageError(f"{source} has no word to speak, so there is nothing to plan")
    every = dict.fromkeys(plugin.name for plugin in registry.policies())
    asked: tuple[str | None, ...] = policies or (None, *every)
    if listeners is None:
        plans = compare(asked, configured, world, text, report)
    else:
        seats = None if listeners == "most" else listeners
        plans = compare_crowds(asked, configured, world, text, seats)
    if as_json:
        made = list(plans)
        whole = {"input": source, "chunks": len(jobs), **_of_world(world), "plans": list(map(_of_plan, made))}
        click.echo(json.dumps(whole, ensure_ascii=False, indent=2))
    else:
        click.echo(f"{source}: {chunks(len(jobs))}; {world}\n")
        made = list(plans)
        good = [each for each in made if each.error is None]
        if listeners is None:
            print_table([COLUMNS, *_as_it_was(world), *(list(_row(each)) for each in good)])
            _explain(good)
        else:
            print_table([CROWD_COLUMNS, *(list(_crowd_row(each)) for each in good)])
            click.echo(f"\n{CROWD_NOTE}")
    broken = [each for each in made if each.error is not None]
    for each in broken:
        click.echo(f"ttsflow: error: policy {each.name}: {each.error}", err=True)
    if broken:
        sys.exit(1)


def _first_that_loads(policies: Sequence[str | None], configured: Configured) -> tuple[Settings, Registry]:
    """The configuration with the first policy that has one: what is wrong with others stands beside them."""
    from ttsflow.errors import ConfigError

    for policy in policies[:-1]:
        with suppress(ConfigError):
            return configured(policy)
    return configured(policies[-1])


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


def _as_it_was(world: World) -> Iterator[Sequence[str]]:
    """The row of the run that is played again."""
    from ttsflow.report.units import duration

    if world.recorded is None:
        return
    summary = world.recorded.summary
    chunk_s = summary["chunk_s"]
    seconds = (summary[name] for name in ("time_to_first_audio_s", "wait_s"))
    first, waits = ("-" if each is None else duration(each) for each in seconds)
    stalls = f"{summary['stalls']}, {duration(summary['stall_s'])}" if summary["stalls"] else "none"
    took = " to ".join(duration(chunk_s[name] or 0.0) for name in ("p5", "p95"))
    done = duration(summary["makespan_s"] or 0.0)
    yield f"as it was: {world.recorded.policy}", first, waits, stalls, took, done, "-", "-"


def _crowd_row(plan: Plan) -> Iterator[str]:
    from ttsflow.report.units import duration

    served = plan.served
    assert served is not None
    yield plan.name
    yield str(served.seats)
    yield from (duration(served.first(percent)) for percent in (50, 95))
    yield str(served.unheard)
    yield f"{served.content:.0%}"
    yield duration(served.stall(95))


def _explain(plans: Sequence[Plan]) -> None:
    from ttsflow.report.units import duration

    played = next((each.played for each in plans if each.played is not None), None)
    if played is not None:
        click.echo(
            f"\n{duration(played.summary.audio_s)} of speech is expected. waits: the first sound and all "
            f"stalls of a listener. x bound: over\n{duration(played.bound_s)}, which no schedule can be "
            f"below. busy: the share of the time in which the workers of a device work."
        )
    for plan in plans:
        if plan.played is not None and plan.played.load is not None:
            click.echo(f"{plan.name}: {_coordinator(plan.played, plan.played.load)}")


def _coordinator(played: Played, load: Load) -> str:
    """What the coordinator of a cluster has to do, as a sentence."""
    from ttsflow.report.units import size

    took_s = played.summary.makespan_s or 1.0
    chunks = played.summary.delivered
    return (
        f"the coordinator has {chunks / took_s:,.1f} chunks and "
        f"{load.messages / took_s + load.workers:,.1f} messages a "
        f"second, and {size(round(load.bytes))}, with which its link is busy {load.busy_s / took_s:.1%} of "
        f"the time"
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
    played, served = plan.played, plan.served
    chosen = None if plan.choice is None else plan.choice.plugin.name
    known = {"asked": plan.asked, "policy": chosen, "error": None if plan.error is None else str(plan.error)}
    if served is not None:
        return known | {
            "listeners": served.seats,
            "unheard": served.unheard,
            "content": served.content,
            "first_s": {f"p{percent}": served.first(percent) for percent in (5, 50, 95)},
            "stall_s": {f"p{percent}": served.stall(percent) for percent in (5, 50, 95)},
        }
    if played is None or plan.error is not None:
        return known
    return known | {
        "summary": asdict(played.summary),
        "bound_s": played.bound_s,
        "over_bound": played.over_bound,
        "busy": dict(played.busy),
        "notices": list(played.notices),
        "coordinator": None if played.load is None else asdict(played.load),
    }
