"""ttsflow as a library: real engines, real workers, real files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.session.world import ONE_WORKER, PLUGINS, SIM, noted, scribe, text_of
from ttsflow.errors import (
    BackendUnavailable,
    ConfigError,
    InputError,
    OutputError,
    PluginError,
    RunError,
    UnknownNameError,
    UsageError,
)
from ttsflow.session.engine import Engine
from ttsflow.session.streams import ChunksFailed


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(settings=SIM) as opened:
        yield opened


def test_a_text_is_spoken_to_a_file(engine: Engine, tmp_path: Path) -> None:
    speech = engine.speak("Good morning.\n\nGood night.", tmp_path / "out.wav")
    assert speech.path == tmp_path / "out.wav"
    assert (speech.account.submitted, speech.account.delivered) == (2, 2)
    samples, rate = soundfile.read(speech.path)
    assert len(samples) / rate == pytest.approx(2 * 0.1 + 2 * 0.6)
    assert np.abs(samples).max() > 0.1


def test_a_path_is_read_and_a_string_is_not(engine: Engine, tmp_path: Path) -> None:
    story = tmp_path / "story.txt"
    story.write_text(text_of(3))
    assert engine.speak(story, tmp_path / "file.wav").account.submitted == 3
    assert engine.speak(str(story), tmp_path / "name.wav").account.submitted == 1


@pytest.mark.parametrize("backend", ["sim", "espeak"])
def test_a_stream_is_what_the_file_is(tmp_path: Path, backend: str) -> None:
    settings: dict[str, Any] = {"backend.use": backend, "policy.use": "bounded-parallel"}
    if backend == "sim":
        settings |= {"backend.options.pieces": 3, "policy.options.max_concurrent": 2}
    with Engine(settings=settings) as engine:
        text = text_of(4)
        engine.speak(text, tmp_path / "out.wav")
        pieces = list(engine.stream(text))
    samples, rate = soundfile.read(tmp_path / "out.wav", dtype="int16")
    assert {piece.sample_rate for piece in pieces} == {rate}
    heard = np.concatenate([piece.samples for piece in pieces])
    assert np.array_equal(np.clip(np.rint(heard * 32768), -32768, 32767).astype(np.int16), samples)


def test_pieces_come_while_the_rest_is_still_being_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each piece is made only once the one before it was heard."""
    heard = tmp_path / "heard"
    heard.touch()
    monkeypatch.setenv("TTSFLOW_HEARD", str(heard))
    with Engine(settings=SIM | {"backend.use": "patient"}, plugins_dirs=[PLUGINS]) as engine:
        for piece in engine.stream(text_of(5)):
            if piece.samples.any():
                heard.write_bytes(heard.read_bytes() + b".")
    assert heard.stat().st_size == 5


def test_a_stream_that_is_left_stops_the_work(tmp_path: Path) -> None:
    given = scribe(tmp_path)
    given["settings"] |= {"policy.use": "sequential", "text.language": "de"}
    with Engine(**given) as engine:
        pieces = engine.stream(text_of(500))
        assert next(pieces).samples.any()
        pieces.close()
        for text in ("After all.", "Once more."):
            assert len(list(engine.stream(text))) == 2
    *spoken, last_but_one, last = [note["text"] for note in noted(tmp_path) if "text" in note]
    assert (last_but_one, last) == ("After all.", "Once more."), "by then nobody spoke the other text"
    assert 0 < len(spoken) < 500


def test_threads_speak_at_the_same_time(engine: Engine, tmp_path: Path) -> None:
    def speak(name: str) -> np.ndarray:
        return soundfile.read(engine.speak(text_of(6, name), tmp_path / f"{name}.wav").path)[0]

    def stream(name: str) -> np.ndarray:
        return np.concatenate([piece.samples for piece in engine.stream(text_of(6, name))])

    with ThreadPoolExecutor(4) as threads:
        files = [threads.submit(speak, name) for name in ("left", "right")]
        streams = [threads.submit(stream, name) for name in ("left", "right")]
        for file, streamed in zip(files, streams, strict=True):
            np.testing.assert_allclose(file.result(), streamed.result(), atol=1 / 32768)
    assert not np.array_equal(files[0].result(), files[1].result())


def test_chunks_that_failed_are_named(tmp_path: Path) -> None:
    faults = [{"at": 1, "kind": "refuse"}, {"at": 3, "kind": "refuse"}]
    with Engine(settings=SIM | {"backend.options.faults": faults}) as engine:
        with pytest.raises(
            ChunksFailed, match="2 of 4 chunks failed; the first is chunk 1 'This is"
        ) as caught:
            engine.speak(text_of(4), tmp_path / "out.wav")
        assert [outcome.job.index for outcome in caught.value.outcomes] == [1, 3]
        assert (caught.value.account.delivered, caught.value.account.failed) == (2, 2)
        samples, rate = soundfile.read(tmp_path / "out.wav")
        assert len(samples) / rate == pytest.approx(2 * 0.1 + 4 * 0.6)

        heard = []
        with pytest.raises(ChunksFailed):
            heard.extend(piece for piece in engine.stream(text_of(4)) if piece.samples.any())
        assert len(heard) == 2, "what was spoken is heard before the error"
        assert engine.speak("Only one.", tmp_path / "one.wav").account.failed == 0


def test_the_library_never_falls_back(monkeypatch: pytest.MonkeyPatch, workers: Callable[[], int]) -> None:
    monkeypatch.setattr("ttsflow_plugins.xtts.Xtts.missing", classmethod(lambda cls: "pip install it"))
    with pytest.raises(BackendUnavailable, match=r"backend 'xtts' is not installed.*pip install it"):
        Engine()
    assert workers() == 0


def test_a_configuration_that_cannot_work_starts_no_worker(workers: Callable[[], int]) -> None:
    for settings, error, said in [
        ({"backend.use": "smi"}, UnknownNameError, "did you mean 'sim'"),
        (SIM | {"backend.options.pieces": 0}, ConfigError, r"settings\['backend.options.pieces'\]"),
        (SIM | {"text.voice": "Ana"}, UnknownNameError, "unknown voice 'Ana'"),
    ]:
        with pytest.raises(error, match=said):
            Engine(settings=settings)
    with pytest.raises(ConfigError, match="no such file"):
        Engine("./absent.yaml")
    assert workers() == 0


def test_what_a_caller_gets_wrong_leaves_the_engine_at_work(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is empty"):
        engine.speak("", tmp_path / "out.wav")
    with pytest.raises(InputError, match="does not exist"):
        next(engine.stream(tmp_path / "absent.txt"))
    for wrong in (None, 5, b"Hello."):
        with pytest.raises(UsageError, match=f"a text must be a string.* not {type(wrong).__name__}"):
            engine.stream(wrong)  # type: ignore[arg-type]
    with pytest.raises(OutputError, match="there is no folder"):
        engine.speak("Hello.", tmp_path / "nowhere/out.wav")
    taken = tmp_path / "taken.wav"
    taken.write_bytes(b"somebody's own")
    with pytest.raises(OutputError, match="was not made from this text"):
        engine.speak("Hello.", taken)
    assert engine.speak("Hello.", taken, overwrite=True).account.delivered == 1


def test_closing_leaves_no_process_and_refuses_more_work(tmp_path: Path, workers: Callable[[], int]) -> None:
    engine = Engine(settings=ONE_WORKER)
    engine.speak("Hello.", tmp_path / "out.wav")
    assert workers() == 1
    engine.close()
    assert workers() == 0
    with pytest.raises(RunError, match="closed"):
        engine.speak("Hello.", tmp_path / "late.wav")
    with pytest.raises(RunError, match="closed"):
        list(engine.stream("Hello."))
    assert sorted(os.listdir(tmp_path)) == [  # noqa: PTH208  # hidden parts would be listed, too
        "out.wav", "out.wav.ttsflow",
    ]  # fmt: skip


def test_a_files_encoding_is_a_setting(tmp_path: Path) -> None:
    (tmp_path / "win.txt").write_bytes("Grüße.".encode("cp1252"))
    with Engine(settings={**SIM, "text.encoding": "cp1252"}) as engine:
        assert engine.speak(tmp_path / "win.txt", tmp_path / "win.wav").account.delivered == 1


MIMIC = """
import ttsflow
class Mimic(ttsflow.Backend):
    name = 'mimic'
    @classmethod
    def describe(cls, options):
        return ttsflow.Profile('mimic', 8000, deterministic=True)
    @classmethod
    def takes_reference_audio(cls):
        return True
    def load(self, device, slots): ...
    def synthesize(self, job):
        import numpy as np
        assert job.voice is None
        heard = [float(open(path).read()) for path in job.references]
        yield ttsflow.AudioPiece(np.array([*heard, job.seed % 997 / 997], 'float32'), 8000)
@ttsflow.hookimpl
def ttsflow_backends():
    return [Mimic]
"""


def test_several_recordings_make_a_voice_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/mimic.py").write_text(MIMIC)
    for name, content in (("a.wav", "0.25"), ("b.wav", "0.5"), ("moved/a.wav", "0.25")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)

    def spoken(*references: str, one: bool = False) -> list[float]:
        paths = [str(tmp_path / name) for name in references]
        settings = {"backend.use": "mimic", "text.reference": paths[0] if one else paths}
        with Engine(settings=settings, plugins_dirs=[tmp_path / "plugins"]) as engine:
            return list(next(engine.stream("Hello.")).samples.tolist())

    both = spoken("a.wav", "b.wav")
    assert both[:2] == [0.25, 0.5]
    assert spoken("moved/a.wav", "b.wav") == both, "the seed is of the contents"
    assert spoken("a.wav") == spoken("a.wav", one=True)
    seeds = {both[-1], spoken("b.wav", "a.wav")[-1], spoken("a.wav")[-1], spoken("b.wav")[-1]}
    assert len(seeds) == 4


PROFILES = {
    "slots=2": "which takes start, step and cancel of its own",
    "sample_rate='8000'": "sample_rate must be a whole number, not '8000', of type str",
    "device_kinds='cpu'": "device_kinds must be a tuple",
    "max_chars={'*': 0}": "max_chars must map languages to caps above 0",
    "slowdown=()": "must not be empty",
    "reproducible_on='cpu'": "reproducible_on must be a tuple",
}


@pytest.mark.parametrize("wrong", PROFILES)
def test_a_profile_that_cannot_be_worked_with(wrong: str, tmp_path: Path) -> None:
    given = wrong if wrong.startswith("sample_rate") else f"sample_rate=8000, {wrong}"
    (tmp_path / "odd.py").write_text(
        "import ttsflow\n"
        "class Odd(ttsflow.Backend):\n"
        "    name = 'odd'\n"
        "    @classmethod\n"
        "    def describe(cls, options):\n"
        f"        return ttsflow.Profile('odd', {given})\n"
        "    def load(self, device, slots): ...\n"
        "    def synthesize(self, job): ...\n"
        "@ttsflow.hookimpl\n"
        "def ttsflow_backends():\n"
        "    return [Odd]\n"
    )
    with pytest.raises(PluginError) as caught:
        Engine(settings={"backend.use": "odd"}, plugins_dirs=[tmp_path])
    assert "backend 'odd'" in str(caught.value)
    assert PROFILES[wrong] in str(caught.value)


# ---------------------------------------------------------------- what is kept, and spoken again


def test_where_every_chunk_fails_it_says_that_there_is_no_file(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    faults = [{"at": number, "kind": "refuse"} for number in range(2)]
    with Engine(settings=SIM | {"backend.options.faults": faults}) as engine:
        with pytest.raises(ChunksFailed, match=r"2 of 2 chunks failed; .*out\.wav was not written") as caught:
            engine.speak(text_of(2), out)
        assert caught.value.missing == out
        assert not out.exists()
        with pytest.raises(ChunksFailed) as caught:
            engine.speak(text_of(3), out)
        assert caught.value.missing is None
        assert out.exists()


def test_the_store_goes_once_all_is_well_where_nobody_wants_it(tmp_path: Path) -> None:
    out, store = tmp_path / "out.wav", tmp_path / "out.wav.ttsflow"
    state = tmp_path / "state"
    faults = [{"at": 1, "kind": "refuse", "times": 1}]
    with Engine(
        settings=SIM | {"backend.options.faults": faults, "backend.options.state_dir": str(state)}
    ) as engine:
        with pytest.raises(ChunksFailed):
            engine.speak(text_of(3), out, keep_store=False)
        assert store.exists(), "it is still needed"
        assert engine.speak(text_of(3), out, keep_store=False).account.submitted == 1
    assert out.exists()
    assert not store.exists()


def test_chunks_are_spoken_again_as_the_rest_was(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    with Engine(settings=SIM | {"backend.options.voices": ["anna"]}) as engine:
        engine.speak(text_of(4), out, voice="anna", speed=0.5, seed=3)
        before = soundfile.read(out)[0]
        assert engine.redo(out, [2]).account.delivered == 1
        after = soundfile.read(out)[0]
        assert len(after) == len(before)
        changed = before.reshape(4, -1) != after.reshape(4, -1)  # a chunk and its pause in each row
        assert changed.any(axis=1).tolist() == [False, False, True, False]
        engine.redo(out, [2], seed=9)
        once = out.read_bytes()
        engine.redo(str(out), [2], seed=9)
        assert out.read_bytes() == once
        with pytest.raises(InputError, match="there is no chunk 4"):
            engine.redo(out, [4])
        with pytest.raises(OutputError, match="nothing is kept for"):
            engine.redo(tmp_path / "absent.wav", [0])
    other = {"backend.options.voices": ["anna"], "backend.options.sample_rate": 16000}
    with (
        Engine(settings=SIM | other) as engine,
        pytest.raises(InputError, match="would not be spoken as the rest"),
    ):
        engine.redo(out, [2])
    assert out.read_bytes() == once


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"at": 0.8}, 'found chunk 1, at 0.7 s: "This is part 1."'),
        ({"at": "0:00:01.5"}, 'found chunk 2, at 1.4 s: "This is part 2."'),
        ({"find": "PART  1"}, 'found chunk 1, at 0.7 s: "This is part 1."'),
        ({"find": "part 0"}, 'found chunk 0, at 0 s: "This is part 0."'),
    ],
)
def test_a_chunk_is_found_by_time_or_words_and_named(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture, where: dict[str, Any], found: str
) -> None:
    out = tmp_path / "out.wav"
    engine.speak(f"{text_of(3)}\n\nThis is part 0.", out)
    before = out.read_bytes()
    assert engine.redo(out, **where).account.delivered == 1
    assert out.read_bytes() != before
    assert caplog.messages[0] == found


def test_a_chunk_that_cannot_be_found_is_told(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    engine.speak(text_of(12), out)
    before = out.read_bytes()
    for where, message in (
        ({}, "not by none"),
        ({"chunks": [1], "at": 0.0}, "not by `chunks` and `at`"),
        ({"at": "1", "find": "part"}, "not by `at` and `find`"),
        ({"at": "soon"}, "'soon' is not a time"),
        ({"at": 99.5}, r"nothing is heard at 99\.5 in .*out\.wav, which is 8\.4 s long"),
        ({"at": -1.0}, "nothing is heard"),
        ({"find": " "}, "no chunk of"),
        ({"find": "part"}, r'(?s)several chunks .*chunk 9, at 6\.3 s: "This is part 9\."\n  and more'),
    ):
        with pytest.raises(UsageError, match=message):
            engine.redo(out, **where)
    assert out.read_bytes() == before
    out.unlink()
    with pytest.raises(OutputError, match=r"what is heard at 0 cannot be told: .* is not there"):
        engine.redo(out, at=0)


def test_the_file_says_its_format_and_keeps_it(tmp_path: Path) -> None:
    with Engine(settings=SIM | {"output.format": "pcm"}) as engine:
        engine.speak(text_of(2), tmp_path / "out")
    samples = (tmp_path / "out").read_bytes()
    with Engine(settings=SIM) as engine:
        engine.speak(text_of(2), tmp_path / "out.pcm")
        engine.speak(text_of(2), tmp_path / "out.wav")
        engine.redo(tmp_path / "out", [1])
    assert (tmp_path / "out.pcm").read_bytes() == samples
    assert soundfile.info(tmp_path / "out.wav").frames == len(samples) / 2
    again = (tmp_path / "out").read_bytes()
    assert (len(again), again == samples, again[:4] == b"RIFF") == (len(samples), False, False)


def test_a_damaged_store_is_mended_with_the_workers_that_are_there(
    tmp_path: Path, workers: Callable[[], int]
) -> None:
    out, store = tmp_path / "out.wav", tmp_path / "out.wav.ttsflow"
    with Engine(settings=ONE_WORKER) as engine:
        engine.speak(text_of(8), out)
        audio = soundfile.read(out)[0]
        data = bytearray(store.read_bytes())
        data[len(data) * 2 // 3] ^= 0x10
        store.write_bytes(data)
        out.unlink()
        assert engine.speak(text_of(8), out).account.delivered >= 1
        assert np.array_equal(soundfile.read(out)[0], audio)
        assert workers() == 1
