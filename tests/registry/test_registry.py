"""Loading and looking up plugins: built-in, packaged, single files, and all the ways they go wrong."""

from __future__ import annotations

import dataclasses
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ttsflow.errors import ConfigError, PluginError, UnknownNameError
from ttsflow.registry import Registry

Source = Callable[..., str]
Write = Callable[..., Path]
Install = Callable[..., None]


def test_built_in_plugins_arrive_through_the_projects_own_entry_points() -> None:
    plugin = Registry.load().policy("sequential")
    assert plugin.provider.kind == "built-in"
    assert plugin.provider.name.startswith("ttsflow ")
    assert plugin.provider.module == "ttsflow_plugins.sequential"
    assert plugin.summary.startswith("One chunk at a time")
    assert plugin.cls().place  # it is the class itself
    with pytest.raises(dataclasses.FrozenInstanceError):
        plugin.name = "other"  # type: ignore[misc]  # that it cannot be set is the point


def test_a_single_file_is_a_plugin(plugin_file: Write, policy_source: Source) -> None:
    path = plugin_file(policy_source())
    plugin = Registry.load(files=[path]).policy("fair")
    assert (plugin.provider.kind, plugin.provider.name, plugin.provider.path) == ("file", str(path), path)
    assert plugin.summary == "Everybody in turn."


def test_a_file_is_registered_as_a_module_before_it_runs(plugin_file: Write, policy_source: Source) -> None:
    head = "from __future__ import annotations\nimport dataclasses\n"
    path = plugin_file(f"{head}@dataclasses.dataclass\nclass D:\n    x: int = 0\n{policy_source()}")
    cls = Registry.load(files=[path]).policy("fair").cls
    assert sys.modules[cls.__module__].__file__ == str(path)


def test_two_files_of_one_name_are_two_modules(plugin_file: Write, policy_source: Source) -> None:
    one = plugin_file(policy_source("one"), "a/plugin.py")
    two = plugin_file(policy_source("two"), "b/plugin.py")
    registry = Registry.load(files=[one, two])
    assert registry.policy("one").cls.__module__ != registry.policy("two").cls.__module__


def test_a_file_that_was_edited_is_read_anew(plugin_file: Write, policy_source: Source) -> None:
    Registry.load(files=[plugin_file(policy_source(summary="Before."))])
    path = plugin_file(policy_source(summary="After the edit."))
    assert Registry.load(files=[path]).policy("fair").summary == "After the edit."


def test_the_files_of_a_folder_are_plugins_and_helpers_are_not(
    plugin_file: Write, policy_source: Source
) -> None:
    path = plugin_file(policy_source("in-folder"), "plugins/one.py")
    plugin_file("raise RuntimeError('a helper is not loaded')", "plugins/_helper.py")
    plugin_file("not python", "plugins/notes.txt")
    registry = Registry.load(folders=[path.parent])
    assert registry.policy("in-folder").provider.path == path
    assert not any(broken.provider.kind == "file" for broken in registry.broken)


def test_a_file_given_twice_is_one_plugin(plugin_file: Write, policy_source: Source) -> None:
    path = plugin_file(policy_source(), "plugins/one.py")
    registry = Registry.load(files=[path, path.parent / ".." / "plugins" / "one.py"], folders=[path.parent])
    assert [plugin.name for plugin in registry.policies()].count("fair") == 1


def test_packages_come_by_name_after_the_projects_own(package: Install, policy_source: Source) -> None:
    package("zeta-tts", "1.0", policy_source("sequential"))
    package("acme-tts", "2.0", policy_source("sequential"))
    providers = [p.provider for p in Registry.load().policies() if p.name == "sequential"]
    assert [provider.kind for provider in providers] == ["built-in", "package", "package"]
    assert [provider.name for provider in providers[1:]] == ["acme-tts 2.0", "zeta-tts 1.0"]


def test_a_package_removed_by_halves(package: Install, policy_source: Source, tmp_path: Path) -> None:
    package("half-tts", "1.0", policy_source("fair"))
    (tmp_path / "site" / "half_tts-1.0.dist-info" / "METADATA").unlink()
    assert Registry.load().policy("fair").provider.name == "unnamed"


def test_policies_and_backends_are_listed_by_name() -> None:
    registry = Registry.load()
    for plugins in (registry.policies(), registry.backends()):
        names = [plugin.name for plugin in plugins]
        assert names == sorted(names)


# ---------------------------------------------------------------- unknown names


def test_an_unknown_name_lists_the_known_ones_close_matches_first(
    plugin_file: Write, policy_source: Source
) -> None:
    path = plugin_file(policy_source("aaa"))
    registry = Registry.load(files=[path])
    registry.broken.clear()
    with pytest.raises(UnknownNameError) as caught:
        registry.policy("sequental", also_known=["bbb"], hint="It is named at my.yaml, line 3.")
    message = str(caught.value)
    assert message.startswith(
        "unknown policy 'sequental'; did you mean 'sequential'? known: sequential, aaa, adaptive, bbb"
    )
    assert message.endswith("It is named at my.yaml, line 3.")
    with pytest.raises(UnknownNameError, match="unknown backend 'sequential'"):
        registry.backend("sequential")


# ---------------------------------------------------------------- broken plugins


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("x = 1\nx = = 2", "SyntaxError: invalid syntax"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import json\n\njson.loads('{')", "JSONDecodeError: Expecting property name"),
        ("raise ValueError", "ValueError ("),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_reported_and_skipped(
    source: str, why: str, package: Install, policy_source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    package("bad-tts", "0.1", source)
    package("good-tts", "0.2", policy_source("good"))
    with caplog.at_level(logging.WARNING):
        registry = Registry.load()
    [broken] = [broken for broken in registry.broken if broken.provider.name == "bad-tts 0.1"]
    assert why in broken.why
    line = source.count("\n") + 1
    assert f"bad_tts.py:{line})" in broken.why
    assert str(broken) in caplog.text
    assert registry.policy("good").name == "good"
    assert registry.policy("sequential").name == "sequential"
    with pytest.raises(PluginError) as caught:
        registry.policy("of-the-bad-one")
    assert "unknown policy 'of-the-bad-one'; known: " in str(caught.value)
    assert f"plugin bad-tts 0.1 (bad_tts) cannot be used: it cannot be imported: {why}"[:70] in str(
        caught.value
    )


READER = "class R(TextReader):\n    name = 'r'\n    def read(self, data, name): ...\n    "
READERS = "@hookimpl\ndef ttsflow_readers(): return [R]"
ENCODER = (
    "class E(AudioEncoder):\n    name = 'e'\n    def begin(self, file, sample_rate, kbit_s): ...\n"
    "    def write(self, samples): ...\n    def finish(self, details): ...\n    "
)
ENCODERS = "@hookimpl\ndef ttsflow_encoders(): return [E]"
HEAD = (
    "import ttsflow\nfrom ttsflow import AudioEncoder, Backend, Policy, PluginOptions, TextReader, hookimpl\n"
)
PLACE = "    def place(self, devices, profile): return []\n"
HOOK = "@hookimpl\ndef ttsflow_policies(): return [P]\n"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("@hookimpl\ndef ttsflow_policies(): return [1 / 0]", "ttsflow_policies raised ZeroDivisionError"),
        ("@hookimpl\ndef ttsflow_backends(): raise SystemExit", "ttsflow_backends raised SystemExit"),
        (
            "@hookimpl\ndef ttsflow_policies(): return None",
            "ttsflow_policies returned None; it must return a",
        ),
        ("@hookimpl\ndef ttsflow_policies(): return 7", "returned 7; it must return a list of classes"),
        ("@hookimpl\ndef ttsflow_policies(): return 'fair'", "returned 'fair'; it must return a list"),
        ("@hookimpl\ndef ttsflow_policies(): return ['fair']", "returned 'fair', which is not a class"),
        ("@hookimpl\ndef ttsflow_policies(): return [int]", "class int is not a subclass of ttsflow.Policy"),
        (
            f"class P(Policy):\n    name = 'p'\n{PLACE}@hookimpl\ndef ttsflow_backends(): return [P]",
            "class P is not a subclass of ttsflow.Backend; it belongs in ttsflow_policies",
        ),
        (f"class P(Policy):\n{PLACE}{HOOK}", 'class P has no name; give it one: name = "..."'),
        (f"class P(Policy):\n    name = 3\n{PLACE}{HOOK}", "class P has no name"),
        (f"class P(Policy):\n    name = '../x'\n{PLACE}{HOOK}", "has the name '../x'; a name is made of"),
        (f"class P(Policy):\n    name = ''\n{PLACE}{HOOK}", "has the name ''"),
        (f"class P(Policy):\n    name = 'p'\n{HOOK}", "class P does not implement place"),
        (
            f"class P(Policy):\n    name = 'p'\n    class Options: pass\n{PLACE}{HOOK}",
            "P.Options is not a subclass of ttsflow.PluginOptions",
        ),
        (f"class P(Policy):\n    name = 'p'\n    Options = 3\n{PLACE}{HOOK}", "P.Options is not a subclass"),
        (
            "class B(Backend):\n    name = 'b'\n    def load(self, device, slots): pass\n"
            "@hookimpl\ndef ttsflow_backends(): return [B]",
            "class B does not implement describe",
        ),
        (
            "class B(Backend):\n    name = 'b'\n    def load(self, device, slots): pass\n"
            "    @classmethod\n    def describe(cls, options): pass\n"
            "@hookimpl\ndef ttsflow_backends(): return [B]",
            "class B implements neither synthesize nor start, step and cancel",
        ),
        (
            "@hookimpl\ndef ttsflow_polices(): return []",
            "hook 'ttsflow_polices' does not exist, did you mean 'ttsflow_policies'?",
        ),
        ("@hookimpl\ndef ttsflow_policies(config): return []", "it cannot be registered: Plugin"),
        ("def ttsflow_policies(): return []", "ttsflow_policies is not marked with @ttsflow.hookimpl"),
        (f"{READER}suffixes = 'odt'\n{READERS}", "suffixes is 'odt'; the rule: a tuple of suffixes"),
        (f"{READER}suffixes = ('.Odt',)\n{READERS}", "suffixes is ('.Odt',); the rule"),
        (f"{READER}suffixes = ('.odt', '.epub')\n{READERS}", "has .epub, which ttsflow reads itself"),
        (f"{READER}suffixes = ('.odt',); gives = 'rtf'\n{READERS}", "gives is 'rtf'; the rule: one of text,"),
        (
            f"{READER}suffixes = ('.odt',); name = 'epub'\n{READERS}",
            "'epub' is that of a format that ttsflow",
        ),
        (f"{ENCODER}suffixes = ()\n{ENCODERS}", "suffixes is (); the rule: a tuple of suffixes"),
        (f"{ENCODER}suffixes = ('.x', '.m4b')\n{ENCODERS}", "has .m4b, which ttsflow writes itself"),
        (f"{ENCODER}suffixes = ('.x',); name = 'mp3'\n{ENCODERS}", "'mp3' is that of a format that ttsflow"),
        (f"{ENCODER}suffixes = ('.x',); bit_rates = 64\n{ENCODERS}", "bit_rates is 64; the rule: the least"),
        (f"{ENCODER}suffixes = ('.x',); bit_rates = (0, 64)\n{ENCODERS}", "bit_rates is (0, 64); the rule"),
        (f"{ENCODER}suffixes = ('.x',); bit_rates = (64, 8)\n{ENCODERS}", "bit_rates is (64, 8); the rule"),
        (
            f"{ENCODER}suffixes = ('.x',)\n    def write(self): ...\n{ENCODERS}",
            "write does not take what it is given; the rule: write(self, samples)",
        ),
        (f"{ENCODER}suffixes = ('.x',); drop = 3\n{ENCODERS}", "drop does not take what it is given"),
        (f"{ENCODER}suffixes = ('.x.gz',)\n{ENCODERS}", "each a dot and letters a to z or digits, such as"),
        (f"{ENCODER}suffixes = ('.x',); streamed = 'no'\n{ENCODERS}", "streamed is 'no'; the rule: True or"),
        (f"{ENCODER}suffixes = ('.x', '.txt')\n{ENCODERS}", "has .txt, which ttsflow needs for other files"),
        ("TTSFLOW_API = (9, 0)", "it was written for version 9.0 of the interface, and this ttsflow has 1."),
        ("x = 1", "it implements no hook: it has none of ttsflow_policies, ttsflow_backends"),
        ("@hookimpl\ndef ttsflow_policies(): return []", "it offers nothing: no policy and no backend"),
    ],
)
def test_a_named_file_that_cannot_be_used_is_an_error_that_says_why(
    source: str, why: str, plugin_file: Write
) -> None:
    path = plugin_file(HEAD + source)
    with pytest.raises(PluginError) as caught:
        Registry.load(files=[path])
    assert str(caught.value).startswith(f"plugin {path} cannot be used: ")
    assert why in str(caught.value)


def test_an_error_in_a_library_is_told_by_the_plugins_own_line(plugin_file: Write) -> None:
    path = plugin_file("import json\n\njson.loads('{')\n")
    with pytest.raises(PluginError, match=rf"JSONDecodeError: .* \({path}:3\)$"):
        Registry.load(files=[path])


def test_a_broken_file_in_a_folder_is_skipped(plugin_file: Write, policy_source: Source) -> None:
    bad = plugin_file("1 / 0", "plugins/bad.py")
    plugin_file(policy_source("good"), "plugins/good.py")
    registry = Registry.load(folders=[bad.parent])
    assert registry.policy("good")
    assert [broken.provider.path for broken in registry.broken if broken.provider.path] == [bad]
    assert not any(name.startswith("ttsflow_file_bad_") for name in sys.modules)


def test_a_file_or_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"absent\.py cannot be used: no such file"):
        Registry.load(files=[tmp_path / "absent.py"])
    with pytest.raises(PluginError, match=r"no such plugin folder: .*absent"):
        Registry.load(folders=[tmp_path / "absent"])


def test_a_file_that_is_not_python(plugin_file: Write) -> None:
    with pytest.raises(PluginError, match=r"its name must end in \.py"):
        Registry.load(files=[plugin_file("", "plugin.yaml")])


def test_a_plugin_that_raises_what_only_a_person_may_is_as_broken_as_others(plugin_file: Write) -> None:
    with pytest.raises(PluginError, match=r"cannot be imported: KeyboardInterrupt \(.*my_plugin.py:1\)"):
        Registry.load(files=[plugin_file("raise KeyboardInterrupt")])


# ---------------------------------------------------------------- clashes


def test_a_clash_names_both_providers_only_when_it_concerns_the_run(
    package: Install, plugin_file: Write, policy_source: Source
) -> None:
    package("acme-tts", "2.0", policy_source("fair"))
    path = plugin_file(policy_source("fair"))
    registry = Registry.load(files=[path])
    assert registry.policy("sequential")
    assert registry.clashing() == {"fair"}
    assert [plugin.name for plugin in registry.policies()].count("fair") == 2
    with pytest.raises(PluginError) as caught:
        registry.policy("fair")
    assert str(caught.value) == (
        f"two plugins offer a policy named 'fair': acme-tts 2.0 (acme_tts) and {path}; remove one of them"
    )


def test_a_plugin_cannot_take_a_built_in_name_in_silence(plugin_file: Write, policy_source: Source) -> None:
    registry = Registry.load(files=[plugin_file(policy_source("sequential"))])
    with pytest.raises(PluginError, match=r"two plugins offer a policy named 'sequential': ttsflow \d"):
        registry.policy("sequential")


def test_one_class_found_by_two_ways_is_no_clash(package: Install, policy_source: Source) -> None:
    package("first-tts", "1.0", policy_source("shared"))
    package("second-tts", "1.0", "from first_tts import ttsflow_policies")
    assert Registry.load().policy("shared").provider.name == "first-tts 1.0"


# ---------------------------------------------------------------- options


def test_options_are_checked_against_the_plugins_own_model(plugin_file: Write) -> None:
    source = (
        f"{HEAD}from typing import Literal\nfrom pydantic import PositiveInt\n"
        "class P(Policy):\n    name = 'p'\n    class Options(PluginOptions):\n"
        "        width: PositiveInt | Literal['auto'] = 2\n        who: str = ''\n"
        f"{PLACE}{HOOK}"
    )
    plugin = Registry.load(files=[plugin_file(source)]).policy("p")
    assert plugin.options({"width": "auto"}).model_dump() == {"width": "auto", "who": ""}
    with pytest.raises(
        ConfigError, match=r"^options of 'p': width is 0, but must be greater than 0 or 'auto'$"
    ):
        plugin.options({"width": 0})
    where = lambda path: "my.yaml, line 4"  # noqa: E731  # reads best as what it is
    for given, message in [
        ({"width": 0}, "options.width is 0, but must be greater than 0 or 'auto'"),
        ({"width": "wide"}, "options.width is 'wide', but must be a whole number or 'auto'"),
        ({"with": 1}, "options.with is not a known key; did you mean 'width'? known: width, who"),
        ({"who": False}, "options.who is False, but must be text; in YAML put text in quotes"),
    ]:
        with pytest.raises(ConfigError) as caught:
            plugin.options(given, where, ("options",))
        assert str(caught.value).startswith(f"my.yaml, line 4: {message}")
