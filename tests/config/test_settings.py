"""The configuration made of its layers, and every mistake told with its file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ttsflow.config import Flag, Settings, load
from ttsflow.config.policyfiles import user_policies
from ttsflow.errors import ConfigError

Write = Callable[..., Path]
NOBODY = Path("/no/such/folder")


def test_the_shipped_defaults() -> None:
    settings = load(user_folder=NOBODY)
    config = settings.config
    assert config.backend.use == ("xtts", "hibari", "espeak")
    assert config.policy.rules is not None
    assert [rule.use for rule in config.policy.rules] == ["sequential", "adaptive"]
    assert (config.text.language, config.text.encoding, config.text.seed) == ("en", "utf-8", 0)
    pauses = config.text.pauses
    assert (pauses.sentence_s, pauses.paragraph_s, pauses.heading_s, pauses.break_s) == (0.15, 0.6, 0.9, 0.8)
    assert config.output.format is None
    assert settings.where(("policy", "rules", 0)) == "policies/auto.yaml (shipped), line 8"
    assert settings.where(("backend", "use")) == "defaults.yaml (shipped), line 5"


def test_later_layers_win_and_each_value_knows_its_origin(yaml_file: Write) -> None:
    policy = yaml_file(
        "policy: {use: wide}\ntext:\n  language: fr\n  seed: 1\n  voice: anna\n", "policy.yaml"
    )
    config = yaml_file("text:\n  seed: 2\n  voice: bert\nlimits: {retries: 5}\n", "config.yaml")
    settings = load(str(policy), config, [Flag("--voice", "text.voice", "carl")], user_folder=NOBODY)
    text = settings.config.text
    assert (text.language, text.seed, text.voice, settings.config.limits.retries) == ("fr", 2, "carl", 5)
    assert settings.where(("text", "language")) == f"{policy}, line 3"
    assert settings.where(("text", "seed")) == f"{config}, line 2"
    assert settings.where(("text", "voice")) == "--voice"
    assert settings.where(("limits", "retries")) == f"{config}, line 4"


def test_another_policy_or_backend_drops_the_options_of_the_first(yaml_file: Write) -> None:
    first = yaml_file(
        "policy: {use: wide, options: {width: 3}}\nbackend: {use: a, options: {x: 1}}\n", "1.yaml"
    )
    second = yaml_file("policy: {rules: [{use: other}]}\nbackend: {use: b}\n", "2.yaml")
    config = load(str(first), user_folder=NOBODY).config
    assert (config.policy.options, config.backend.options) == ({"width": 3}, {"x": 1})
    config = load(None, second, user_folder=NOBODY).config
    assert config.policy.use is None
    flags = [Flag("--backend", "backend.use", "c")]
    config = load(str(first), None, flags, user_folder=NOBODY).config
    assert (config.backend.use, config.backend.options) == ("c", {})


def test_options_alone_are_joined_to_those_of_the_policy(yaml_file: Write) -> None:
    first = yaml_file("policy: {use: wide, options: {width: 3, who: me}}\n", "1.yaml")
    flag = Flag("--set policy.options.width", "policy.options.width", 9)
    settings = load(str(first), None, [flag], user_folder=NOBODY)
    assert settings.config.policy.options == {"width": 9, "who": "me"}
    assert settings.where(("policy", "options", "width")) == "--set policy.options.width"
    assert settings.where(("policy", "options", "who")) == f"{first}, line 1"


def test_a_policy_that_is_asked_for_wins_over_the_one_of_the_config_file(yaml_file: Write) -> None:
    config = yaml_file("policy: {use: wide, options: {width: 3}}\ntext: {seed: 4}\n")
    assert load(None, config, user_folder=NOBODY).config.policy.use == "wide"
    settings = load("sequential", config, user_folder=NOBODY)
    assert (settings.config.policy.use, settings.config.policy.options) == ("sequential", {})
    assert settings.config.text.seed == 4


def test_a_reference_takes_the_place_of_a_voice(yaml_file: Write, tmp_path: Path) -> None:
    recording = tmp_path / "me.wav"
    recording.touch()
    config = yaml_file("text: {voice: anna}\n")
    flags = [Flag("--reference", "text.reference", recording)]
    assert load(None, config, flags, user_folder=NOBODY).config.text.voice is None
    with pytest.raises(ConfigError, match="--voice: text has both voice and reference; give one of them"):
        load(None, None, [*flags, Flag("--voice", "text.voice", "anna")], user_folder=NOBODY)


def test_paths_start_from_the_folder_of_their_file_and_plugins_add_up(
    yaml_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one/a.py", "one/me.wav", "two/b.py", "here/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    policy = yaml_file("policy: {use: wide}\nplugins: [./a.py]\ntext: {reference: me.wav}\n", "one/p.yaml")
    config = yaml_file("plugins:\n- b.py\n", "two/c.yaml")
    monkeypatch.chdir(tmp_path / "here")
    settings = load(str(policy), config, [Flag("--plugin", "plugins", ["c.py"])], user_folder=NOBODY)
    plugins = settings.config.plugins
    assert plugins == (tmp_path / "one/a.py", tmp_path / "two/b.py", tmp_path / "here/c.py")
    assert settings.config.text.reference == tmp_path / "one/me.wav"
    assert [settings.where(("plugins", n)) for n in range(3)] == [
        f"{policy}, line 2",
        f"{config}, line 2",
        "--plugin",
    ]


def test_several_recordings_are_one_voice(yaml_file: Write, tmp_path: Path) -> None:
    for name in ("calm.wav", "lively.wav", "mine.wav"):
        (tmp_path / name).touch()
    config = (
        yaml_file("text:\n  voice: anna\n", "below.yaml"),
        yaml_file("text:\n  reference:\n  - lively.wav\n  - calm.wav\n", "above.yaml"),
    )
    text = load(None, config[1], user_folder=NOBODY).config.text
    assert text.references == (tmp_path / "lively.wav", tmp_path / "calm.wav")
    flag = Flag("--reference", "text.reference", str(tmp_path / "mine.wav"))
    assert load(None, config[1], [flag], user_folder=NOBODY).config.text.references == (
        tmp_path / "mine.wav",
    )
    both = Flag("--reference", "text.reference", [tmp_path / "mine.wav", tmp_path / "calm.wav"])
    settings = load(None, config[0], [both], user_folder=NOBODY)
    assert settings.config.text.voice is None
    assert settings.config.text.references == (tmp_path / "mine.wav", tmp_path / "calm.wav")


def test_a_section_with_nothing_in_it_sets_nothing(yaml_file: Write) -> None:
    assert load(
        None, yaml_file("text:\npolicy:\nlimits: {timeouts: }\n"), user_folder=NOBODY
    ).config.policy.rules
    assert load(None, yaml_file(""), user_folder=NOBODY).config == load(user_folder=NOBODY).config


# ---------------------------------------------------------------- finding the policy file


def test_a_name_is_found_among_the_users_files_before_the_shipped_ones(
    yaml_file: Write, tmp_path: Path
) -> None:
    mine = yaml_file("policy: {use: mine}\n", "user/sequential.yaml")
    assert load("sequential", user_folder=mine.parent).config.policy.use == "mine"
    assert load("sequential", user_folder=NOBODY).config.policy.use == "sequential"
    auto = yaml_file("policy: {use: of-my-own}\n", "user/auto.yaml")
    assert load(user_folder=auto.parent).config.policy.use == "of-my-own"
    names = load(user_folder=mine.parent).policy_files.names()
    assert names == ["audiobook", "auto", "gpu-affinity", "parallel", "realtime", "sequential"]


def test_the_users_folder_is_the_one_the_system_has_for_it(
    yaml_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert user_policies() == tmp_path / "ttsflow" / "policies"
    yaml_file("policy: {use: mine}\n", "ttsflow/policies/evening.yaml")
    assert load("evening").config.policy.use == "mine"


def test_the_current_folder_is_never_searched(
    yaml_file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yaml_file("policy: {use: evil}\n", "night.yaml")
    yaml_file("policy: {use: evil}\n", "auto.yaml")
    monkeypatch.chdir(tmp_path)
    assert load(user_folder=NOBODY).config.policy.rules
    assert load("night", user_folder=NOBODY).config.policy.use == "night"  # taken for a plugin's name
    assert load("./night.yaml", user_folder=NOBODY).config.policy.use == "evil"
    assert load("night.yaml", user_folder=NOBODY).config.policy.use == "evil"


def test_every_shipped_policy_file_can_be_copied_and_given_as_a_path(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "policies"
    for file in shipped.glob("*.yaml"):
        copy = tmp_path / file.name
        copy.write_bytes(file.read_bytes())
        assert load(str(copy), user_folder=NOBODY).config == load(file.stem, user_folder=NOBODY).config


@pytest.mark.parametrize("name", ["", "..", ".", "a b", "-x", "a.b", "é", "x" * 65])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ConfigError, match=r"--policy: '.*' is not a name of letters"):
        load(name, user_folder=NOBODY)


@pytest.mark.parametrize("path", ["../absent", "/etc/absent", "a\\b", "absent.YAML", "absent.yml"])
def test_a_path_that_is_not_there(path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(path, user_folder=NOBODY)
    assert str(caught.value) == f"no such file: {path}"


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "txt: {}",
            "line 1: txt is not a known key; did you mean 'text'? known: text, backend, cluster, limits,",
        ),
        (
            "text:\n  lang: en",
            "line 2: text.lang is not a known key; did you mean 'language'? known: language,",
        ),
        ("text:\n  pauses: {sentence: 1}", "line 2: text.pauses.sentence is not a known key; did you mean"),
        (
            "text: {language: no}",
            "line 1: text.language is False, but must be text; in YAML put text in quotes",
        ),
        ("text: {voice: 007}", "line 1: text.voice is 7, but must be text; in YAML put text in quotes"),
        ("text: {language: ''}", "text.language is '', but must have at least 1 character"),
        ("text: {encoding: utf-99}", "text.encoding is 'utf-99', which is not a text encoding; one is utf-8"),
        ("text: {encoding: base64}", "text.encoding is 'base64', which is not a text encoding"),
        ("text: {seed: x}", "text.seed is 'x', but must be a whole number"),
        ("text: {seed: 1.0}", "text.seed is 1.0, but must be a whole number"),
        ("text: {max_chars: 0}", "text.max_chars is 0, but must be greater than 0"),
        (
            "text: {pauses: {break_s: -1}}",
            "text.pauses.break_s is -1, but must be greater than or equal to 0",
        ),
        ("text: {pauses: {break_s: .inf}}", "text.pauses.break_s is inf, but must be a finite number"),
        ("text: {pauses: 3}", "text.pauses is 3, but must be a mapping of keys to values"),
        ("text: 3", "text is 3, but must be a mapping of keys to values"),
        ("text: {voice: a, reference: /etc/hosts}", "text has both voice and reference; give one of them"),
        ("text: {reference: absent.wav}", "absent.wav', but there is no such file"),
        ("text:\n  reference:\n  - /etc/hosts\n  - no.wav", "line 4: text.reference[1] is '"),
        ("text: {reference: []}", "text.reference is [], but must"),
        ("text: {reference: [3]}", "text.reference[0] is 3, but must be a path"),
        ("text: {voice: a, reference: [/etc/hosts]}", "text has both voice and reference; give one of them"),
        ("output: {subtitles: sub}", "output.subtitles is 'sub', but must be 'srt' or 'vtt'"),
        ("output: {format: 3}", "output.format is 3, but must be"),
        ("output: {format: ''}", "output.format is '', but must"),
        ("limits:\n  retries: yes", "line 2: limits.retries is True, but must be a whole number"),
        ("limits: {timeouts: {cancel_s: 0}}", "limits.timeouts.cancel_s is 0, but must be greater than 0"),
        ("version: 2", "version is 2, but must be 1"),
        ("plugins: my.py", "plugins is 'my.py', but must be a list"),
        ("plugins:\n- absent.py", "line 2: plugins[0] is '"),
        ("plugins: [3]", "plugins[0] is 3, but must be a path"),
        ("backend: {use: []}", "backend.use is [], but must"),
        ("backend: {use: 3}", "backend.use is 3, but must be text or a list; in YAML put text in quotes"),
        ("policy: {use: a, rules: [{use: b}]}", "policy needs either use or rules, and not both"),
        ("policy: {rules: []}", "policy has rules without any rule; the last one needs no `when`"),
        (
            "policy: {options: {x: 1}}",
            "policy has options beside rules; give the options in each rule, or name one policy (policy.use",
        ),
        (
            "policy:\n  rules:\n  - {when: {gpu: 1}, use: a}",
            "line 3: policy.rules[0].when.gpu is not a known key; did",
        ),
        (
            "policy: {rules: [{when: {}, use: a}]}",
            "policy.rules[0].when needs one of gpus, gpus_min, gpus_max, listening, slots_min, work_s_max; "
            "leave",
        ),
        (
            "policy: {rules: [{when: {gpus: -1}, use: a}]}",
            "policy.rules[0].when.gpus is -1, but must be greater",
        ),
        ("policy: {rules: [{when: {gpus: 1}}]}", "policy.rules[0].use is missing"),
        ("policy: auto", "policy is 'auto', but must be a mapping of keys to values"),
    ],
)
def test_a_mistake_names_file_line_key_and_value(text: str, message: str, yaml_file: Write) -> None:
    path = yaml_file(text)
    with pytest.raises(ConfigError) as caught:
        load(None, path, user_folder=NOBODY)
    assert str(caught.value).startswith(f"{path}, line ")
    assert message in str(caught.value)


def test_every_mistake_is_told_at_once(yaml_file: Write) -> None:
    path = yaml_file("text:\n  seed: x\n  lang: en\n")
    with pytest.raises(ConfigError) as caught:
        load(None, path, [Flag("--subtitles", "output.subtitles", "sub")], user_folder=NOBODY)
    lines = sorted(str(caught.value).splitlines())
    assert lines[0].startswith("--subtitles: output.subtitles is 'sub', but must be")
    assert lines[1].startswith(f"{path}, line 2: text.seed is 'x'")
    assert lines[2].startswith(f"{path}, line 3: text.lang is not a known key")


def test_a_policy_file_without_a_policy(yaml_file: Write) -> None:
    path = yaml_file("text: {seed: 1}\n")
    with pytest.raises(
        ConfigError, match=r"my\.yaml: names no policy; it needs policy\.use or policy\.rules"
    ):
        load(str(path), user_folder=NOBODY)


def test_the_users_folder_is_not_to_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: File name too long"):
        load(user_folder=tmp_path / ("x" * 300))


def test_a_home_of_nobody(yaml_file: Write) -> None:
    path = yaml_file("plugins: [~nobody-of-this-name/a.py]")
    with pytest.raises(ConfigError, match=r"~nobody-of-this-name/a\.py', but there is no such file"):
        load(None, path, user_folder=NOBODY)


def test_a_plugin_with_an_endless_name(yaml_file: Write) -> None:
    path = yaml_file(f"plugins: [{'x' * 300}.py]")
    with pytest.raises(ConfigError, match=r"my\.yaml, line 1: plugins\[0\] is '.*', but .*too long"):
        load(None, path, user_folder=NOBODY)


def test_settings_are_plain_data(yaml_file: Write) -> None:
    settings = load(user_folder=NOBODY)
    assert isinstance(settings, Settings)
    with pytest.raises(ValueError, match="frozen"):
        settings.config.text.seed = 3
