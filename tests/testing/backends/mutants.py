"""Backends that are `Good` but for one thing, each with the rule that is about it."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tests.testing.backends.good import CAP, RATE, Good
from ttsflow import (
    AudioPiece,
    Backend,
    BackendUnavailable,
    ChunkJob,
    Device,
    JobRefused,
    PluginOptions,
    Profile,
    Step,
    TextTooLong,
    Voice,
)

BROKEN: list[tuple[str, type[Backend]]] = []
"""the rule, and the backend that breaks it"""

numbers = itertools.count(100)

Samples = NDArray[np.float32]


def breaks(rule: str) -> Callable[[type[Good]], type[Good]]:
    """Note the rule that a backend breaks."""

    def note(cls: type[Good]) -> type[Good]:
        BROKEN.append((rule, cls))
        return cls

    return note


def with_profile(rule: str, what: str, **properties: Any) -> None:
    """A backend whose profile has these properties."""

    class Mutant(Good):
        """Good."""

        @classmethod
        def properties(cls, options: PluginOptions) -> dict[str, Any]:
            return super().properties(options) | properties

    Mutant.__name__ = what
    BROKEN.append((rule, Mutant))


def with_sound(rule: str, what: str, change: Callable[[Samples], Any]) -> None:
    """A backend whose samples are changed."""

    class Mutant(Good):
        """Good."""

        def sound(self, job: ChunkJob, word: str) -> Samples:
            return change(super().sound(job, word))  # type: ignore[no-any-return]

    Mutant.__name__ = what
    BROKEN.append((rule, Mutant))


def with_piece(rule: str, what: str, change: Callable[[AudioPiece], Any]) -> None:
    """A backend whose pieces are changed."""

    class Mutant(Good):
        """Good."""

        def step(self) -> Iterable[Step]:
            for step in super().step():
                yield step if step.piece is None else replace(step, piece=change(step.piece))

    Mutant.__name__ = what
    BROKEN.append((rule, Mutant))


def with_method(rule: str, what: str, method: str, function: Callable[..., Any]) -> None:
    """A backend with another class method, which is given the options, if any."""
    mutant = type(what, (Good,), {"__doc__": "Good.", method: classmethod(function)})
    BROKEN.append((rule, mutant))


def raising(error: BaseException) -> Callable[..., Any]:
    def raises(*arguments: object) -> Any:
        raise error

    return raises


# ---------------------------------------------------------------- foreground


@breaks("imports")
class CannotBeMade(Good):
    """Good."""

    def __init__(self, options: PluginOptions | None = None) -> None:
        raise ImportError("no module named libgood")


BROKEN.append(("described", type("HasNoDocstring", (Good,), {})))


def heavy(name: str) -> Callable[..., Any]:
    """A class method that imports a module, which is on the path as an empty one."""

    def imports(cls: type[Good], *options: Any) -> Any:
        sys.modules.pop(name, None)
        __import__(name)
        return Good.voices(*options) if options else None

    return imports


with_method("light", "ImportsJaxToSeeWhatIsMissing", "missing", heavy("jax"))
with_method("light", "ImportsLibrosaToListVoices", "voices", heavy("librosa"))


@breaks("quick")
class WorksOnWhatIsMissing(Good):
    """Good."""

    @classmethod
    def missing(cls) -> str | None:
        until = time.process_time() + 0.25
        while time.process_time() < until:
            pass
        return None


@breaks("quiet")
class Prints(Good):
    """Good."""

    @classmethod
    def describe(cls, options: PluginOptions) -> Profile:
        print("describing")
        return super().describe(options)


@breaks("quiet")
class HasAChildThatPrints(Good):
    """Good."""

    @classmethod
    def voices(cls, options: PluginOptions) -> Sequence[Voice]:
        subprocess.run(["echo", "voices"], check=True)
        return super().voices(options)


@breaks("quiet")
class WritesToTheDescriptor(Good):
    """Good."""

    @classmethod
    def identity(cls, options: PluginOptions) -> str:
        os.write(1, b"identity\n")
        return super().identity(options)


with_method("describes", "DescribesNothing", "describe", lambda cls, options: None)
with_method("describes", "DescribesWithADict", "describe", lambda cls, options: cls.properties(options))
with_method("describes", "RaisesWhenDescribed", "describe", raising(KeyError("model")))
with_method("describes", "DescribesOtherwiseEachTime", "describe",
            lambda cls, options: replace(Good.describe(options), min_chars=next(numbers)))  # fmt: skip
with_profile("profile", "NamesAnotherBackend", backend="better")
with_profile("profile", "RunsOnAToaster", device_kinds=("cpu", "toaster"))
with_profile("profile", "RepeatsOnGpus", reproducible_on=("gpu",))
with_profile("profile", "IsSlowAlone", slowdown=(1.5, 1.6, 1.7))
with_profile("profile", "TakesNegativeTime", rtf=-0.1)
with_profile("profile", "SpeaksAnEmptyLanguage", languages=("en", "de", ""))
with_method("identity", "IsANumber", "identity", lambda cls, options: 7)
with_method("identity", "IsAnotherEachTime", "identity", lambda cls, options: uuid.uuid4().hex)
with_method("identity", "RaisesWhenAskedWhoItIs", "identity", raising(FileNotFoundError("model.bin")))


@breaks("options")
class HasAnOptionThatIsNoJson(Good):
    """Good."""

    class Options(Good.Options):
        model: Any = Field(default_factory=object)


@breaks("options")
class HasAnOptionThatIsForgotten(Good):
    """Good."""

    class Options(Good.Options):
        secret: int = Field(default_factory=lambda: next(numbers), exclude=True)


with_method("missing", "MissesFalse", "missing", lambda cls: False)
with_method("missing", "MissesAnEmptyCommand", "missing", lambda cls: "")
with_method("missing", "RaisesWhenSomethingIsMissing", "missing", raising(ModuleNotFoundError("good")))
with_method("devices", "HasDevicesThatAreStrings", "devices", lambda cls, options: ["remote:0"])
with_method("devices", "HasTwoDevicesWithOneId", "devices", lambda cls, options: [Device("cpu", "cpu")] * 2)
with_method("devices", "HasDevicesOfAnotherKind", "devices",
            lambda cls, options: [Device("remote:0", "remote")])  # fmt: skip
with_method("voices", "HasVoicesThatAreStrings", "voices", lambda cls, options: ["anna"])
with_method("voices", "HasAVoiceTwice", "voices", lambda cls, options: [Voice("anna"), Voice("anna")])
with_method("voices", "HasAVoiceWithoutAName", "voices", lambda cls, options: [Voice("")])
with_method("voices", "HasAVoiceOfAnotherLanguage", "voices", lambda cls, options: [Voice("a", ("fr",))])
with_method("voices", "HasLanguagesInOneString", "voices", lambda cls, options: [Voice("anna", "en")])
with_method("voices", "RefusesItsOwnVoices", "check_voice", raising(ValueError("anna")))
with_method("unknown-voice", "TakesAnyVoice", "check_voice", lambda cls, voice, options: None)
with_method("unknown-voice", "RaisesKeyErrorForAVoice", "check_voice",
            lambda cls, voice, options: {"anna": None, "ben": None, "carl": None}[voice])  # fmt: skip
with_method("checks-requests", "ReturnsWhetherARequestIsGood", "check", lambda cls, request, options: True)
with_method("checks-requests", "RaisesTypeErrorForARequest", "check", raising(TypeError("no voice")))
with_method("checks-requests", "MayTakeRecordings", "takes_reference_audio", lambda cls: "perhaps")
with_method("prepares", "RaisesWhenPrepared", "prepare", raising(ConnectionError("no network")))
with_method("prepares", "IsUnavailableWithoutAWord", "prepare", raising(BackendUnavailable("")))

# ---------------------------------------------------------------- audio


@breaks("speaks")
class EndsWithoutAudio(Good):
    """Good."""

    def step(self) -> Iterable[Step]:
        jobs, self.left = list(self.left), {}
        return [Step(job, done=True) for job in jobs]


@breaks("speaks")
class FailsWithEveryJob(Good):
    """Good."""

    def start(self, job: ChunkJob) -> None:
        raise RuntimeError("the model is not loaded")


with_sound("speaks", "IsSilent", lambda samples: 0 * samples)
with_sound("sample-type", "GivesFloat64", lambda samples: samples.astype(np.float64))
with_sound("sample-type", "Gives16Bits", lambda samples: (32767 * samples).astype(np.int16))
with_sound("sample-type", "GivesLists", lambda samples: samples.tolist())
with_sound("sample-type", "GivesBytes", lambda samples: samples.tobytes())
with_piece("sample-type", "GivesBareArrays", lambda piece: piece.samples)
with_sound("shape", "GivesStereo", lambda samples: np.stack([samples, samples]))
with_sound("shape", "GivesColumns", lambda samples: samples[:, None])
with_piece("sample-rate", "GivesTwiceTheRate", lambda piece: replace(piece, sample_rate=2 * RATE))
with_piece("sample-rate", "GivesTheRateAsAString", lambda piece: replace(piece, sample_rate=str(RATE)))
with_piece("sample-rate", "GivesTheRateAsAFloat", lambda piece: replace(piece, sample_rate=float(RATE)))
with_sound("finite", "GivesNan", lambda samples: np.append(samples, np.float32("nan")))
with_sound("finite", "GivesInfinity", lambda samples: np.append(samples, np.float32("inf")))
with_sound("loudness", "IsTooLoud", lambda samples: 6 * samples)
with_sound("loudness", "IsAsLoudAs16Bits", lambda samples: 32767 * samples)
with_sound("loudness", "IsClipped", lambda samples: np.sign(samples).astype(np.float32))
with_sound("loudness", "IsNearlySilent", lambda samples: 0.001 * samples)


@breaks("buffers")
class UsesOneBuffer(Good):
    """Good."""

    def sound(self, job: ChunkJob, word: str) -> Samples:
        samples = super().sound(job, word)
        if getattr(self, "buffer", np.zeros(0)).size < samples.size:
            self.buffer = np.zeros(4 * samples.size, np.float32)
        self.buffer[: samples.size] = samples
        return self.buffer[: samples.size]


@breaks("buffers")
class FadesWhatItGaveBefore(Good):
    """Good."""

    def sound(self, job: ChunkJob, word: str) -> Samples:
        if hasattr(self, "last"):
            self.last[-5:] *= 0.5
        self.last = super().sound(job, word)
        return self.last


with_sound("length", "IsTenTimesTooLong", lambda samples: np.tile(samples, 10))
with_sound("length", "IsTenTimesTooShort", lambda samples: samples[::10].copy())
with_profile("length", "ClaimsToSpeakQuickly", chars_per_s={"*": 100.0})


@breaks("longer")
class SaysTheSameOfAnyText(Good):
    """Good."""

    def start(self, job: ChunkJob) -> None:
        super().start(job)
        self.left[job] = ["whatever"]


@breaks("longest")
class FailsBeyondHalfOfItsCap(Good):
    """Good."""

    def start(self, job: ChunkJob) -> None:
        if CAP / 2 < len(job.text) <= CAP:
            raise ValueError("too many tokens")
        super().start(job)


@breaks("longest")
class RefusesWhatItClaimsToTake(Good):
    """Good."""

    def start(self, job: ChunkJob) -> None:
        if len(job.text) > 150:
            raise JobRefused("longer than 150 characters")
        super().start(job)


class Splits(Good):
    """Good."""

    def parts(self, text: str) -> Any:
        raise NotImplementedError

    def start(self, job: ChunkJob) -> None:
        if len(job.text) > CAP:
            raise TextTooLong(self.parts(job.text))
        super().start(job)


@breaks("parts")
class LosesTheLastWords(Splits):
    """Good."""

    def parts(self, text: str) -> Any:
        return [text[:CAP], text[CAP : 2 * CAP]]


@breaks("parts")
class TurnsPartsAround(Splits):
    """Good."""

    def parts(self, text: str) -> Any:
        return [text[CAP:], text[:CAP]]


@breaks("parts")
class SplitsIntoTheWholeAndNothing(Splits):
    """Good."""

    def parts(self, text: str) -> Any:
        return [text, "."]


@breaks("parts")
class SplitsIntoOne(Splits):
    """Good."""

    def parts(self, text: str) -> Any:
        return [text]


def failing(rule: str, what: str, fails: Callable[[ChunkJob], bool], error: Exception) -> None:
    """A backend that raises for some jobs."""

    class Mutant(Good):
        """Good."""

        def start(self, job: ChunkJob) -> None:
            if fails(job):
                raise error
            super().start(job)

    Mutant.__name__ = what
    BROKEN.append((rule, Mutant))


failing("odd-texts", "FailsWithEmoji", lambda job: "👍" in job.text, UnicodeError("surrogates not allowed"))
failing("odd-texts", "FailsWithOneLetter", lambda job: len(job.text) == 1, IndexError("list index"))
failing("odd-texts", "FailsWithDigits", lambda job: "3.14" in job.text, KeyError("3"))
failing("odd-texts", "RefusesWithoutAWord", lambda job: "aaa" in job.text, ValueError())
failing("languages", "CannotSpeakOfItsLanguages", lambda job: job.language == "de", JobRefused("no German"))
failing("voices-speak", "CannotSpeakWithAVoice", lambda job: job.voice == "ben", KeyError("ben"))
failing("speeds", "FailsAtFullSpeed", lambda job: job.speed == 2.0, ValueError("too fast"))


@breaks("streams")
class GivesAllAtTheEnd(Good):
    """Good."""

    def step(self) -> Iterable[Step]:
        if any(job.stream == "long" for job in self.left):
            time.sleep(0.3)
        steps: list[Step] = []
        while self.left:
            steps += super().step()
        return steps


@breaks("speeds")
class IgnoresTheSpeed(Good):
    """Good."""

    def sound(self, job: ChunkJob, word: str) -> Samples:
        return super().sound(replace(job, speed=1.0), word)


@breaks("speeds")
class TakesTheSpeedForTheLength(Good):
    """Good."""

    def sound(self, job: ChunkJob, word: str) -> Samples:
        return super().sound(replace(job, speed=1 / job.speed), word)


@breaks("voices-differ")
class HasOneVoiceOnly(Good):
    """Good."""

    def sound(self, job: ChunkJob, word: str) -> Samples:
        return super().sound(replace(job, voice=None), word)


# ---------------------------------------------------------------- promises


def sounding(rule: str, what: str, seed: Callable[[Any, ChunkJob], int]) -> None:
    """A backend whose sound hangs on something else than the job: this number."""

    class Mutant(Good):
        """Good."""

        jobs = 0
        texts = ""
        loads = 0
        reliefs = 0
        refusals = 0
        most = 0

        def load(self, device: Device, slots: int) -> None:
            super().load(device, slots)
            type(self).loads += 1

        def start(self, job: ChunkJob) -> None:
            self.jobs += 1
            self.texts = self.texts or job.text
            try:
                super().start(job)
            except JobRefused:
                self.refusals += 1
                raise
            self.most = max(self.most, len(self.left))

        def relieve(self) -> None:
            self.reliefs += 1

        def sound(self, job: ChunkJob, word: str) -> Samples:
            return super().sound(replace(job, seed=seed(self, job)), word)

    Mutant.__name__ = what
    BROKEN.append((rule, Mutant))


sounding("repeats", "CountsItsJobs", lambda it, job: it.jobs)
sounding("repeats", "SoundsByTheClock", lambda it, job: time.perf_counter_ns())
sounding("repeats", "SoundsByItsMemory", lambda it, job: id(object()) + next(numbers))
sounding("repeats-elsewhere", "SoundsLikeItsFirstJob", lambda it, job: job.seed + len(it.texts))
sounding("repeats-elsewhere", "SoundsLikeItsProcess", lambda it, job: job.seed + it.loads)
sounding("seeds", "IgnoresTheSeed", lambda it, job: 0)
with_profile("seeds", "SaysThatSeedsDoNothing", seeds=False)
sounding("slots-apart", "SoundsOtherwiseInCompany", lambda it, job: job.seed + (len(it.left) > 1))
sounding("fails-alone", "SoundsOtherwiseAfterARefusal",
         lambda it, job: job.seed + bool(it.refusals and it.most > 1))  # fmt: skip
sounding("relieves", "SoundsOtherwiseAfterRelief", lambda it, job: job.seed + it.reliefs)
sounding("loads-again", "SoundsOtherwiseAfterLoading", lambda it, job: job.seed + (it.loads > 2))


@breaks("slots")
class SpeaksOneJobOnly(Good):
    """Good."""

    def start(self, job: ChunkJob) -> None:
        if self.left:
            raise RuntimeError("busy")
        super().start(job)


@breaks("slots")
class FailsWithThree(Good):
    """Good."""

    def step(self) -> Iterable[Step]:
        if len(self.left) > 2:
            raise IndexError("batch index 2 is out of range")
        return super().step()


@breaks("slots-apart")
class MixesJobsUp(Good):
    """Good."""

    def sound(self, job: ChunkJob, word: str) -> Samples:
        others = [words[0] for other, words in self.left.items() if other != job]
        return super().sound(job, others[0] if others else word)


@breaks("cancels")
class CannotCancel(Good):
    """Good."""

    def cancel(self, job: ChunkJob) -> None:
        raise NotImplementedError


@breaks("cancels")
class GoesOnAfterCancel(Good):
    """Good."""

    def cancel(self, job: ChunkJob) -> None:
        pass


@breaks("cancels")
class KeepsTheSlotOfWhatWasCancelled(Good):
    """Good."""

    taken = 0

    def start(self, job: ChunkJob) -> None:
        if self.taken + len(self.left) >= 3:
            raise RuntimeError("no slot is free")
        super().start(job)

    def cancel(self, job: ChunkJob) -> None:
        super().cancel(job)
        self.taken += 3


@breaks("cancels-alone")
class CutsTheOthersShort(Good):
    """Good."""

    def cancel(self, job: ChunkJob) -> None:
        super().cancel(job)
        self.left = {other: words[:1] for other, words in self.left.items()}


@breaks("cancels-alone")
class CancelsTheWrongOne(Good):
    """Good."""

    def cancel(self, job: ChunkJob) -> None:
        others = [other for other in self.left if other != job]
        super().cancel(job)
        for other in others[:1]:
            self.left[other] = self.left[other][::-1]


@breaks("fails-alone")
class DropsTheOthersWithARefusal(Good):
    """Good."""

    def start(self, job: ChunkJob) -> None:
        try:
            super().start(job)
        except JobRefused:
            self.failed = True
            raise

    def step(self) -> Iterable[Step]:
        if getattr(self, "failed", False):
            self.failed = False
            if len(self.left) > 1:
                raise RuntimeError("a job of the batch was refused")
        return super().step()


def with_instance_method(rule: str, what: str, method: str, function: Callable[..., Any]) -> None:
    BROKEN.append((rule, type(what, (Good,), {"__doc__": "Good.", method: function})))


def once(name: str, error: Exception) -> Callable[..., Any]:
    """A method that may be called once."""

    def method(self: Any, *arguments: object) -> Any:
        if getattr(self, f"_{name}_before", False):
            raise error
        setattr(self, f"_{name}_before", True)
        return getattr(Good, name)(self, *arguments)

    return method


with_instance_method("relieves", "CannotRelieve", "relieve", raising(AttributeError("cache")))
with_instance_method("relieves", "RelievesOnce", "relieve", once("relieve", KeyError("cache")))
with_instance_method("closes", "CannotBeClosed", "close", raising(OSError("busy")))
with_instance_method("closes", "ClosesOnce", "close", once("close", ValueError("closed already")))
with_instance_method("loads-again", "LoadsOnce", "load", once("load", RuntimeError("loaded already")))


@breaks("loads-again")
class ForgetsItsJobsOnClose(Good):
    """Good."""

    def load(self, device: Device, slots: int) -> None:
        if not hasattr(self, "left"):
            super().load(device, slots)

    def close(self) -> None:
        self.left = None  # type: ignore[assignment]


@breaks("relieves")
class ForgetsWordsWhenRelieved(Good):
    """Good."""

    def relieve(self) -> None:
        self.left = {job: words[:1] for job, words in self.left.items()}


with_method("identity-of-sound", "LeavesThePitchOut", "identity", lambda cls, options: "good 1.0")

# ---------------------------------------------------------------- profile


class Slow(Good):
    """Takes time for some jobs."""

    a_word_s = 0.015
    in_company = 1

    def step(self) -> Iterable[Step]:
        for step in super().step():
            if step.job.stream.endswith(" again") or step.job.stream.startswith("beside"):
                time.sleep(self.a_word_s * (self.in_company if len(self.left) > 1 else 1))
            yield step


@breaks("rtf")
class IsSlowerThanItSays(Slow):
    """Good."""

    a_word_s = 0.06


@breaks("slowdown")
class TakesTurns(Slow):
    """Good."""

    in_company = 4

    @classmethod
    def properties(cls, options: PluginOptions) -> dict[str, Any]:
        return super().properties(options) | {"slowdown": (1.0, 1.0, 1.0)}
