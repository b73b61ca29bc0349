"""What is settled once: the backend, the devices, the policy, and how workers are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from ttsflow.cluster.cluster import Cluster
from ttsflow.cluster.packing import PackedRecipe
from ttsflow.cluster.workers import ClusterWorkers
from ttsflow.config import (
    BackendChoice,
    Config,
    ObserverChoice,
    PolicyChoice,
    Settings,
    Situation,
    resolve_backend,
    resolve_observers,
    resolve_policy,
    resolve_text_rules,
)
from ttsflow.config.model import ClusterSection, TextSection
from ttsflow.devices import Detection, detect
from ttsflow.errors import UnknownNameError
from ttsflow.interface.device import Device
from ttsflow.interface.profile import Profile
from ttsflow.output import FORMATS, Formats
from ttsflow.profiles import Known, known, profiled, read_profiles
from ttsflow.registry import (
    BackendRecipe,
    Boundary,
    Hearing,
    Registry,
    describe,
    identity,
    own_devices,
    prepare,
)
from ttsflow.report import RunInfo
from ttsflow.report.decisions import Tell, TracedPolicy
from ttsflow.runner import Post, Workers
from ttsflow.scheduler.core import Scheduler
from ttsflow.scheduler.placement import usable
from ttsflow.session.formats import formats_for
from ttsflow.session.reading import readers_for
from ttsflow.session.readings import Readings
from ttsflow.session.wording import TextRules
from ttsflow.text import ReadOptions
from ttsflow.text.languages import nearest, tag_named
from ttsflow.text.readers import Reader
from ttsflow.workers.processes import WorkerProcesses


@dataclass(frozen=True, slots=True)
class Setup:
    """All that does not change from request to request; nothing is started.

    `profile` has the costs that are `known` from a profile file in the place of the backend's own guesses.
    `identity` stands for what the backend's audio depends on beside the job. `plugins_dirs` are the
    folders whose plugins were loaded. `rules` have the last word on how a text is spoken; `observers` are
    told what happens; `readers` read files of other formats, and `formats` are those of audio. Workers run
    in the `cluster`, if there is one, which `close` leaves. `readings` have what was made of files that
    requests name. Each decision of the policy is told to `tell`, if there is one.
    """

    config: Config
    policy: PolicyChoice
    backend: BackendChoice
    profile: Profile
    known: Known
    detection: Detection
    identity: str
    plugins_dirs: tuple[Path, ...] = ()
    rules: TextRules = field(default_factory=TextRules, repr=False, compare=False)
    observers: tuple[ObserverChoice, ...] = ()
    readers: tuple[Reader, ...] = ()
    formats: Formats = FORMATS
    cluster: Cluster | None = None
    readings: Readings = field(default_factory=Readings, repr=False, compare=False)
    tell: Tell | None = field(default=None, repr=False, compare=False)

    def reading(self, text: TextSection) -> ReadOptions:
        """How a text is read."""
        return replace(text.reading, others=self.readers)

    @property
    def devices(self) -> Sequence[Device]:
        """The devices that the backend uses here."""
        return usable(self.detection.devices, self.profile)

    def scheduler(self) -> Scheduler:
        """A fresh scheduler with a fresh policy. Raises PluginError where the policy cannot be made."""
        policy = self.policy.make()
        if self.tell is not None:
            policy = TracedPolicy(policy, self.tell)
        return Scheduler(policy, self.detection.devices, self.profile, self.config.limits)

    def workers(self, post: Post) -> Workers:
        """The workers of a runner, none of them started: processes that make this backend."""
        recipe, trim = _recipe(self.backend), self.config.output.trim
        if self.cluster is None:
            return WorkerProcesses(recipe, post, trim=trim)
        beside = [device for device in self.detection.devices if device.host is None]
        return ClusterWorkers(
            self.cluster,
            PackedRecipe.of(recipe),
            post,
            cpus=self.profile.cores,
            beside=beside,
            trim=trim,
        )

    def close(self) -> None:
        """Leave the cluster, if there is one, when no worker runs any more. May be called again."""
        if self.cluster is not None:
            self.cluster.leave()

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
    chars: int | None = None,
    registry: Registry | None = None,
    ask: Callable[[str], bool] | None = None,
    hearing: Hearing = nullcontext,
) -> Setup:
    """Load the plugins, and make all the choices that a configuration leaves to the machine.

    `registry` has the plugins, if they are loaded already.
    `fallback_allowed`: whether the next backend of a list may speak where the first is not installed.
    `listening`: somebody hears what is spoken as it is made. `chars` is the length of all that is to be
    spoken, if that is known. `ask` puts a yes/no question to a person (None:
    nobody is there); `hearing` is where plugins are heard that print. Raises UsageErrors.
    """
    config = settings.config
    boundary = Boundary(config.limits.timeouts.plugin_s, hearing)
    if registry is None:
        registry = Registry.load(config.plugins, plugins_dirs, boundary)
    backend = resolve_backend(settings, registry, fallback_allowed=fallback_allowed)
    plugin, options = backend.plugin, backend.options
    profile = describe(plugin, options)
    if config.text != TextSection():  # else each request may bring a language of its own
        spoken_language(config.text.language, profile)
    rules = TextRules(resolve_text_rules(settings, registry))
    observers = resolve_observers(settings, registry)
    formats, readers = formats_for(settings, registry), readers_for(settings, registry)
    with ExitStack() as otherwise:
        cluster = _join(config.cluster, backend)
        if cluster is not None:
            otherwise.callback(cluster.leave)
        detection = detect_for(backend, cluster)
        devices = usable(detection.devices, profile)
        costs = known_costs(config, profile, devices)
        profile = profiled(profile, costs.costs)
        work_s = None if chars is None else work_of(chars, config.text, profile)
        policy = resolve_policy(settings, registry, Situation.on(devices, listening, profile.slots, work_s))
        prepare(plugin, options, ask)  # may download; so it comes after all that can be a slip of the pen
        profile = profiled(describe(plugin, options), costs.costs)  # again: what was downloaded may say more
        known_as = identity(plugin, options)
        otherwise.pop_all()
    return Setup(
        config,
        policy,
        backend,
        profile,
        costs,
        detection,
        known_as,
        tuple(plugins_dirs),
        rules,
        observers,
        readers,
        formats,
        cluster,
    )


def foreseen(settings: Settings, registry: Registry) -> tuple[BackendChoice, Profile, TextSection]:
    """The backend that would speak, its profile, and how: with the backend's own tag of the language.

    Nothing is loaded, and a backend that is named alone need not be installed. Raises UsageErrors.
    """
    backend = resolve_backend(settings, registry, fallback_allowed=True, to_speak=False)
    profile, text = describe(backend.plugin, backend.options), settings.config.text
    language = spoken_language(text.language, profile)
    return backend, profile, text.model_copy(update={"language": language})


def work_of(chars: int, text: TextSection, profile: Profile) -> float:
    """About how many seconds one worker needs for so many characters, spoken in this way."""
    return chars / profile.rate(text.language) / text.speed * profile.rtf


def detect_for(backend: BackendChoice, cluster: Cluster | None = None) -> Detection:
    """The devices of this machine or of a cluster, and those that the backend's options name.

    Raises PluginError.
    """
    detection = detect() if cluster is None else Detection(cluster.devices, cluster.notes)
    own = own_devices(backend.plugin, backend.options)
    return replace(detection, devices=(*detection.devices, *own))


def _join(section: ClusterSection, backend: BackendChoice) -> Cluster | None:
    """The cluster that the configuration names, with the nodes that have the backend. Raises ClusterError."""
    if section.address is None:
        return None
    engine = PackedRecipe.of(_recipe(backend))
    return Cluster(section.address, section.wait_s, engine, section.nodes, section.gpus)


def _recipe(backend: BackendChoice) -> BackendRecipe:
    return BackendRecipe.of(backend.plugin, backend.options)


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
