"""What is settled before a run: the backend, the devices, the policy, the voice; and the jobs of a text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttsflow.config import BackendChoice, Config, PolicyChoice, Settings, resolve_backend, resolve_policy
from ttsflow.devices import Detection, detect
from ttsflow.errors import PluginError, TtsflowError, UnknownNameError, UsageError
from ttsflow.interface.backend import Backend
from ttsflow.interface.jobs import ChunkJob, derive_seed
from ttsflow.interface.profile import Profile
from ttsflow.registry import BackendRecipe, Plugin, Registry
from ttsflow.report import RunInfo
from ttsflow.runner import Post
from ttsflow.scheduler import Scheduler
from ttsflow.scheduler.placement import usable
from ttsflow.text import Document, Pauses, cut
from ttsflow.workers.processes import WorkerProcesses


@dataclass(frozen=True, slots=True)
class Plan:
    """All choices made, nothing started. `voice` is a name or None, `references` are absolute paths.

    `voice_content` stands for what the voice is: its name, or the digests of its recordings in order.
    `identity` stands for what the backend's audio depends on beside the job.
    """

    config: Config
    policy: PolicyChoice
    backend: BackendChoice
    profile: Profile
    detection: Detection
    voice: str | None
    references: tuple[str, ...]
    voice_content: str
    identity: str

    def key(self, job: ChunkJob) -> bytes:
        """Content key, 32 bytes: where it is the same the audio is, wherever in the text the job stands."""
        content = (
            self.backend.plugin.name,
            self.identity,
            self.profile.sample_rate,
            self.config.text.seed,
            job.text,
            job.language,
            self.voice_content,
        )
        return hashlib.blake2b(json.dumps(content).encode("ascii"), digest_size=32).digest()

    def jobs(self, document: Document, stream: str) -> Iterator[ChunkJob]:
        """The chunk jobs of a document, in text order, cut as they are asked for."""
        text = self.config.text
        cap = self.profile.cap(text.language)
        chunks = cut(
            document.blocks(),
            language=text.language,
            max_chars=cap if text.max_chars is None else min(cap, text.max_chars),
            pauses=Pauses(**text.pauses.model_dump()),
        )
        for index, chunk in enumerate(chunks):
            seed = derive_seed(text.seed, chunk.text, text.language, self.voice_content)
            yield ChunkJob(
                stream,
                index,
                chunk.text,
                text.language,
                self.voice,
                seed,
                chunk.pause_s,
                chunk.speakable,
                references=self.references,
            )

    def scheduler(self) -> Scheduler:
        """A fresh scheduler with a fresh policy. Raises PluginError where the policy cannot be made."""
        with calling(self.policy.plugin, "__init__", "policy"):
            policy = self.policy.plugin.cls(self.policy.options)
        return Scheduler(policy, self.detection.devices, self.profile, self.config.limits)

    def workers(self, post: Post) -> WorkerProcesses:
        """The workers of a runner, none of them started: processes that make this backend."""
        return WorkerProcesses(BackendRecipe.of(self.backend.plugin, self.backend.options), post)

    def info(self) -> RunInfo:
        """The choices, for the report."""
        kind = usable(self.detection.devices, self.profile)[0].kind
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


def make_plan(
    settings: Settings,
    registry: Registry,
    *,
    fallback_allowed: bool,
    ask: Callable[[str], bool] | None = None,
) -> Plan:
    """Make all the choices that a configuration leaves to the machine.

    `fallback_allowed`: whether the next backend of a list may speak where the first is not
    installed. `ask` puts a yes/no question to a person (None: nobody is there). Raises UsageErrors.
    """
    config = settings.config
    backend = resolve_backend(settings, registry, fallback_allowed=fallback_allowed)
    plugin, options = backend.plugin, backend.options
    profile = _describe(backend)
    check_language(config.text.language, profile)
    detection = detect()
    gpus = sum(device.kind != "cpu" for device in usable(detection.devices, profile))
    policy = resolve_policy(settings, registry, gpus)
    with calling(plugin, "prepare"):  # may download; so it comes after all that can be a slip of the pen
        plugin.cls.prepare(options, ask)
    profile = _describe(backend)  # again: what has been downloaded may say more
    voice_content = _voice_content(config, backend)
    return Plan(
        config,
        policy,
        backend,
        profile,
        detection,
        config.text.voice,
        tuple(map(str, config.text.references)),
        voice_content,
        _identity(backend),
    )


def _describe(backend: BackendChoice) -> Profile:
    """The backend's profile, which it must be able to live up to."""
    plugin = backend.plugin
    with calling(plugin, "describe"):
        profile = plugin.cls.describe(backend.options)
        if not isinstance(profile, Profile):
            raise TypeError(f"returned {profile!r}, which is not a Profile")
        if profile.slots > 1 and plugin.cls.step is Backend.step:
            raise TypeError(f"slots is {profile.slots}, which takes start, step and cancel of its own")
    return profile


def _identity(backend: BackendChoice) -> str:
    """What the backend's audio depends on beside the job, in its own words."""
    plugin = backend.plugin
    with calling(plugin, "identity"):
        identity = plugin.cls.identity(backend.options)
        if not isinstance(identity, str):
            raise TypeError(f"returned {identity!r}, which is not a string")
    return identity


def check_language(language: str, profile: Profile) -> None:
    """Raises UnknownNameError where the backend does not speak the language."""
    if profile.languages is not None and language not in profile.languages:
        hint = f"These are the languages of backend {profile.backend!r}"
        raise UnknownNameError("language", language, profile.languages, hint)


@contextmanager
def calling(plugin: Plugin[Any], method: str, kind: str = "backend") -> Iterator[None]:
    """Code of a plugin runs inside: whatever it raises becomes a PluginError that names the plugin."""
    try:
        yield
    except TtsflowError:
        raise
    except (Exception, SystemExit) as error:  # it is foreign code, which may raise anything
        why = plugin.provider.explain(error)
        raise PluginError(f"{kind} {plugin.name!r} of {plugin.provider} raised in {method}: {why}") from error


def _voice_content(config: Config, backend: BackendChoice) -> str:
    """What stands for the voice's content, once the backend has it or takes its recordings."""
    name, references = config.text.voice, config.text.references
    cls = backend.plugin.cls
    if name is not None:
        with calling(backend.plugin, "check_voice"):
            cls.check_voice(name, backend.options)
        return name
    if references and not cls.takes_reference_audio():
        raise UsageError(
            f"backend {cls.name!r} does not take reference audio; "
            f"leave --reference out, or choose a backend that does: `ttsflow backends` lists them"
        )
    return "\n".join(map(_digest, references))


def _digest(reference: Path) -> str:
    """Digest of a recording's content, wherever the file lies. Raises UsageError."""
    try:
        with reference.open("rb") as audio:
            return hashlib.file_digest(audio, "blake2b").hexdigest()
    except OSError as error:
        raise UsageError(f"reference audio {reference}: {error.strerror}; give another file") from error
