"""What is settled once: the backend, the devices, the policy, and how workers are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ttsflow.config import (
    BackendChoice,
    Config,
    PolicyChoice,
    Settings,
    Situation,
    resolve_backend,
    resolve_policy,
)
from ttsflow.config.model import TextSection
from ttsflow.devices import Detection, detect
from ttsflow.errors import UnknownNameError
from ttsflow.interface.device import Device
from ttsflow.interface.profile import Profile
from ttsflow.profiles import Known, known, profiled, read_profiles
from ttsflow.registry import BackendRecipe, Registry, calling, describe
from ttsflow.report import RunInfo
from ttsflow.runner import Post
from ttsflow.scheduler import Scheduler
from ttsflow.scheduler.placement import usable
from ttsflow.text.languages import nearest, tag_named
from ttsflow.workers.processes import WorkerProcesses


@dataclass(frozen=True, slots=True)
class Setup:
    """All that does not change from request to request; nothing is started.

    `profile` has the costs that are `known` from a profile file in the place of the backend's own guesses.
    `identity` stands for what the backend's audio depends on beside the job. `plugins_dirs` are the
    folders whose plugins were loaded.
    """

    config: Config
    policy: PolicyChoice
    backend: BackendChoice
    profile: Profile
    known: Known
    detection: Detection
    identity: str
    plugins_dirs: tuple[Path, ...] = ()

    @property
    def devices(self) -> Sequence[Device]:
        """The devices that the backend uses here."""
        return usable(self.detection.devices, self.profile)

    def scheduler(self) -> Scheduler:
        """A fresh scheduler with a fresh policy. Raises PluginError where the policy cannot be made."""
        return Scheduler(self.policy.make(), self.detection.devices, self.profile, self.config.limits)

    def workers(self, post: Post) -> WorkerProcesses:
        """The workers of a runner, none of them started: processes that make this backend."""
        return WorkerProcesses(BackendRecipe.of(self.backend.plugin, self.backend.options), post)

    def info(self) -> RunInfo:
        """The choices, for the report."""
        kind = self.devices[0].kind
        return RunInfo(
            policy=self.policy.plugin.name,
            backend=self.backend.plugin.name,
            decided_by=self.policy.decided_by,
            policy_options=self.policy.options.model_dump(mode="json"),
            backend_options=self.backend.options.model_dump(mode="json"),
            backend_fallback=self.backend.fallback,
            devices=self.detection.devices,
            device_kind=kind,
            reproducible=self.profile.reproducible(kind),
        )


def make_setup(
    settings: Settings,
    plugins_dirs: Sequence[Path] = (),
    *,
    fallback_allowed: bool,
    listening: bool,
    ask: Callable[[str], bool] | None = None,
) -> Setup:
    """Load the plugins, and make all the choices that a configuration leaves to the machine.

    `fallback_allowed`: whether the next backend of a list may speak where the first is not installed.
    `listening`: somebody hears what is spoken as it is made. `ask` puts a yes/no question to a person (None:
    nobody is there). Raises UsageErrors.
    """
    config = settings.config
    registry = Registry.load(config.plugins, plugins_dirs)
    backend = resolve_backend(settings, registry, fallback_allowed=fallback_allowed)
    plugin, options = backend.plugin, backend.options
    profile = describe(plugin, options)
    if config.text != TextSection():  # else each request may bring a language of its own
        spoken_language(config.text.language, profile)
    detection = detect()
    devices = usable(detection.devices, profile)
    costs = known_costs(config, profile, devices)
    profile = profiled(profile, costs.costs)
    gpus = sum(device.kind != "cpu" for device in devices)
    policy = resolve_policy(settings, registry, Situation(gpus, listening, profile.slots))
    with calling(plugin, "prepare"):  # may download; so it comes after all that can be a slip of the pen
        plugin.cls.prepare(options, ask)
    profile = profiled(describe(plugin, options), costs.costs)  # again: what was downloaded may say more
    identity = _identity(backend)
    return Setup(config, policy, backend, profile, costs, detection, identity, tuple(plugins_dirs))


def foreseen(settings: Settings, registry: Registry) -> tuple[BackendChoice, Profile, TextSection]:
    """The backend that would speak, its profile, and how: with the backend's own tag of the language.

    Nothing is loaded, and a backend that is named alone need not be installed. Raises UsageErrors.
    """
    backend = resolve_backend(settings, registry, fallback_allowed=True, to_speak=False)
    profile, text = describe(backend.plugin, backend.options), settings.config.text
    language = spoken_language(text.language, profile)
    return backend, profile, text.model_copy(update={"language": language})


def known_costs(config: Config, profile: Profile, devices: Sequence[Device]) -> Known:
    """What the profile file of a configuration says of an engine on the first of its devices.

    Nothing where the configuration names no file. Raises ConfigError.
    """
    if config.profile is None or not devices:
        return Known()
    return known(read_profiles(config.profile), str(config.profile), profile.backend, devices[0])


def spoken_language(wanted: str, profile: Profile) -> str:
    """The backend's own tag for a language. Raises UnknownNameError where it speaks none that is near."""
    if profile.languages is None:
        return wanted
    found = nearest(wanted, profile.languages)
    if found is None:
        hint = f"These are the languages of backend {profile.backend!r}"
        tag = tag_named(wanted)
        meant = nearest(tag, profile.languages) if tag else None
        raise UnknownNameError("language", wanted, profile.languages, hint, meant)
    return found


def as_another(backend: str, wanted: str, spoken: str) -> str:
    """The notice that a backend speaks a language by another tag than was asked for."""
    return f"backend {backend} speaks language {wanted!r} as {spoken!r}"


def _identity(backend: BackendChoice) -> str:
    """What the backend's audio depends on beside the job, in its own words."""
    plugin = backend.plugin
    with calling(plugin, "identity"):
        identity = plugin.cls.identity(backend.options)
        if not isinstance(identity, str):
            raise TypeError(f"returned {identity!r}, which is not a string")
    return identity
