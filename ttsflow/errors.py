"""Every error that ttsflow raises on purpose.

TtsflowError                  says what is wrong, where, and what to do next
├── UsageError                the caller can mend it before anything is spoken (exit code 2)
│   ├── InputError            the text cannot be read: missing, binary, wrong encoding, empty
│   ├── OutputError           the audio cannot be written there
│   │   └── OutputBusy        another run is writing it
│   ├── ConfigError           a YAML file or an option is wrong; names file, line and key
│   ├── UnknownNameError      no such policy, backend, voice, language or option; lists the known ones
│   ├── PluginError           a plugin that the run asks for is broken, or two share one name
│   ├── BackendUnavailable    a backend is not installed, or installed and not usable
│   ├── ClusterError          a cluster cannot be joined, or none of its nodes can be used
│   └── DeviceError           no device on which the work fits
└── RunError                  the run started and could not be carried through (exit code 1)
    ├── PolicyError           the policy raised, starved or answered nonsense; names the plugin
    ├── NothingSpoken         chunks fail, all alike, and none was spoken; says why
    ├── WorkerError           no worker is left that could speak
    ├── StoreError            the store cannot be read or written any further (exit code 3: run again)
    │   └── StoreDamaged      bytes in it are not those that were written; names the chunks, or the file
    ├── SinkError             the audio could not be written any further
    └── Unforeseen            a part of the program ended of an error that nobody foresaw (exit code 3)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST_NAME = 100
"""characters of a name that nothing answers to that are repeated"""


class TtsflowError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line ends with."""

    exit_code = 1


class UsageError(TtsflowError):
    """Something the caller can mend before anything is spoken.

    `field` says what of that which was asked for is wrong, where it is one thing: "speed", "voice".
    """

    exit_code = 2

    def __init__(self, *said: object, field: str | None = None) -> None:
        super().__init__(*said)
        self.field = field


class InputError(UsageError):
    """The text cannot be read."""


class OutputError(UsageError):
    """The audio cannot be written where it should go."""


class OutputBusy(OutputError):
    """Another run is writing the output."""


class ConfigError(UsageError):
    """A configuration file or an option is wrong."""


class UnknownNameError(UsageError):
    """A name that nothing answers to; the message lists the known names, close matches first.

    `meant` is what certainly was meant.
    """

    def __init__(
        self, kind: str, name: str, known: Iterable[str], hint: str = "", meant: str | None = None
    ) -> None:
        self.kind, self.name, self.known = kind, name, sorted(set(known))
        message = f"unknown {kind} {_quoted(name)}; {known_names(meant or name, self.known)}"
        super().__init__(f"{message}. {hint}" if hint else message, field=kind)


class PluginError(UsageError):
    """A plugin that the run asks for is broken, or two plugins claim one name."""

    @classmethod
    def of_two(cls, claim: str, providers: Iterable[object]) -> PluginError:
        """The error for plugins of two `providers` with the same claim, such as "write '.aiff'"."""
        return cls(f"two plugins {claim}: {' and '.join(map(str, providers))}; remove one of them")


class BackendUnavailable(UsageError):
    """A backend is not installed, or it is installed and cannot be used."""


class ClusterError(UsageError):
    """A cluster cannot be joined, or none of its nodes can be used."""


class DeviceError(UsageError):
    """No device on which the work fits."""


class RunError(TtsflowError):
    """The run started and could not be carried through."""


class Drained(RunError):
    """The engine was drained: chunks that were not in work then were not spoken."""


class Closed(RunError):
    """The engine was closed before the stream had ended."""


class PolicyError(RunError):
    """A scheduling policy raised, starved its jobs, or answered nonsense."""


class NothingSpoken(RunError):
    """The first chunks of a text have failed, all alike: the others would fail as well, and are not tried."""


class WorkerError(RunError):
    """No worker is left that could speak.

    `quoted`: the message has words of an engine, which may have words of a text.
    """

    def __init__(self, *said: object, quoted: bool = False) -> None:
        super().__init__(*said)
        self.quoted = quoted


class StoreError(RunError):
    """The store of a run cannot be read or written any further; what is in it stays."""

    exit_code = 3


class StoreDamaged(StoreError):
    """The store holds bytes that are not those that were written.

    `keys` are those of the chunks that are damaged; empty where the file as a whole is.
    """

    def __init__(self, message: str, keys: Iterable[bytes] = ()) -> None:
        super().__init__(message)
        self.keys = tuple(keys)


class SinkError(RunError):
    """The audio could not be written any further."""


class Unforeseen(RunError):
    """A part of the program ended of an error that nobody foresaw: a bug, or a lack of memory."""

    exit_code = 3

    @classmethod
    def of(cls, error: BaseException, part: str) -> Unforeseen:
        """What has ended `part` of the program."""
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        unforeseen = cls(f"{part} ended unforeseen ({why}); --verbose tells where")
        unforeseen.__cause__ = error
        return unforeseen


def _quoted(name: str) -> str:
    """A name as it can be printed anywhere: in quotes, without control characters, not a page long."""
    if len(name) <= LONGEST_NAME:
        return repr(name)
    return f"{name[:LONGEST_NAME]!r}... ({len(name):,} characters)"


def known_names(name: str, known: Iterable[str], limit: int = 20) -> str:
    """Say which names are known: the ones most like `name` first, at most `limit` of them."""
    names = sorted(set(known))
    if not names:
        return "none is known"
    folded = {other.casefold(): other for other in names}
    wanted = name.casefold()
    found = difflib.get_close_matches(wanted, folded, n=5, cutoff=0.5)
    found.sort(key=lambda other: not (wanted.startswith(other) or other.startswith(wanted)))
    close = [folded[other] for other in found]
    rest = [other for other in names if other not in close]
    shown = (close + rest)[:limit]
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    known_text = f"known: {', '.join(shown)}{more}"
    return f"did you mean {close[0]!r}? {known_text}" if close else known_text
