"""Text rules and observers of plugins, in an engine: what is spoken by them, and what they are told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ttsflow import (
    ChunkDelivered,
    ChunkFailed,
    ChunksFailed,
    Engine,
    InputError,
    PluginError,
    RunBegun,
    RunEnded,
    UnknownNameError,
)

PLUGIN = """
import threading
import ttsflow

class Spell(ttsflow.TextRule):
    name = "spell"
    class Options(ttsflow.PluginOptions):
        letters: str = "&"
        word: str = "and"
    def spoken(self, text, language):
        return text.replace(self.options.letters, self.options.word)

class Flood(ttsflow.TextRule):
    name = "flood"
    def spoken(self, text, language):
        return "more " * 10_000

class Number(ttsflow.TextRule):
    name = "number"
    def spoken(self, text, language):
        return len(text)

class Waits(ttsflow.TextRule):
    name = "waits"
    def spoken(self, text, language):
        threading.asked.append(text)
        if text == "Wait.":
            threading.release.wait()
        return text

class Told(ttsflow.RunObserver):
    name = "told"
    events = []
    def observe(self, event):
        self.events.append(event)
    def close(self):
        self.events.append("closed")

class Broken(ttsflow.RunObserver):
    name = "broken"
    def observe(self, event):
        raise KeyboardInterrupt

class Unmade(ttsflow.Policy):
    name = "unmade"
    def __init__(self, options=None):
        raise ValueError("not today")
    def place(self, devices, profile): ...
    def dispatch(self, view): ...

class Shouted(ttsflow.TextReader):
    name = "shouted"
    suffixes = (".shout", ".odt")
    gives = "markdown"
    def read(self, data, name):
        if not data:
            raise ttsflow.InputError(f"{name} holds nothing that is shouted")
        if data == b"HALF":
            return "a\\udc80"
        return b"" if data == b"BYTES" else f"# One\\n\\n{data.decode().capitalize()}"

@ttsflow.hookimpl
def ttsflow_readers():
    return [Shouted]

@ttsflow.hookimpl
def ttsflow_policies():
    return [Unmade]

@ttsflow.hookimpl
def ttsflow_text_rules():
    return [Spell, Flood, Number, Waits]

@ttsflow.hookimpl
def ttsflow_observers():
    return [Told, Broken]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "plugins"
    path.mkdir()
    (path / "plugged.py").write_text(PLUGIN, encoding="utf-8")
    return path


def rules(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"backend.use": "sim", "text.rules": list(rules)}


def words(folder: Path, text: str, *named: dict[str, Any], **asked: Any) -> list[tuple[str, str | None]]:
    """What is spoken of a text, and what is written where that is something else."""
    with Engine(settings=rules(*named), plugins_dirs=[folder], preload=False) as engine:
        request = engine.request(text, **asked)
        return [(place.job.text, place.job.written) for place in request.places()]


def test_rules_say_how_a_text_is_spoken_one_after_the_other(folder: Path) -> None:
    spell = {"use": "spell"}
    then = {"use": "spell", "options": {"letters": "and", "word": "plus"}}
    assert words(folder, "You & me.", spell) == [("You and me.", "You & me.")]
    assert words(folder, "You & me.", spell, then) == [("You plus me.", "You & me.")]
    assert words(folder, "You two.", spell) == [("You two.", None)]


def test_a_rule_for_one_language_is_not_asked_for_others(folder: Path) -> None:
    spell = {"use": "spell", "language": "de"}
    assert words(folder, "You & me.", spell) == [("You & me.", None)]
    assert words(folder, "Du & ich.", spell, language="de") == [("Du and ich.", "Du & ich.")]


def test_what_is_spoken_is_a_part_of_a_chunks_identity(folder: Path) -> None:
    def key(*named: dict[str, Any]) -> bytes | None:
        with Engine(settings=rules(*named), plugins_dirs=[folder], preload=False) as engine:
            [place] = engine.request("You & me.").places()
            return place.key

    spell = {"use": "spell"}
    assert key(spell) == key(spell) != key() != key({**spell, "options": {"word": "with"}})


def test_words_that_became_too_long_are_spoken_in_several_chunks(folder: Path) -> None:
    spell = {"use": "spell", "options": {"word": "and and and and and and and and and and and and and."}}
    text = "This & this & this & this & this & this & that."
    chunks = words(folder, text, spell)
    assert len(chunks) > 1
    assert max(len(text) for text, _ in chunks) <= 250
    assert " ".join(written for _, written in chunks if written) == text


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("number", r"spoken gave 4, of type int; the rule: a string of at most .*py:\d+"),
        ("flood", r"spoken gave 'more .*; the rule: a string of at most 1,080 characters for 'Two.'"),
    ],
)  # fmt: skip
def test_a_rule_that_breaks_the_rules_is_named(folder: Path, name: str, says: str) -> None:
    with pytest.raises(PluginError, match=f"text rule '{name}' of .*: {says}"):
        words(folder, "One." if name == "number" else "Two.", {"use": name})


def test_a_rule_that_does_not_come_back_is_asked_for_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So no other text waits for it, and it is called on one thread at a time."""
    release, asked = threading.Event(), list[str]()
    monkeypatch.setattr(threading, "release", release, raising=False)  # where the plugin finds it
    monkeypatch.setattr(threading, "asked", asked, raising=False)
    settings = rules({"use": "waits"}, {"use": "spell"}) | {"limits.timeouts.plugin_s": 3.0}
    with Engine(settings=settings, plugins_dirs=[folder], preload=False) as engine:

        def spoken(text: str) -> str:
            [place] = engine.request(text).places()
            return place.job.text

        assert spoken("You & me.") == "You and me."
        with pytest.raises(PluginError, match=r"'waits' of .*: spoken has not come back within 3 s"):
            spoken("Wait.")
        with pytest.raises(PluginError, match=r"text rule 'waits' of .* is still at 'Wait\.', and is"):
            spoken("You & me.")
        assert asked[-1] == "Wait."
        release.set()
        for call in [each for each in threading.enumerate() if each.name.startswith("call of ")]:
            call.join()
        assert spoken("You & me.") == "You and me."


def test_rules_and_observers_that_there_are_not(folder: Path) -> None:
    for settings, says in (
        (rules({"use": "spel"}), "unknown text rule 'spel'; did you mean 'spell'"),
        (
            {"backend.use": "sim", "observers": [{"use": "tolt"}]},
            "unknown observer 'tolt'; did you mean 'told'",
        ),
    ):
        with pytest.raises((UnknownNameError, PluginError), match=says):
            Engine(settings=settings, plugins_dirs=[folder])


def test_observers_are_told_what_happens(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = {
        "backend.use": "sim",
        "backend.options": {"device": "cpu", "faults": [{"at": 1, "kind": "refuse"}]},
        "observers": [{"use": "broken"}, {"use": "told"}],
    }
    with Engine("sequential", settings=settings, plugins_dirs=[folder]) as engine:
        [_, choice] = engine.setup.observers
        with pytest.raises(ChunksFailed, match="1 of 2 chunks failed"):
            list(engine.stream("One.\n\nTwo.", name="s"))
    told: list[Any] = choice.plugin.cls.events  # type: ignore[attr-defined]
    begun, *chunks, ended, closed = told
    assert begun == RunBegun("sequential", "sim", ("cpu",))
    assert [(type(event), event.index, event.text) for event in chunks] == [
        (ChunkDelivered, 0, "One."),
        (ChunkFailed, 1, "Two."),
    ]
    assert (ended, closed) == (RunEnded(delivered=1, flagged=0, failed=1), "closed")
    assert "raised in observe: KeyboardInterrupt" in caplog.text
    assert "observer 'broken' has failed 4 times" in caplog.text


def test_an_engine_that_cannot_be_made_leaves_no_observer_behind(folder: Path) -> None:
    """Its policy, which comes before the run begins; and the voice that was asked for, which comes after."""
    settings = {"backend.use": "sim", "observers": [{"use": "told"}]}
    before = set(threading.enumerate())

    def observers() -> list[threading.Thread]:
        return [each for each in threading.enumerate() if each not in before and "observer" in each.name]

    with pytest.raises(PluginError, match=r"'unmade' of .* raised in __init__: ValueError: not today"):
        Engine("unmade", settings=settings, plugins_dirs=[folder])
    assert not observers()
    with pytest.raises(UnknownNameError, match="unknown voice 'nobody'"):
        Engine(settings=settings | {"text.voice": "nobody"}, plugins_dirs=[folder])
    for thread in observers():  # it has been told that it is over
        thread.join()


@pytest.fixture
def shouting(folder: Path) -> Iterator[Engine]:
    with Engine(settings={"backend.use": "sim"}, plugins_dirs=[folder], preload=False) as engine:
        yield engine


@pytest.mark.parametrize("suffix", [".shout", ".odt", ".SHOUT"])
def test_a_file_is_read_by_the_reader_of_its_suffix(shouting: Engine, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_text("HELLO THERE.")
    places = list(shouting.request(path).places())
    assert [(place.chapter, place.job.text) for place in places] == [("One", "One"), (None, "Hello there.")]


def test_what_a_reader_cannot_read_and_what_breaks_a_rule(shouting: Engine, tmp_path: Path) -> None:
    path = tmp_path / "text.shout"
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"text\.shout holds nothing that is shouted"):
        shouting.request(path)
    path.write_bytes(b"BYTES")
    with pytest.raises(
        InputError, match=r"text\.shout cannot be read: reader 'shouted' of .*: read gave b''"
    ):
        shouting.request(path)
    path.write_bytes(b"HALF")
    with pytest.raises(InputError, match=r"read gave half of a character, U\+DC80 at character 2; the rule"):
        shouting.request(path)
