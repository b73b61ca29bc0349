"""`ttsflow check`: whether a policy or a backend keeps the rules."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ttsflow.cli.inventory import as_json_option
from ttsflow.cli.messages import command
from ttsflow.cli.options import Sources, configured, given
from ttsflow.cli.signals import end_on_signals
from ttsflow.cli.tables import fit

if TYPE_CHECKING:
    from ttsflow.config import BackendChoice, Flag
    from ttsflow.interface.backend import Backend
    from ttsflow.interface.policy import Policy
    from ttsflow.profiles import Measured
    from ttsflow.registry import Plugin
    from ttsflow.testing.rule import Rule, Verdict

S = TypeVar("S")
C = TypeVar("C", "Policy", "Backend")

BUDGET_S, POLICY_BUDGET_S = 60.0, 300.0

SIGNS = {"kept": "ok", "broken": "BROKEN", "does not apply": "-", "not reached": "?"}


@click.group()
def check() -> None:
    """Check a policy or a backend, rule by rule."""


only_option = click.option(
    "--only", "only", metavar="RULE", multiple=True, help="Only this rule; may be repeated."
)


@check.command("backend")
@click.argument("name", metavar="NAME|FILE.py")
@click.option("--budget", type=click.FloatRange(min=0, min_open=True), default=BUDGET_S, metavar="SECONDS",
              help="Seconds for all of it, loading included.  [default: 60]")  # fmt: skip
@click.option("--device", metavar="ID", help="The one to check on; `ttsflow devices` lists them.")
@only_option
@configured
@as_json_option
def check_backend(
    name: str,
    budget: float,
    device: str | None,
    only: tuple[str, ...],
    sources: Sources,
    as_json: bool,
) -> None:
    """Check the backend NAME, or that of a plugin file, in worker processes, as a run has them.

    Exit codes: 0 it keeps every rule, 1 it breaks one or one was not reached, 2 it is not there.
    """
    from ttsflow.cli import speech
    from ttsflow.cli.runs import ask
    from ttsflow.config import resolve_backend
    from ttsflow.testing.backends import GROUPS, BackendSubject
    from ttsflow.testing.backends.costs import measured

    end_on_signals()
    speech.set_up_logging(quiet=True, verbose=False)  # the verdicts tell what goes wrong in workers
    chosen = sources.settings(_flags("backend", name))
    registry = sources.registry(chosen)
    if _is_file(name):
        plugin = _in_file(name, "backend", registry.backends())
        chosen = sources.settings(_flags("backend", plugin.name))
    with redirect_stdout(sys.stderr):  # plugins print
        choice = resolve_backend(chosen, registry, fallback_allowed=False)
        if device is not None:
            _check_device(device, choice)
        subject = BackendSubject(
            choice.plugin,
            choice.options,
            budget_s=budget,
            device=device,
            ask=ask(),
            timeouts=chosen.config.limits.timeouts,
        )
        what = f"backend {choice.plugin.name} of {choice.plugin.provider}"
        verdicts = _judge(GROUPS, subject, only, None if as_json else what)
        profile = measured(subject) if _is_reached("rtf", verdicts) else None
    _show(what, verdicts, as_json, profile)


@check.command("policy")
@click.argument("name", metavar="NAME|FILE.py")
@click.option("--budget", type=click.FloatRange(min=0, min_open=True), default=POLICY_BUDGET_S,
              metavar="SECONDS", help="Seconds for all of it.  [default: 300]")  # fmt: skip
@only_option
@configured
@as_json_option
def check_policy(
    name: str,
    budget: float,
    only: tuple[str, ...],
    sources: Sources,
    as_json: bool,
) -> None:
    """Check the policy NAME, or those of a plugin file, in simulated worlds.

    Exit codes: 0 it keeps every rule, 1 it breaks one or one was not reached, 2 it is not there.
    """
    from ttsflow.testing.marks import policy_subject
    from ttsflow.testing.policies import GROUPS

    if sources.policy is not None:
        raise click.UsageError(f"the policy that is checked is {name}; leave out --policy {sources.policy}")
    end_on_signals()
    chosen = sources.settings(_flags("policy", name))
    with redirect_stdout(sys.stderr):  # plugins print
        registry = sources.registry(chosen)
        if _is_file(name):
            plugin = _in_file(name, "policy", registry.policies())
        else:
            plugin = registry.policy(name, hint=f"They are listed by: {command('policies')}")
        options = plugin.options(chosen.config.policy.options, chosen.where, ("policy", "options"))
        timeouts = chosen.config.limits.timeouts
        call_s = {"call_s": timeouts.policy_s} if "policy_s" in timeouts.model_fields_set else {}
        subject = policy_subject(plugin, options, registry, budget_s=budget, **call_s)
        what = f"policy {plugin.name} of {plugin.provider}"
        verdicts = _judge(GROUPS, subject, only, None if as_json else what)
    _show(what, verdicts, as_json)


def _check_device(id: str, backend: BackendChoice) -> None:
    """Raise UnknownNameError for a device that neither this machine nor the options of the backend have."""
    from ttsflow.devices import detect
    from ttsflow.errors import UnknownNameError
    from ttsflow.registry import own_devices

    known = [device.id for device in (*detect().devices, *own_devices(backend.plugin, backend.options))]
    if id not in known:
        raise UnknownNameError("device", id, known)


def _is_file(name: str) -> bool:
    return name.endswith(".py")


def _flags(section: str, name: str) -> list[Flag]:
    """What is checked, as flags: the one that is used, so that it has the options, and its file."""
    label = "FILE.py" if _is_file(name) else "NAME"
    return given(
        use=(label, f"{section}.use", name), file=(label, "plugins", [name] if _is_file(name) else None)
    )


def _in_file(name: str, kind: str, plugins: Iterable[Plugin[C]]) -> Plugin[C]:
    """The only one of this kind in a file. Raises UsageError."""
    from ttsflow.errors import UsageError

    path = Path(name).expanduser().absolute()
    found = [plugin for plugin in plugins if plugin.provider.path == path.resolve()]
    if len(found) != 1:
        names = ", ".join(plugin.name for plugin in found) or "none"
        raise UsageError(f"{name} must have one {kind} to be checked, and has: {names}")
    return found[0]


def _judge(
    groups: Mapping[str, Sequence[Rule[S]]], subject: S, only: Iterable[str], what: str | None
) -> dict[str, list[Verdict]]:
    """The verdicts by group; for a person, under the title `what`, each is printed as soon as it is there.

    At a terminal the rule that is looked at is shown.
    """
    from ttsflow.testing.rule import chosen

    every = [rule for rules in groups.values() for rule in rules]
    wanted = chosen(every, only) if only else every
    width = max(len(rule.name) for rule in wanted)
    verdicts: dict[str, list[Verdict]] = {}
    _print(what)
    for group, rules in groups.items():
        for rule in rules:
            if rule not in wanted:
                continue
            if sys.stderr.isatty():
                click.echo(f"\r\x1b[Kttsflow: checking {rule.name} ...", err=True, nl=False)
            verdict = rule.judge(subject)
            if sys.stderr.isatty():
                click.echo("\r\x1b[K", err=True, nl=False)
            if what is not None:
                if group not in verdicts:
                    _print(f"\n{group}")
                _print("\n".join(_lines(verdict, width)))
            verdicts.setdefault(group, []).append(verdict)
    return verdicts


def _print(text: str | None) -> None:
    """To standard output itself: what plugins print goes elsewhere."""
    if text is not None:
        click.echo(text, file=sys.__stdout__)


def _lines(verdict: Verdict, width: int) -> Iterator[str]:
    yield fit(f"  {SIGNS[verdict.result]:6}  {verdict.rule.ljust(width)}  ", verdict.says)
    for seen in verdict.seen:
        yield fit(" " * 10 + "seen: ", seen)
    for note in verdict.notes:
        yield fit(" " * 10 + "note: ", note)
    if verdict.seen:
        yield f"{' ' * 10}see {verdict.page}"


def _is_reached(rule: str, verdicts: Mapping[str, Sequence[Verdict]]) -> bool:
    found = (verdict for group in verdicts.values() for verdict in group if verdict.rule == rule)
    return any(verdict.result in ("kept", "broken") for verdict in found)


def _show(
    what: str,
    verdicts: Mapping[str, Sequence[Verdict]],
    as_json: bool,
    profile: Measured | None = None,
) -> None:
    """Print the profile and the sum, or all of it as JSON, and end the program with the exit code of it."""
    from ttsflow.profiles import as_yaml

    every = [verdict for group in verdicts.values() for verdict in group]
    counts = {result: sum(each.result == result for each in every) for result in SIGNS}
    good = not counts["broken"] and not counts["not reached"]
    if as_json:
        rows = [{"group": group, **asdict(verdict)} for group, found in verdicts.items() for verdict in found]
        data: dict[str, Any] = {"what": what, "good": good, "counts": counts, "rules": rows}
        if profile is not None:
            data["profile"] = profile.model_dump(mode="json", exclude_none=True)
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
        sys.exit(0 if good else 1)
    click.echo("")
    if profile is not None:
        click.echo("As measured here, in a file for the key `profile` of a configuration:\n")
        click.echo(textwrap.indent(as_yaml([profile]), "  "))
    said = [f"{count} {result}" for result, count in counts.items() if count]
    rules = "1 rule" if len(every) == 1 else f"{len(every)} rules"
    click.echo(f"{rules}: {', '.join(said)}")
    sys.exit(0 if good else 1)
