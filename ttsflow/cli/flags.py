"""The flags of settings: the library names `text.encoding: cp1252`, and a command says --encoding cp1252."""

from __future__ import annotations

import re

import click

_FLAGS = {
    "backend.use": "--backend",
    "output.format": "--format",
    "output.loudness": "--loudness",
    "text.encoding": "--encoding",
    "text.encoding_errors": "--encoding-errors",
    "text.format": "--input-format",
    "text.language": "--language",
    "chunks": "--chunk",
    "at": "--at",
    "find": "--find",
    "overwrite": "--overwrite",
    "at_a_time": "--at-a-time",
}
_SETTING = re.compile(r"`([a-z_]+(?:\.[a-z_]+)+): ([^`\s]+)`")
_ARGUMENT = re.compile(r"`([a-z_.]+)`")


def in_flags(message: str, command: click.Command | None = None) -> str:
    """The message with flags for the settings and arguments that it names: those that the command has."""
    own = set(_FLAGS.values())
    if command is not None:
        own &= {flag for option in command.params for flag in option.opts}

    def set_by(setting: re.Match[str]) -> str:
        key, value = setting.groups()
        return f"{flag} {value}" if (flag := _FLAGS.get(key)) in own else f"--set {key}={value}"

    def given_by(argument: re.Match[str]) -> str:
        return flag if (flag := _FLAGS.get(argument[1], "")) in own else argument[0]

    return _ARGUMENT.sub(given_by, _SETTING.sub(set_by, message))
