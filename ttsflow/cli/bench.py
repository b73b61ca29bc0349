"""`ttsflow bench`: measure an engine on this machine."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ttsflow.cli.inventory import as_json_option
from ttsflow.cli.messages import command
from ttsflow.cli.options import PATH, Sources, configured, given
from ttsflow.cli.signals import end_on_signals
from ttsflow.cli.tables import fit, print_table

if TYPE_CHECKING:
    from ttsflow.bench import Figures, Measured, Wish
    from ttsflow.bench.figures import AtOnce, Spread
    from ttsflow.interface.device import Device
    from ttsflow.session.setup import Setup
    from ttsflow.text import Document

BUDGET_S = 90.0


@click.command()
@click.argument("source", metavar="[INPUT]", required=False)
@click.option("--budget", type=float, default=BUDGET_S, metavar="SECONDS",
              help="Seconds for all of it, loading included.  [default: 90]")  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), metavar="N",
              help="Most workers on the device.  [default: as cores have room for; 1 on a GPU]")  # fmt: skip
@click.option(
    "--device", metavar="ID", help="The one to measure; `ttsflow devices` lists them.  [default: first]"
)
@click.option("-o", "--profile-out", type=PATH, metavar="FILE.yaml",
              help="Write the figures as a profile, for the key `profile` of configurations.")  # fmt: skip
@configured
@click.option("--backend", help="TTS engine; `ttsflow backends` lists them.")
@click.option("--language", help="Language code of the text.  [default: en]")
@click.option("--voice", help="Name of a voice; `ttsflow voices` lists them.")
@as_json_option
def bench(
    source: str | None,
    budget: float,
    workers: int | None,
    device: str | None,
    profile_out: Path | None,
    sources: Sources,
    backend: str | None,
    language: str | None,
    voice: str | None,
    as_json: bool,
) -> None:
    """Measure what chunks cost here, alone and several at a time.

    The chunks are those of INPUT, or of a passage that comes with the program.

    \b
    Examples:
      ttsflow bench
      ttsflow bench book.txt --backend xtts --budget 300 -o costs.yaml
      ttsflow run book.txt --set profile=costs.yaml
    """
    from ttsflow.bench import Wish
    from ttsflow.bench.costs import others_in
    from ttsflow.cli import speech
    from ttsflow.config import Flag

    end_on_signals()
    speech.set_up_logging(quiet=True, verbose=False)  # workers' troubles are told in the result
    if not (math.isfinite(budget) and budget > 0.0):
        raise click.UsageError(f"--budget is {budget:g}, but must be a number of seconds above 0")
    others = () if profile_out is None else others_in(profile_out)
    flags = given(
        backend=("--backend", "backend.use", backend),
        language=("--language", "text.language", language),
        voice=("--voice", "text.voice", voice),
    )
    # What a profile file says of the engine must not decide what is measured.
    chosen = sources.settings([*flags, Flag("bench", "profile", None)])
    reading = sources.reading(chosen)
    text = None if source is None else speech.read_input(source, None, reading, listening=False)
    with redirect_stdout(sys.stderr):  # plugins print
        setup, measured = _measure(chosen, sources, text, device, Wish(budget, workers))
    _show(setup, measured, profile_out, others, as_json=as_json)


def _measure(
    chosen: Any, sources: Sources, text: Any, wanted: str | None, wish: Wish
) -> tuple[Setup, Measured]:
    from ttsflow.bench import measure
    from ttsflow.cli.runs import set_up
    from ttsflow.session.request import Manner

    setup = set_up(chosen, sources, fallback_allowed=True, listening=False)
    if setup.backend.fallback is not None:
        _say(f"notice: {setup.backend.fallback}")
    manner = Manner.of(setup, chosen.config.text)
    for notice in filter(None, (manner.notice, *manner.cast.notices)):
        _say(f"notice: {notice}")
    manner.cast.heed(lambda notice: _say(f"notice: {notice}"))
    jobs = [place.job for place in manner.places(text or _passage(manner.text.language), "bench")]
    device = _device(setup, wanted)
    _say(f"measuring {setup.profile.backend} on {device.id}, for at most {wish.budget_s:g} s")
    show = _say if sys.stderr.isatty() else (lambda line: None)
    limits = setup.config.limits.timeouts
    return setup, measure(setup.workers, device, setup.profile, jobs, wish, limits, show)


def _device(setup: Setup, wanted: str | None) -> Device:
    """The device that is measured. Raises UnknownNameError for one that the engine cannot use here."""
    from ttsflow.errors import UnknownNameError

    devices = {device.id: device for device in setup.devices}
    if wanted is not None:
        if wanted not in devices:
            raise UnknownNameError("device", wanted, devices, f"Backend {setup.profile.backend!r} runs there")
        return devices[wanted]
    first = setup.devices[0]
    if others := [device for device in setup.devices if device.name != first.name]:
        _say(f"notice: {others[0].id} is another kind of device ({others[0].name}); --device {others[0].id}")
    return first


def _passage(language: str) -> Document:
    from ttsflow.bench.passages import languages, passage
    from ttsflow.errors import UsageError
    from ttsflow.text import read_text

    found = passage(language)
    if found is None:
        raise UsageError(
            f"there is no passage in {language!r} to measure with, only in {', '.join(languages())}; "
            f"give a text: {command('bench', 'FILE', '--language', language)}"
        )
    return read_text(found, name="the passage")


def _show(
    setup: Setup, measured: Measured, path: Path | None, others: Sequence[Any], *, as_json: bool
) -> None:
    from ttsflow.bench import advice, figures
    from ttsflow.bench.advice import policy_of
    from ttsflow.bench.arms import most_workers
    from ttsflow.bench.costs import entry_of, write
    from ttsflow.bench.ramp import advise_ramp, ramp_of

    found = figures(measured)
    usual = most_workers(measured.device, measured.profile, None)
    entry = entry_of(measured, found, time.strftime("%Y-%m-%d"))
    said, needed = [*advice(found, usual), *advise_ramp(found)], policy_of(found, usual)
    if as_json:
        data = _data(measured, found) | {"advice": said, "notes": measured.notes, "policy": needed}
        ramp = ramp_of(found)
        data["ramp"] = None if ramp is None else {"first_s": ramp.first_s, "growth": ramp.growth}
        data["costs"] = entry.costs.model_dump(mode="json", exclude_none=True)
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        _print(measured, found, said)
        _print_use(path, needed)
    if path is not None:
        write(path, entry, tuple(others))
        _say(f"written to {path}")


def _data(measured: Measured, found: Figures) -> dict[str, Any]:
    from ttsflow.bench.choice import taken

    return {
        "backend": measured.profile.backend,
        "device": measured.device.id,
        "device_name": measured.device.name,
        "language": measured.jobs[0].language,
        "rounds": found.rounds,
        "chunks": found.chunks,
        "load_s": found.load_s.median,
        "first_piece": found.first_piece,
        "memory_mb": found.memory_mb,
        "slot_memory_mb": found.slot_memory_mb,
        "chars_per_s": found.chars_per_s,
        "rtf": asdict(found.rtf),
        "lengths": [
            {"name": one.name}
            | {key: asdict(getattr(one, key)) for key in ("chars", "work_s", "audio_s", "rtf")}
            for one in found.lengths
        ],
        "slots": [_arm(one) for one in found.slots],
        "workers": [_arm(one) for one in found.workers],
        "both": [_arm(one) for one in found.both],
        "knee": taken(found).arm.slots,
    }


def _arm(one: AtOnce) -> dict[str, Any]:
    from ttsflow.bench.figures import spread

    values = {"slowdown": one.slow, "throughput": one.gain, "first_sound": one.first}
    return {"workers": one.arm.workers, "slots": one.arm.slots} | {
        key: asdict(spread(by_round.values())) for key, by_round in values.items()
    }


def _print(measured: Measured, found: Figures, said: Sequence[str]) -> None:
    device, language = measured.device, measured.jobs[0].language
    rounds = "1 round" if found.rounds == 1 else f"{found.rounds} rounds"
    click.echo(f"{measured.profile.backend} on {device.id} ({device.name}), language {language}: "
               f"{found.chunks} chunks in {rounds}")  # fmt: skip
    click.echo(f"{'; '.join(_facts(found))}\n")
    print_table(_length_rows(found))
    click.echo("")
    print_table(_arm_rows(found))
    click.echo("\nIn brackets: from the tenth to the ninetieth of a hundred values.\n")
    for sentence in said:
        click.echo(fit("- ", sentence))
    for note in measured.notes:
        click.echo(fit("note: ", note))


def _facts(found: Figures) -> Iterator[str]:
    from ttsflow.report.units import duration

    yield f"loaded in {duration(found.load_s.median)}"
    if found.memory_mb is not None:
        slot = "" if found.slot_memory_mb is None else f" and {found.slot_memory_mb:,.1f} MB for each slot"
        yield f"memory {found.memory_mb:,.0f} MB{slot}"
    yield f"{found.chars_per_s:.1f} characters per second of audio"
    yield f"first sound after {found.first_piece * 100:.0f} % of a chunk's work"


def _length_rows(found: Figures) -> Iterator[Sequence[str]]:
    yield "chunks", "characters", "seconds of work", "seconds of audio", "RTF"
    for one in found.lengths:
        yield one.name, f"{one.chars.median:.0f}", *map(_spread, (one.work_s, one.audio_s, one.rtf))


def _arm_rows(found: Figures) -> Iterator[Sequence[str]]:
    from ttsflow.bench.choice import taken
    from ttsflow.bench.figures import spread

    best = taken(found).arm
    yield "k at a time", "each takes s(k)", "throughput k / s(k)", "first sound", ""
    for one in (*found.slots, *found.workers[1:], *found.both):
        values = (spread(by_round.values()) for by_round in (one.slow, one.gain, one.first))
        alone = one.arm.at_once == 1
        knee = "<- knee" if one.arm == best else ""
        yield str(one.arm), *("1" if alone else _spread(value) for value in values), knee


def _spread(value: Spread) -> str:
    return f"{value.median:.3g} ({value.low:.3g} to {value.high:.3g})"


def _print_use(path: Path | None, needed: str | None) -> None:
    if path is None:
        click.echo("\nTo have runs start from these figures: the same command with -o costs.yaml")
        return
    click.echo("\nTo use it, in a configuration (the default policy takes its figures from it):")
    for line in (f"profile: {path}", *([needed] if needed else [])):
        click.echo(f"  {line}")
    click.echo(f"or: {command('run', 'INPUT', '--set', f'profile={path}')}")


def _say(text: str) -> None:
    click.echo(f"ttsflow: {text}", err=True)
