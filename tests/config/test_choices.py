"""Which policy and which backend a configuration comes to."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product, starmap
from pathlib import Path

import pytest

from ttsflow.config import (
    Flag,
    Settings,
    Situation,
    check_backends,
    check_policies,
    load,
    resolve_backend,
    resolve_policy,
)
from ttsflow.config.model import When
from ttsflow.errors import BackendUnavailable, ConfigError, PluginError, UnknownNameError
from ttsflow.registry import Registry

Write = Callable[..., Path]
NOBODY = Path("/no/such/folder")


def settings_of(path: Path, *flags: Flag) -> Settings:
    return load(None, path, flags, user_folder=NOBODY)


@pytest.mark.parametrize("listening", [False, True])
@pytest.mark.parametrize(("gpus", "said"), [(0, "no GPU"), (1, "1 GPU"), (2, "2 GPUs")])
def test_auto(gpus: int, said: str, listening: bool, registry: Registry) -> None:
    here = Situation(gpus, listening, 4)
    choice = resolve_policy(load("auto", user_folder=NOBODY), registry, here)
    assert choice.plugin.name == "adaptive"
    who = "a listener" if listening else "a file"
    assert choice.decided_by == f"policies/auto.yaml (shipped), rule 2: {said}, {who}, 4 slots"


@pytest.mark.parametrize(
    ("work_s", "said", "policy"),
    [
        (0.02, "0.02 s", "sequential"),
        (1.0, "1.00 s", "sequential"),
        (1.04, "1.04 s", "adaptive"),
        (3500, "3,500 s", "adaptive"),
    ],
)
def test_auto_starts_one_worker_for_a_short_text(
    work_s: float, said: str, policy: str, registry: Registry
) -> None:
    choice = resolve_policy(load("auto", user_folder=NOBODY), registry, Situation(8, work_s=work_s))
    assert choice.plugin.name == policy
    assert choice.decided_by.endswith(f": 8 GPUs, a file, 1 slot, {said} of work")


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({"gpus": 2}, lambda here: here.gpus == 2),
        ({"gpus_min": 1, "gpus_max": 2}, lambda here: 1 <= here.gpus <= 2),
        ({"listening": True}, lambda here: here.listening),
        ({"listening": False, "slots_min": 3}, lambda here: not here.listening and here.slots >= 3),
        ({"work_s_max": 0.5}, lambda here: here.work_s == 0.5),
        ({"work_s_max": 7, "gpus": 1}, lambda here: here.work_s is not None and here.gpus == 1),
    ],
)
def test_all_conditions_of_a_rule_must_hold(
    when: dict[str, object], holds: Callable[[Situation], bool]
) -> None:
    rule = When(**when)
    for here in starmap(Situation, product(range(4), (False, True), range(1, 5), (False,), (None, 0.5, 5))):
        assert rule.holds(here) is holds(here), here


def test_every_shipped_policy_file_fits_the_built_in_policies(registry: Registry) -> None:
    for name, policy in (("sequential", "sequential"), ("parallel", "bounded-parallel")):
        choice = resolve_policy(load(name, user_folder=NOBODY), registry, Situation(2))
        assert (choice.plugin.name, choice.decided_by) == (policy, f"policies/{name}.yaml (shipped)")
    for name in load(user_folder=NOBODY).policy_files.names():
        check_policies(load(name, user_folder=NOBODY), registry)


def test_the_first_rule_that_holds_decides(registry: Registry, yaml_file: Write) -> None:
    path = yaml_file(
        "policy:\n  rules:\n"
        "  - {when: {gpus_min: 2, gpus: 3}, use: wide, options: {width: 3}}\n"
        "  - {when: {gpus_min: 2}, use: wide}\n"
        "  - {when: {gpus: 0}, use: sequential}\n"
    )
    settings = settings_of(path)
    assert resolve_policy(settings, registry, Situation(3)).options.model_dump() == {"width": 3}
    assert resolve_policy(settings, registry, Situation(2)).options.model_dump() == {"width": "auto"}
    assert (
        resolve_policy(settings, registry, Situation(9)).decided_by
        == f"{path}, rule 2: 9 GPUs, a file, 1 slot"
    )
    assert resolve_policy(settings, registry, Situation(0)).plugin.name == "sequential"
    with pytest.raises(
        ConfigError,
        match=r"my\.yaml, line 2: no rule holds for 1 GPU, a file, 1 slot; end policy\.rules with",
    ):
        resolve_policy(settings, registry, Situation(1))


def test_who_decided(registry: Registry, yaml_file: Write) -> None:
    path = yaml_file("policy: {use: wide}")
    assert resolve_policy(settings_of(path), registry, Situation(0)).decided_by == str(path)
    assert resolve_policy(load(str(path), user_folder=NOBODY), registry, Situation(0)).decided_by == str(path)
    choice = resolve_policy(load("wide", user_folder=NOBODY), registry, Situation(0))
    assert choice.decided_by == "--policy: plugin wide"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "policy:\n  use: wide\n  options: {width: 0}",
            "line 3: policy.options.width is 0, but must be greater",
        ),
        (
            "policy:\n  rules:\n  - use: wide\n    options:\n      wdth: 0",
            "line 5: policy.rules[0].options.wdth is not a known key; did you mean 'width'? known: width",
        ),
        (
            "policy:\n  use: sequential\n  options: {x: 1}",
            "line 3: policy.options.x is not a known key; none is known",
        ),
        ("backend: {use: silent}\n", None),
        (
            "backend:\n  use: silent\n  options:\n    depth: deep",
            "line 4: backend.options.depth is 'deep', but must be",
        ),
    ],
)
def test_a_mistake_in_a_plugins_options_names_its_line(
    text: str, message: str | None, registry: Registry, yaml_file: Write
) -> None:
    path = yaml_file(text)
    settings = settings_of(path)
    if message is None:
        check_backends(settings, registry)
        return
    with pytest.raises(ConfigError) as caught:  # noqa: PT012  # one of the two is wrong
        check_policies(settings, registry)
        check_backends(settings, registry)
    assert str(caught.value).startswith(f"{path}, ")
    assert message in str(caught.value)


def test_rules_that_do_not_hold_are_checked_too(registry: Registry, yaml_file: Write) -> None:
    settings = settings_of(yaml_file("policy:\n  rules:\n  - {use: wide}\n  - {use: wdie}\n"))
    assert resolve_policy(settings, registry, Situation(0)).plugin.name == "wide"
    with pytest.raises(UnknownNameError, match=r"did you mean 'wide'\?.* It is named at .*my\.yaml, line 4"):
        check_policies(settings, registry)


def test_an_unknown_policy(
    registry: Registry, yaml_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UnknownNameError, match=r"unknown policy 'paralel'; did you mean 'parallel'\? known: "
    ):
        resolve_policy(load("paralel", user_folder=NOBODY), registry, Situation(0))
    yaml_file("policy: {use: wide}", "paralel.yaml")
    with pytest.raises(UnknownNameError, match=r"must be given as a path: \./paralel\.yaml$"):
        resolve_policy(load("paralel", user_folder=NOBODY), registry, Situation(0))
    settings = settings_of(yaml_file("policy: {use: parallel}"))
    with pytest.raises(
        UnknownNameError, match=r"line 1 names a policy file; use takes a policy: give --policy"
    ):
        resolve_policy(settings, registry, Situation(0))


# ---------------------------------------------------------------- the backend


def test_a_named_backend(registry: Registry, yaml_file: Write) -> None:
    settings = settings_of(yaml_file("backend: {use: silent, options: {depth: 3}}"))
    choice = resolve_backend(settings, registry, fallback_allowed=True)
    assert (choice.plugin.name, choice.fallback) == ("silent", None)
    assert choice.options.model_dump() == {"depth": 3}


def test_an_option_that_is_a_path_starts_from_the_file_that_names_it(
    registry: Registry, yaml_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    named = "backend: {use: sim, options: {state_dir: counts, voices: [counts]}}"
    settings = settings_of(yaml_file(named))
    options = resolve_backend(settings, registry, fallback_allowed=True).options
    assert options.model_dump(include={"state_dir", "voices"}) == {
        "state_dir": tmp_path / "counts",
        "voices": ("counts",),
    }
    by_flag = Flag("--set", "backend.options", {"state_dir": "counts"})
    settings = settings_of(yaml_file(named), by_flag)
    options = resolve_backend(settings, registry, fallback_allowed=True).options
    assert options.model_dump()["state_dir"] == Path("/counts")


def test_a_named_backend_that_is_not_installed(registry: Registry, yaml_file: Write) -> None:
    path = yaml_file("backend: {use: absent}")
    with pytest.raises(BackendUnavailable) as caught:
        resolve_backend(settings_of(path), registry, fallback_allowed=True)
    assert str(caught.value) == (
        f"{path}, line 1: backend 'absent' is not installed. Install it with: pip install absent-tts"
    )


def test_the_first_that_is_installed_and_a_notice_that_says_so(registry: Registry, yaml_file: Write) -> None:
    settings = settings_of(yaml_file("backend: {use: [absent, gone, silent]}"))
    choice = resolve_backend(settings, registry, fallback_allowed=True)
    assert choice.plugin.name == "silent"
    assert choice.fallback == (
        "backend 'silent' speaks: 'absent' is not installed (to install it: pip install absent-tts), "
        "'gone' is not installed (to install it: pip install gone-tts)"
    )
    settings = settings_of(yaml_file("backend: {use: [silent, absent]}"))
    assert resolve_backend(settings, registry, fallback_allowed=True).fallback is None


def test_a_backend_that_does_not_speak_the_language_is_passed_over(
    registry: Registry, yaml_file: Write
) -> None:
    path = yaml_file("backend: {use: [absent, english, silent]}")
    for language in ("en", "en-US", "EN_gb"):
        settings = settings_of(path, Flag("--language", "text.language", language))
        assert resolve_backend(settings, registry, fallback_allowed=True).plugin.name == "english"
    settings = settings_of(path, Flag("--language", "text.language", "de"))
    choice = resolve_backend(settings, registry, fallback_allowed=True)
    assert choice.plugin.name == "silent"
    assert choice.fallback == (
        "backend 'silent' speaks: 'absent' is not installed (to install it: pip install absent-tts), "
        "'english' does not speak 'de'"
    )
    voice = Flag("--voice", "text.voice", "anna")
    settings = settings_of(
        yaml_file("backend: {use: [english, silent]}"), Flag("--language", "text.language", "de"), voice
    )
    with pytest.raises(BackendUnavailable) as caught:
        resolve_backend(settings, registry, fallback_allowed=True)
    assert str(caught.value) == (
        "backend 'english' does not speak 'de', and the voice (--voice) may be meant for it alone. "
        "Choose `backend.use: silent`"
    )


def test_where_none_speaks_the_language_each_says_why(registry: Registry, yaml_file: Write) -> None:
    settings = settings_of(
        yaml_file("backend: {use: [absent, english]}"), Flag("--language", "text.language", "fi")
    )
    with pytest.raises(BackendUnavailable) as caught:
        resolve_backend(settings, registry, fallback_allowed=True)
    assert str(caught.value) == (
        "no backend can speak 'fi':\n"
        "  'absent' is not installed (to install it: pip install absent-tts)\n"
        "  'english' does not speak 'fi'\n"
        "'espeak' can: choose `backend.use: espeak`"
    )


def test_where_two_are_installed_and_neither_speaks_the_language_others_are_named(
    registry: Registry, yaml_file: Write
) -> None:
    path = yaml_file("backend: {use: [english, hibari]}")
    lack = "  'english' does not speak {0!r}\n  'hibari' does not speak {0!r}\n"
    for language, others in (
        ("fi", "'espeak' can: choose `backend.use: espeak`"),
        (
            "tlh",
            "others may be able to:\n"
            "  'absent' is not installed (to install it: pip install absent-tts)\n"
            "  'gone' is not installed (to install it: pip install gone-tts)",
        ),
    ):
        settings = settings_of(path, Flag("--language", "text.language", language))
        with pytest.raises(BackendUnavailable) as caught:
            resolve_backend(settings, registry, fallback_allowed=True)
        assert str(caught.value) == f"no backend can speak {language!r}:\n{lack.format(language)}{others}"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("text.voice", "anna", ", and the voice (--flag) may be meant for it alone"),
        ("text.reference", __file__, ", and the reference audio (--flag) may be meant for it alone"),
        ("backend.options.depth", 3, ", and the options (--flag) may be meant for it alone"),
        ("text.seed", 3, None),
    ],
)
def test_what_was_asked_of_the_first_is_not_given_to_another(
    key: str, value: object, said: str | None, registry: Registry, yaml_file: Write
) -> None:
    settings = settings_of(yaml_file("backend: {use: [absent, silent]}"), Flag("--flag", key, value))
    if said is None:
        assert resolve_backend(settings, registry, fallback_allowed=True).plugin.name == "silent"
        return
    with pytest.raises(BackendUnavailable) as caught:
        resolve_backend(settings, registry, fallback_allowed=True)
    assert str(caught.value) == (
        f"backend 'absent' is not installed{said}. Install it with: pip install absent-tts"
        " - or choose `backend.use: silent`"
    )


def test_a_backend_that_has_the_voice_stands_in(registry: Registry, yaml_file: Write) -> None:
    for voice, found in (("anna", True), ("bert", False)):
        flag = Flag("--voice", "text.voice", voice)
        settings = settings_of(yaml_file("backend: {use: [absent, anna]}"), flag)
        if found:
            assert resolve_backend(settings, registry, fallback_allowed=True).plugin.name == "anna"
        else:
            with pytest.raises(BackendUnavailable, match=r"the voice .--voice. may be meant for it alone"):
                resolve_backend(settings, registry, fallback_allowed=True)


def test_without_leave_to_fall_back_only_the_first_counts(registry: Registry, yaml_file: Write) -> None:
    settings = settings_of(yaml_file("backend: {use: [absent, silent]}"))
    with pytest.raises(BackendUnavailable, match=r"'absent' is not installed\. Install it with: pip install"):
        resolve_backend(settings, registry, fallback_allowed=False)


def test_none_installed_names_every_command(registry: Registry, yaml_file: Write) -> None:
    settings = settings_of(yaml_file("backend: {use: [absent, gone]}"))
    with pytest.raises(BackendUnavailable) as caught:
        resolve_backend(settings, registry, fallback_allowed=True)
    assert str(caught.value) == (
        "no backend is installed. Install one of them:\n"
        "  absent: pip install absent-tts\n  gone: pip install gone-tts"
    )


def test_an_unknown_backend_and_one_that_raises(registry: Registry, yaml_file: Write) -> None:
    settings = settings_of(yaml_file("backend: {use: silnt}"))
    for ask in (check_backends, lambda s, r: resolve_backend(s, r, fallback_allowed=True)):
        with pytest.raises(
            (UnknownNameError, PluginError), match=r"unknown backend 'silnt'; did you mean 'silent'"
        ):
            ask(settings, registry)
    settings = settings_of(yaml_file("backend: {use: confused}"))
    with pytest.raises(
        PluginError, match=r"'confused' of .* raised in missing: RuntimeError: who am I\? \(.*py:\d"
    ):
        resolve_backend(settings, registry, fallback_allowed=True)
