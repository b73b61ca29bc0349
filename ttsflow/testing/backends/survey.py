"""What the class methods of a backend give, each called as the program calls it in the foreground.

As a program, `python -m ttsflow.testing.backends.survey`, it takes a recipe from its standard input and tells
each call in a line of JSON on its standard output; what the plugin prints is caught, and told with the call.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from ttsflow.errors import TtsflowError, UsageError
from ttsflow.interface.backend import Backend, Voice, VoiceRequest
from ttsflow.interface.device import Device
from ttsflow.interface.options import PluginOptions
from ttsflow.interface.profile import Profile
from ttsflow.testing.crowding import crowding
from ttsflow.workers.wire import Recipe

LONGEST_S = 20.0
"""seconds that one call may take before the process is ended, on a machine that is not crowded"""

UNKNOWN_VOICE = "no-such-voice-anywhere"

HEAVY = (
    "TTS", "jax", "librosa", "numba", "numpy", "onnxruntime", "pandas", "scipy", "soundfile", "sklearn",
    "tensorflow", "torch", "torchaudio", "transformers",
)  # fmt: skip
"""modules that take a tenth of a second and more to import, or tens of megabytes"""

MOST_TOLD = 200
"""characters of what a plugin prints or returns that are told"""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one class method.

    `gave` is what it returned, as JSON has it. `error` says in words what it raised, or what is wrong with
    what it returned; `refused`: the error is one that a user is to read. `heavy` are the heavy modules that
    it imported. `stuck`: it did not come back.
    """

    method: str
    gave: Any = None
    error: str | None = None
    refused: bool = False
    cpu_s: float = 0.0
    wall_s: float = 0.0
    heavy: tuple[str, ...] = ()
    printed: str = ""
    stuck: bool = False


@dataclass(frozen=True, slots=True)
class Survey:
    """The calls of one process, in order; `ended` says how the process broke off, if it did."""

    calls: tuple[Call, ...] = field(default=())
    ended: str | None = None

    def of(self, method: str) -> list[Call]:
        """The calls of a method."""
        return [call for call in self.calls if call.method == method]


def survey(recipe: Recipe, seed: int, within_s: float) -> Survey:
    """Call a backend's class methods in a process of its own; another `seed` hashes strings otherwise.

    The process is ended after `within_s` seconds, and when a signal ends the caller.
    """
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ttsflow.testing.backends.survey"],
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            stdin=subprocess.PIPE,
            stdout=told,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        with process:
            assert process.stdin
            try:
                with suppress(BrokenPipeError), process.stdin as wanted:
                    wanted.write(pickle.dumps((sys.path, recipe)))
                ended = _wait(process, told.fileno(), within_s)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)  # and whatever it has started
        told.seek(0)
        lines = told.read().decode("utf-8", "replace").splitlines()
    calls = [Call(**(data | {"heavy": tuple(data["heavy"])})) for data in map(json.loads, lines)]
    if ended is None and calls and calls[-1].stuck:  # the plugin has ended it as if all were well
        ended = "the process ended (exit code 0)"
    return Survey(tuple(_whole(calls)), ended)


def _wait(process: subprocess.Popen[bytes], told: int, within_s: float) -> str | None:
    """Wait for the end of a survey; why it broke off, if it did. It may be silent for so long, not longer."""
    longest_s = LONGEST_S * crowding()
    last = time.monotonic() + within_s
    size, until = 0, time.monotonic() + longest_s
    while True:
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(0.1)
            return None if code == 0 else f"the process ended (exit code {code})"
        if (now := os.fstat(told).st_size) > size:
            size, until = now, time.monotonic() + longest_s
        if time.monotonic() > until:
            return f"the process did not go on for {longest_s:.0f} s"
        if time.monotonic() > last:
            return f"the process did not end within {within_s:.0f} s, which was left of the budget"


def _whole(calls: list[Call]) -> Iterator[Call]:
    """The calls without the announcements of those that came back."""
    for at, call in enumerate(calls):
        if not call.stuck or at == len(calls) - 1:
            yield call


def survey_here(load: Callable[[], Backend], tell: Callable[[Call], None] = lambda call: None) -> Survey:
    """Call the class methods of a backend in this process, and `tell` each call when it is done.

    `load` imports the plugin.
    """
    caller = _Caller(tell)
    backend = caller.call("import", load, lambda backend: None)
    if backend is None:
        return Survey(tuple(caller.calls))
    cls, options = type(backend), backend.options
    profile: Profile | None = None
    caller.call("missing", cls.missing, _text_or_nothing)
    for _ in range(2):
        profile = caller.call("describe", lambda: cls.describe(options), _profile)
        caller.call("identity", lambda: cls.identity(options), _text)
    caller.call("devices", lambda: cls.devices(options), _devices)
    caller.call("takes_reference_audio", cls.takes_reference_audio, _truth)
    voices = caller.call("voices", lambda: cls.voices(options), _voices) or ()
    for voice in list(voices)[:MOST_TOLD]:
        caller.call("check_voice", partial(cls.check_voice, voice.name, options), _nothing)
    caller.call("check_unknown_voice", lambda: cls.check_voice(UNKNOWN_VOICE, options), _nothing)
    language = ((profile.languages if profile is not None else None) or ("en",))[0]
    caller.call("check", lambda: cls.check(VoiceRequest(language), options), _nothing)
    caller.call("options", lambda: _again(options), _text)
    return Survey(tuple(caller.calls))


class _Caller:
    """Makes calls, and writes down what came of each."""

    def __init__(self, tell: Callable[[Call], None]) -> None:
        self._tell = tell
        self.calls: list[Call] = []

    def call(self, method: str, function: Callable[[], Any], show: Callable[[Any], Any]) -> Any:
        """What the function returns, and None where it raises or returns something that it must not."""
        self._tell(Call(method, stuck=True))
        gave: Any = None
        value: Any = None
        error: str | None = None
        refused = False
        known = set(sys.modules)
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        with _caught() as printed:
            try:
                value = function()
                gave = show(value)
            except (Exception, SystemExit) as raised:  # foreign code may raise anything
                value, refused = None, isinstance(raised, UsageError) and bool(str(raised).strip())
                message = " ".join(str(raised).split())
                own = isinstance(raised, TtsflowError | _Wrong)
                error = message if own else f"raised {type(raised).__name__}: {message}"
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        new = {name.partition(".")[0] for name in set(sys.modules) - known}
        heavy = tuple(name for name in HEAVY if name in new and name not in known)
        call = Call(method, gave, error, refused, cpu_s, wall_s, heavy, "".join(printed)[:MOST_TOLD])
        self.calls.append(call)
        self._tell(call)
        return value


class _Wrong(Exception):
    """A method returned what it must not."""


@contextmanager
def _caught() -> Iterator[list[str]]:
    """What is written to standard output meanwhile, by whatever part of the process or a child of it."""
    printed: list[str] = []
    sys.stdout.flush()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as file:
        kept = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            with redirect_stdout(file):  # who started this program may have put something else in its place
                yield printed
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            file.seek(0)
            printed.append(file.read())


def _nothing(value: Any) -> None:
    if value is not None:
        raise _Wrong(f"returned {_shown(value)}; it returns nothing, and raises where something is wrong")


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Wrong(f"returned {_shown(value)}, which is neither True nor False")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong(f"returned {_shown(value)}, which is not a string")
    return value


def _text_or_nothing(value: Any) -> str | None:
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise _Wrong(f"returned {_shown(value)}, which is neither a command nor None")
    return value


def _profile(value: Any) -> dict[str, Any]:
    if not isinstance(value, Profile):
        raise _Wrong(f"returned {_shown(value)}, which is not a Profile")
    return asdict(value) | {"max_chars": dict(value.max_chars)}


def _devices(value: Any) -> list[dict[str, Any]]:
    devices = list(value)
    for device in devices:
        if not isinstance(device, Device):
            raise _Wrong(f"returned {_shown(device)}, which is not a Device")
    if len({device.id for device in devices}) < len(devices):
        raise _Wrong(f"gave two devices one id: {', '.join(device.id for device in devices)}")
    return [asdict(device) for device in devices]


def _voices(value: Any) -> list[dict[str, Any]]:
    voices = list(value)
    for voice in voices:
        if not isinstance(voice, Voice):
            raise _Wrong(f"returned {_shown(voice)}, which is not a Voice")
        if not (isinstance(voice.name, str) and voice.name and isinstance(voice.languages, tuple)):
            raise _Wrong(f"returned {_shown(voice)}; its name is text, its languages a tuple of codes")
    return [{"name": voice.name, "languages": list(voice.languages)} for voice in voices]


def _again(options: PluginOptions) -> str:
    """The options as JSON, which is how a worker process gets them."""
    text = options.model_dump_json()
    again = type(options).model_validate_json(text)
    if again != options:
        raise _Wrong(f"become others on their way to a worker, as JSON: {text}")
    return text


def _shown(value: Any) -> str:
    try:
        return repr(value)[:MOST_TOLD]
    except Exception as error:  # a __repr__ of foreign code
        return f"a {type(value).__name__} whose repr raises {type(error).__name__}"


def main() -> None:
    """Take a recipe, survey its backend, and tell each call."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path[:], recipe = pickle.load(sys.stdin.buffer)

    def tell(call: Call) -> None:
        out.write(json.dumps(asdict(call), default=repr) + "\n")
        out.flush()

    survey_here(recipe.build, tell)
    os._exit(0)  # threads of the plugin must not hold it up


if __name__ == "__main__":
    main()
