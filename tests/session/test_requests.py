"""What each request brings: two voices at once in one engine, and what cannot be spoken is refused alone."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.fakes.fake_nvml import environment
from tests.session.world import SIM, TWO_VOICES, noted, scribe, text_of
from ttsflow import ConfigError, Engine, OutputError, UnknownNameError, UsageError


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(settings=TWO_VOICES) as opened:
        yield opened


def heard(engine: Engine, text: str, **said: Any) -> np.ndarray:
    return np.concatenate([piece.samples for piece in engine.stream(text, **said)])


# ---------------------------------------------------------------- what a request says


def test_the_format_of_the_text_is_a_requests(engine: Engine) -> None:
    text = "# Title\n\nSome *words* here."
    for format, first in (("markdown", "Title"), ("text", "# Title")):
        places = engine.request(text, format=format).places()
        assert next(iter(places)).job.text == first


def test_what_a_text_looks_like_is_told_once(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    text = "# Title\n\nSome **bold** words."
    for format in ("text", "markdown", None, None):
        engine.request(text, format=format)
    [told] = caplog.messages
    assert told.startswith("text looks like Markdown (headings, **bold**)")


def test_a_name_that_is_not_said_is_one_that_is_free(engine: Engine) -> None:
    name = engine.request("Hello.").name
    number = int(name.split()[-1])
    following = engine.stream(text_of(3), name=f"stream {number + 1}")
    next(following)
    assert heard(engine, "Hello.").size
    with pytest.raises(UsageError, match=f"a request named 'stream {number + 1}' is being spoken already"):
        engine.stream("Hello.", name=f"stream {number + 1}")
    list(following)


def test_two_voices_at_once_in_one_engine(engine: Engine) -> None:
    voices = ["anna", "bert", None]
    with ThreadPoolExecutor(len(voices)) as threads:
        together = list(threads.map(lambda voice: heard(engine, text_of(5), voice=voice), voices))
    for voice, audio in zip(voices, together, strict=True):
        with Engine(settings=TWO_VOICES | ({"text.voice": voice} if voice else {})) as alone:
            assert np.array_equal(heard(alone, text_of(5)), audio), "as if the configuration had said it"
    assert len({audio.tobytes() for audio in together}) == 3


@pytest.mark.parametrize(
    ("said", "settings"),
    [
        ({"seed": 7}, {"text.seed": 7}),
        ({"language": "de"}, {"text.language": "de"}),
        ({"pauses": {"paragraph_s": 1.0}}, {"text.pauses.paragraph_s": 1.0}),
        ({"speed": 2.0}, {"text.speed": 2.0}),
    ],
)
def test_what_a_request_says_is_heard_as_if_the_configuration_said_it(
    engine: Engine, tmp_path: Path, said: dict[str, Any], settings: dict[str, Any]
) -> None:
    text = text_of(2)
    plain = heard(engine, text)
    audio = heard(engine, text, **said)
    assert not np.array_equal(audio, plain)
    with Engine(settings=TWO_VOICES | settings) as configured:
        assert np.array_equal(heard(configured, text), audio)
    engine.speak(text, tmp_path / "out.wav", **said)
    assert len(soundfile.read(tmp_path / "out.wav")[0]) == len(audio)
    assert np.array_equal(heard(engine, text), plain), "the next request is as before"


def test_half_the_speed_is_twice_the_length(engine: Engine) -> None:
    lengths = [len(heard(engine, "Hello.", speed=speed, pauses={"paragraph_s": 0})) for speed in (0.5, 1, 2)]
    assert lengths == [4800, 2400, 1200]


def test_a_file_is_gone_on_with_by_the_same_request_alone(engine: Engine, tmp_path: Path) -> None:
    def spoken(**said: Any) -> int:
        return engine.speak(text_of(3), tmp_path / "out.wav", **said).account.delivered

    assert spoken(voice="anna") == 3
    assert spoken(voice="anna") == 0
    assert spoken(voice="bert") == 3
    assert spoken(voice="anna") == 0, "it is kept, too"
    assert spoken(voice="anna", speed=1.5) == 3
    assert spoken(voice="anna", speed=1.5, pauses={"sentence_s": 1.0}) == 0
    assert spoken(voice="anna", speed=1.0) == 0


def test_a_voice_of_the_configuration_gives_way_to_a_recording_and_the_other_way_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.wav").write_bytes(b"a recording")
    Path("other.wav").write_bytes(b"another")
    with Engine(**_with(scribe(tmp_path), voice="anna")) as engine:
        list(engine.stream("Eins.", language="de", reference="my.wav"))
        list(engine.stream("Zwei.", language="de", reference=[Path("my.wav"), "other.wav"]))
        list(engine.stream("Drei.", language="de", voice="bert"))
        list(engine.stream("Vier.", language="de"))
    mine, other = str(tmp_path / "my.wav"), str(tmp_path / "other.wav")
    asked = [(note["voice"], note["references"]) for note in noted(tmp_path) if "text" in note]
    assert asked == [(None, [mine]), (None, [mine, other]), ("bert", []), ("anna", [])]


def _with(given: dict[str, Any], **text: Any) -> dict[str, Any]:
    settings = {f"text.{key}": value for key, value in text.items()} | {"text.language": "de"}
    return given | {"settings": given["settings"] | settings}


# ---------------------------------------------------------------- what is refused


REFUSED = {
    "an unknown voice": ({"voice": "bret"}, UnknownNameError, "unknown voice 'bret'; did you mean 'bert'?"),
    "a recording": ({"reference": __file__}, UsageError, "'sim' does not take reference audio"),
    "two voices": ({"voice": "anna", "reference": "a.wav"}, ConfigError, "has both voice and reference"),
    "too fast": ({"speed": 5.0}, UsageError, "speaks at speeds from 0.25 to 4, not at 5"),
    "no speed": ({"speed": 0.0}, ConfigError, "speed is 0.0, but must be greater than 0"),
    "a pause": ({"pauses": {"sentence": 1.0}}, ConfigError, "did you mean 'sentence_s'"),
    "a length": ({"pauses": {"sentence_s": -1.0}}, ConfigError, "pauses.sentence_s is -1.0"),
    "a seed": ({"seed": "many"}, ConfigError, "seed is 'many', but must be a whole number"),
    "a weight": ({"weight": 0.0}, UsageError, "weight must be above 0, not 0.0"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_request_that_cannot_be_is_refused_in_words_and_alone(
    engine: Engine, tmp_path: Path, what: str
) -> None:
    said, error, words = REFUSED[what]
    with pytest.raises(error) as caught:
        engine.stream("Hello.", **said)
    assert words in str(caught.value)
    with pytest.raises(error):
        engine.speak("Hello.", tmp_path / "out.wav", **said)
    assert list(tmp_path.iterdir()) == []
    assert len(heard(engine, "Hello.")) > 0


def test_a_recording_that_is_not_there(tmp_path: Path) -> None:
    engine = Engine(**_with(scribe(tmp_path)), preload=False)
    with pytest.raises(UsageError, match=r"absent\.wav: No such file or directory; give another file"):
        engine.stream("Hallo.", reference=tmp_path / "absent.wav")
    engine.close()


def test_a_backend_that_knows_no_other_speed(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text(OLD_BACKEND)
    with Engine(settings={"backend.use": "old"}, plugins_dirs=[tmp_path], preload=False) as engine:
        with pytest.raises(UsageError, match=r"backend 'old' cannot change its speed: leave speed 1\.5 out"):
            engine.stream("Hello.", speed=1.5)
        assert len(list(engine.stream("Hello.", speed=1.0))) == 2


def test_a_voice_that_only_one_of_two_requests_has_fails_that_one_alone(
    engine: Engine, tmp_path: Path
) -> None:
    def speak(voice: str) -> int:
        path = tmp_path / f"{voice}.wav"
        return engine.speak(text_of(4), path, voice=voice).account.delivered

    with ThreadPoolExecutor(2) as threads:
        good, bad = (threads.submit(speak, voice) for voice in ("anna", "claire"))
        assert good.result() == 4
        with pytest.raises(UnknownNameError, match="unknown voice 'claire'"):
            bad.result()
    assert not (tmp_path / "claire.wav").exists()


def test_two_open_requests_of_one_name(engine: Engine, tmp_path: Path) -> None:
    first = engine.stream(text_of(100), name="book")
    next(first)
    for refused in (
        lambda: next(engine.stream("Hello.", name="book")),
        lambda: engine.speak("Hello.", tmp_path / "out.wav", name="book"),
    ):
        with pytest.raises(UsageError, match="a request named 'book' is being spoken already"):
            refused()
    assert not (tmp_path / "out.wav").exists()
    first.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(heard(engine, "Hello.", name="book")) > 0, "once it has ended the name is free"


def test_the_check_of_a_backend_comes_once_a_request_and_before_any_model(tmp_path: Path) -> None:
    with Engine(**scribe(tmp_path), preload=False) as engine:
        with pytest.raises(UsageError, match="carl speaks no German"):
            engine.stream(text_of(3), language="de", voice="carl")
        assert noted(tmp_path) == [{"checked": ["de", "carl", [], 1.0]}], "no model was loaded for that"
        list(engine.stream(text_of(3), language="zh", voice="carl", speed=1.5))
    _, checked, loaded, *spoken = noted(tmp_path)
    assert checked == {"checked": ["zh-cn", "carl", [], 1.5]}
    assert loaded == {"loaded": "cpu"}
    assert [(note["language"], note["speed"]) for note in spoken] == [("zh-cn", 1.5)] * 3


def test_a_check_that_goes_wrong_names_the_plugin(tmp_path: Path) -> None:
    given = scribe(tmp_path)
    plugin = tmp_path / "plugins/scribe.py"
    plugin.write_text(plugin.read_text().replace('raise ttsflow.UsageError("carl', 'raise KeyError("carl'))
    engine = Engine(**given, preload=False)
    with pytest.raises(UsageError, match=r"backend 'scribe' of .* raised in check: KeyError"):
        engine.stream("Hallo.", language="de", voice="carl")
    engine.close()


def test_a_language_tag_is_spoken_as_the_nearest_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with Engine(**scribe(tmp_path)) as engine:
        for tag, text in (("de_AT", "Hallo."), ("de_AT", "Hallo."), ("zh", "你好。"), ("de", "Hallo.")):
            list(engine.stream(text, language=tag))
        with pytest.raises(UnknownNameError, match="unknown language 'nl'"):
            engine.stream("Hallo.", language="nl")
        with pytest.raises(UnknownNameError, match="unknown language 'en'"):
            engine.stream("The configuration says no language, and English is the default.")
    assert [note["language"] for note in noted(tmp_path) if "text" in note] == ["de", "de", "zh-cn", "de"]
    assert [record.message for record in caplog.records] == [
        "backend scribe speaks language 'de_AT' as 'de'",
        "backend scribe speaks language 'zh' as 'zh-cn'",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("out.wma", "out.wma has the name of wma audio, and wav is written; name it "),
        ("", "the name of the output file is empty"),
        ("story.txt", "story.txt is the text that is to be spoken"),
        ("nowhere/out.wav", "there is no folder"),
    ],
)
def test_an_output_that_cannot_be_is_refused_as_the_command_does(
    engine: Engine, tmp_path: Path, name: str, said: str
) -> None:
    story = tmp_path / "story.txt"
    story.write_text("Hello.")
    with pytest.raises(OutputError) as caught:
        engine.speak(story, tmp_path / name if name else "", overwrite=True)
    assert said in str(caught.value)
    assert story.read_text() == "Hello."


# ---------------------------------------------------------------- voices and streams on GPUs of their own

ON_GPUS = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from ttsflow import Engine

key, plugins = sys.argv[1:]
requests = {"a": "anna", "b": "bert", "c": "anna"}
settings = {"backend.use": "scribe", "policy.options.key": key, "policy.options.steal": False}
with Engine("gpu-affinity", settings=settings, plugins_dirs=[plugins]) as engine:
    engine.ready(60)
    def speak(name):
        text = "\\n\\n".join(f"Das ist {name} {number}." for number in range(8))
        return len(list(engine.stream(text, name=name, voice=requests[name], language="de")))
    with ThreadPoolExecutor(3) as threads:
        print(list(threads.map(speak, requests)))
"""


@pytest.mark.parametrize("key", ["voice", "stream"])
def test_each_voice_or_stream_keeps_to_its_gpu(key: str, tmp_path: Path, fake_nvml: Path) -> None:
    [plugins] = scribe(tmp_path)["plugins_dirs"]
    env = environment(fake_nvml, gpus=3)
    command = [sys.executable, "-c", ON_GPUS, key, str(plugins)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[16, 16, 16]\n", "eight chunks each, and their pauses"
    gpus: dict[str, set[str]] = {}
    for note in noted(tmp_path):
        if "text" in note:
            gpus.setdefault(note[key], set()).add(note["gpu"])
    assert sorted(gpus) == (["anna", "bert"] if key == "voice" else ["a", "b", "c"])
    assert all(len(seen) == 1 for seen in gpus.values()), gpus
    assert len(set.union(*gpus.values())) == len(gpus), "and no two share one"


# ---------------------------------------------------------------- plugins of version 0.1.0

OLD_BACKEND = """
import ttsflow

class Old(ttsflow.Backend):
    name = "old"

    @classmethod
    def describe(cls, options):
        return ttsflow.Profile(backend=cls.name, sample_rate=8000, deterministic=True)

    def load(self, device, slots):
        import numpy as np

        t = np.arange(800) / 8000
        self.beep = np.sin(2 * np.pi * 440 * t).astype("float32")

    def synthesize(self, job):
        yield ttsflow.AudioPiece(self.beep, 8000)

@ttsflow.hookimpl
def ttsflow_backends():
    return [Old]
"""

OLD_POLICY = """
from ttsflow import Policy, WorkerSpec, hookimpl

class ShortestFirst(Policy):
    '''Shortest chunk first, a worker on every device.'''
    name = "shortest-first"
    def place(self, devices, profile):
        return [WorkerSpec(device) for device in devices]
    def dispatch(self, view):
        for worker in view.free:
            if view.ready:
                yield min(view.ready, key=view.costs.cost), worker

@hookimpl
def ttsflow_policies():
    return [ShortestFirst]
"""

OLD_YAML = """
version: 1
policy: {use: shortest-first}
backend: {use: old}
text: {language: en, seed: 3, pauses: {paragraph_s: 0.5}}
limits: {retries: 1, look_ahead: 4}
plugins: [policy.py, backend.py]
"""


def test_plugins_and_a_configuration_of_version_0_1_0_work(tmp_path: Path) -> None:
    """As its documents showed them: without `speeds`, `check`, or anything else that came later."""
    (tmp_path / "backend.py").write_text(OLD_BACKEND)
    (tmp_path / "policy.py").write_text(OLD_POLICY)
    (tmp_path / "old.yaml").write_text(OLD_YAML)
    with Engine(config=tmp_path / "old.yaml") as engine:
        speech = engine.speak(text_of(5), tmp_path / "out.wav")
        assert (engine.setup.policy.plugin.name, engine.setup.backend.plugin.name) == (
            "shortest-first",
            "old",
        )
    assert speech.account.delivered == 5
    assert soundfile.info(tmp_path / "out.wav").duration == pytest.approx(5 * 0.1 + 5 * 0.5)


def test_no_worker_starts_for_a_request_that_is_refused(tmp_path: Path, workers: Callable[[], int]) -> None:
    with Engine(settings=SIM, preload=False) as engine:
        with pytest.raises(UnknownNameError):
            engine.speak("Hello.", tmp_path / "out.wav", voice="nobody")
        assert workers() == 0
