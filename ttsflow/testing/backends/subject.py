"""A backend that is checked, with all that the rules look at: each is made once, when a rule first asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ttsflow.devices import detect
from ttsflow.errors import UsageError
from ttsflow.interface.backend import Backend, VoiceRequest
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.options import PluginOptions
from ttsflow.interface.profile import Profile
from ttsflow.registry import BackendRecipe, Plugin, check_request, describe, identity, own_devices, prepare
from ttsflow.scheduler.limits import Timeouts
from ttsflow.scheduler.placement import usable
from ttsflow.testing.backends.probe import RELIEVED
from ttsflow.testing.backends.studio import MakeWorkers, Performance, Spoken, Studio
from ttsflow.testing.backends.survey import Survey, survey
from ttsflow.testing.backends.texts import ODD, prose, sentences, up_to
from ttsflow.testing.backends.variants import other_values
from ttsflow.testing.rule import DoesNotApply, NotReached
from ttsflow.workers.processes import WorkerProcesses
from ttsflow.workers.wire import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable

BUDGET_S = 60.0

MOST_TOGETHER = 4
"""jobs at a time in the check of slots; more of them show nothing else"""

MOST_VOICES = 8

LONGEST_S = 10.0
"""seconds of work that the longest text may take"""

SAME = 1e-4
"""how far two waveforms of a reproducible backend may be apart"""

SEED, OTHER_SEEDS = 20_261, (7, 1_234_567)


class BackendSubject:
    """`make` starts the workers, `look` calls the class methods: in processes, unless a test has others."""

    def __init__(
        self,
        plugin: Plugin[Backend],
        options: PluginOptions,
        *,
        budget_s: float = BUDGET_S,
        ask: Callable[[str], bool] | None = None,
        device: str | None = None,
        timeouts: Timeouts | None = None,
        recipe_of: Callable[[Plugin[Backend], PluginOptions], Recipe] = BackendRecipe.of,
        make: MakeWorkers = WorkerProcesses,
        look: Callable[[Recipe, int, float], Survey] = survey,
    ) -> None:
        self.plugin, self.options = plugin, options
        self._recipe_of = recipe_of
        self.deadline = time.monotonic() + budget_s
        self._timeouts = timeouts or Timeouts()
        self._budget_s, self._ask, self._device, self._make, self._look = budget_s, ask, device, make, look

    # ------------------------------------------------------------ in the foreground

    @cached_property
    def surveys(self) -> tuple[Survey, Survey]:
        """What the class methods give, in two processes."""
        recipe = self._recipe_of(self.plugin, self.options)
        first = self._look(recipe, 1, self.left_s)
        if first.ended is not None:  # the other one would break off, too
            return first, Survey()
        return first, self._look(recipe, 2, self.left_s)

    @property
    def left_s(self) -> float:
        """Seconds of the budget that are left."""
        return max(0.0, self.deadline - time.monotonic())

    @cached_property
    def profile(self) -> Profile:
        """Raises NotReached where there is none."""
        for call in (*self.surveys[0].of("import"), *self.surveys[0].of("describe")):
            if call.error or call.stuck:
                raise NotReached(f"there is no profile: {call.method} {call.error or 'does not come back'}")
        if not self.surveys[0].of("describe"):
            raise NotReached(f"there is no profile: {self.surveys[0].ended}")
        return describe(self.plugin, self.options)

    @cached_property
    def prepared(self) -> None:
        """Nothing, once `prepare` is done. Raises what it raises."""
        _ = self.profile
        prepare(self.plugin, self.options, self._ask)

    @cached_property
    def device(self) -> Device:
        """The device that is checked: the one that was asked for, or the first that the backend uses here."""
        devices = usable((*detect().devices, *own_devices(self.plugin, self.options)), self.profile)
        found = [device for device in devices if self._device in (None, device.id)]
        if not found:
            raise NotReached(f"there is no device {self._device} for it; {_ids(devices)}")
        return found[0]

    @cached_property
    def language(self) -> str:
        """The one in which most is spoken."""
        languages = self.profile.languages
        return "en" if languages is None or "en" in languages else languages[0]

    @property
    def repeats(self) -> bool:
        """Whether it promises the same audio for the same job."""
        return self.profile.reproducible(self.device.kind)

    # ------------------------------------------------------------ in workers

    @cached_property
    def studio(self) -> Studio:
        _ = self.prepared
        recipe = self._recipe_of(self.plugin, self.options)
        return Studio(recipe, self._make, self.device, self.profile, self._timeouts)

    def job(self, name: str, text: str, **how: Any) -> ChunkJob:
        """A job whose stream is its name, with the usual seed and language unless said otherwise."""
        language = how.pop("language", self.language)
        return ChunkJob(name, 0, text, language, **{"seed": SEED} | how)

    @cached_property
    def alone(self) -> Performance:
        """One job after the other: plain ones, one again, other seeds, the longest, the odd ones."""
        texts = dict(zip(("long", "middle", "short"), self._plain, strict=True))
        jobs = [self.job(name, text) for name, text in texts.items()]
        jobs += [self.job(f"{name} again", text) for name, text in texts.items()]
        jobs += [self.job(f"seed {seed}", self._plain[0], seed=seed) for seed in OTHER_SEEDS]
        jobs.append(self.job("longest", up_to(self.profile.cap(self.language), self.language)))
        jobs += [self.job(name, text[: self._bearable]) for name, text in ODD.items()]
        jobs += [
            self.job(f"speed {speed:g}", self._plain[1], speed=speed)
            for speed in dict.fromkeys(self.profile.speeds)
            if speed != 1.0
        ]
        return self.perform([[job] for job in jobs], share=0.6)

    @cached_property
    def elsewhere(self) -> Performance:
        """The plain jobs in another process, in another order."""
        next(self.spoken(self.alone))
        jobs = [self.alone.spoken[name].job for name in ("short", "middle", "long")]
        return self.perform([[job] for job in jobs], share=0.5)

    @cached_property
    def together(self) -> Performance:
        """As many at a time as there are slots; among others one is cancelled, one refused, one relieved."""
        next(self.spoken(self.alone))
        k = self.slots
        groups = [
            self._group("beside", k),
            [self.job("cancelled at once", self._plain[0]), *self._group("while cancelled", k - 1)],
            self._group("after cancelling", 1),
            [self.job("cancelled later", self._plain[0]), *self._group("while cancelled later", k - 1)],
            self._group("after cancelling later", 1),
        ]
        if (bad := self.refused) is not None:
            groups.append([replace(bad, stream="refused"), *self._group("while refused", k - 1)])
            groups.append(self._group("after refusing", 1))
        groups.append([self.job(RELIEVED, self._plain[0]), *self._group("while relieved", k - 1)])
        again = [self.job("long", self._plain[0])]
        cancelled = {"cancelled at once": "at once", "cancelled later": "after a piece"}
        return self.perform(groups, k, share=0.8, again=again, cancelled=cancelled)

    @cached_property
    def left_out(self) -> Mapping[str, object]:
        """Options that `identity` does not contain, as it is the same with another value: that value."""
        usual = identity(self.plugin, self.options)
        return {
            name: other
            for name, other in other_values(self.options)
            if identity(self.plugin, self.options.model_copy(update={name: other})) == usual
        }

    @cached_property
    def otherwise(self) -> Performance:
        """The plain jobs with other values of the options that `identity` leaves out."""
        options = self.options.model_copy(update=dict(self.left_out))
        jobs = [self.alone.spoken[name].job for name in ("long", "middle", "short")]
        recipe = self._recipe_of(self.plugin, options)
        studio = Studio(recipe, self._make, self.device, self.profile, self._timeouts)
        return studio.perform([[job] for job in jobs], self.deadline)

    @cached_property
    def tour(self) -> Performance:
        """Something in each language, and with each voice."""
        next(self.spoken(self.alone))
        languages = [each for each in self.languages if each not in self.lacking]
        jobs = [self.job(f"language {each}", prose(each), language=each) for each in languages]
        jobs += [
            self.job(f"voice {name}", prose(language), language=language, voice=name)
            for name, language in self.voices.items()
        ]
        return self.perform([[job] for job in jobs], share=0.8)

    @property
    def languages(self) -> Sequence[str]:
        """Those that it declares."""
        return self.profile.languages or ()

    @cached_property
    def lacking(self) -> Mapping[str, str]:
        """Languages that `check` refuses, and why: packages of theirs may not be installed here."""
        found = {}
        for language in self.languages:
            try:
                check_request(self.plugin, VoiceRequest(language), self.options)
            except UsageError as error:
                found[language] = str(error)
        return found

    @cached_property
    def voices(self) -> Mapping[str, str]:
        """Some of its voices, each with a language that it speaks."""
        gave = next((call.gave for call in self.surveys[0].of("voices")), None)
        if gave is None:
            raise NotReached("there are no voices to speak with: see the rule `voices`")
        every = {voice["name"]: next(iter(voice["languages"]), self.language) for voice in gave}
        spoken = {name: language for name, language in every.items() if self._takes(name, language)}
        step = max(1, len(spoken) // MOST_VOICES)
        return dict(list(spoken.items())[::step][:MOST_VOICES])

    def _takes(self, voice: str, language: str) -> bool:
        """Whether a request may name this voice here: its files may have to be fetched first."""
        try:
            check_request(self.plugin, VoiceRequest(language, voice), self.options)
        except UsageError:
            return False
        return True

    @cached_property
    def slots(self) -> int:
        """How many jobs at a time are tried."""
        most = min(self.profile.slots, MOST_TOGETHER)
        return max(1, self.profile.slots_in(self.device.free_bytes, most))

    @cached_property
    def refused(self) -> ChunkJob | None:
        """A job that fails in it and leaves its worker alive; None where none was found."""
        failed = (spoken.job for spoken in self.alone.spoken.values() if spoken.ended == "failed")
        return next(failed, None)

    def perform(
        self, groups: Sequence[Sequence[ChunkJob]], slots: int = 1, *, share: float, **how: Any
    ) -> Performance:
        """As `Studio.perform`, in this share of the time that is left.

        Raises NotReached where nothing can be spoken.
        """
        now = time.monotonic()
        if now > self.deadline:
            raise NotReached(self.too_late)
        performance = self.studio.perform(groups, now + share * (self.deadline - now), slots, **how)
        if performance.not_loaded is not None and performance.load_s is None:
            raise NotReached(f"no worker can be loaded: {performance.not_loaded}")
        return performance

    @property
    def too_late(self) -> str:
        """What is said of what could not be tried in time."""
        return (
            f"the budget of {self._budget_s:g} s was over before; give more: --budget {2 * self._budget_s:g}"
        )

    def spoken(self, performance: Performance, *names: str) -> Iterator[Spoken]:
        """Those jobs of a performance that are whole, of these names or all.

        Raises NotReached where none is.
        """
        chosen = [performance.spoken[name] for name in names] if names else list(performance.spoken.values())
        whole = [each for each in chosen if each.whole]
        if not whole:
            why = next((each.outcome for each in chosen if each.ended != "not spoken"), self.too_late)
            raise NotReached(f"nothing was spoken ({why})")
        yield from whole

    def is_same(self, one: Spoken, other: Spoken) -> bool:
        """Whether two jobs sound the same, as far as the backend promises it."""
        a, b = one.samples, other.samples
        if a.size != b.size:
            return False
        return bool(np.array_equal(a, b) if self.profile.deterministic else np.allclose(a, b, 0.0, SAME))

    def difference(self, one: Spoken, other: Spoken) -> str:
        """For a person: how two differ."""
        rate, a, b = self.profile.sample_rate, one.samples, other.samples
        if a.size != b.size:
            return f"{a.size / rate:.3f} s of audio and {b.size / rate:.3f} s"
        return f"samples differ by up to {float(np.abs(a - b).max()):.2g}"

    @cached_property
    def _plain(self) -> tuple[str, ...]:
        cap = self.profile.cap(self.language)
        return tuple(text[:cap] for text in sentences(self.language))

    @property
    def _bearable(self) -> int:
        """Characters of the longest text: what takes so long by the profile, but more than the cap."""
        profile = self.profile
        chars_in_time = LONGEST_S / max(profile.rtf, 1e-6) * profile.rate(self.language)
        return max(2 * profile.cap(self.language), int(min(chars_in_time, 1e6)))

    def plain(self, text: str) -> str:
        """The name of the plain job with this text."""
        return dict(zip(self._plain, ("long", "middle", "short"), strict=True))[text]

    def _group(self, name: str, count: int) -> list[ChunkJob]:
        return [self.job(f"{name} {n}", self._plain[n % len(self._plain)]) for n in range(count)]


def promised(subject: BackendSubject) -> None:
    """Raise DoesNotApply where a backend does not promise the same audio for the same job."""
    if not subject.repeats:
        raise DoesNotApply(f"the profile does not promise the same audio on {subject.device.kind}")


def _ids(devices: Iterable[Device]) -> str:
    ids = [device.id for device in devices]
    return f"it runs on {', '.join(ids)}" if ids else "this machine has none that it can use"


__all__ = ["BUDGET_S", "SAME", "BackendSubject", "promised"]
