"""`config show` and the JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.config import Flag, load, show
from ttsflow.config.jsonschema import json_schema

NOBODY = Path("/no/such/folder")


def test_every_value_stands_beside_its_origin(yaml_file: Callable[..., Path]) -> None:
    path = yaml_file("policy: {use: wide, options: {width: 3}}\n")
    flags = [Flag("--seed", "text.seed", 7), Flag("--set", "limits.timeouts", {"cancel_s": 2.0})]
    lines = show(load(None, path, flags, user_folder=NOBODY)).splitlines()
    assert f"  use: wide  # {path}, line 1" in lines
    assert f"    width: 3  # {path}, line 1" in lines
    assert "  use: [xtts, hibari, espeak]  # defaults.yaml (shipped), line 5" in lines
    assert "  seed: 7  # --seed" in lines
    assert "    cancel_s: 2.0  # --set" in lines
    assert "    break_s: 0.8  # default" in lines


@pytest.mark.parametrize("policy", ["auto", "sequential", "parallel", "gpu-affinity"])
def test_what_is_shown_is_a_file_that_says_the_same(policy: str, yaml_file: Callable[..., Path]) -> None:
    settings = load(policy, user_folder=NOBODY)
    again = load(str(yaml_file(show(settings))), user_folder=NOBODY)
    assert again.config == settings.config


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(), VALUES, max_size=3), st.text(min_size=1))
def test_no_value_can_break_what_is_shown(options: dict[str, object], voice: str) -> None:
    flags = [
        Flag("--policy", "policy.use", "wide"),
        Flag("--set", "policy.options", options),
        Flag("--v", "text.voice", voice),
    ]
    shown = yaml.safe_load(show(load(None, None, flags, user_folder=NOBODY)))
    assert shown["policy"]["options"] == options
    assert shown["text"]["voice"] == voice


def test_the_schema_accepts_what_is_shipped_and_refuses_mistakes() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    root = Path(__file__).parents[2]
    files = [*(root / "policies").glob("*.yaml"), root / "ttsflow" / "config" / "defaults.yaml"]
    assert len(files) >= 5
    for file in files:
        validator.validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    for mistake in ({"txt": {}}, {"text": {"lang": "en"}}, {"limits": {"retries": -1}}, {"version": 2}):
        assert not validator.is_valid(mistake)
    assert schema["$defs"]["Limits"]["properties"]["retries"]["description"].startswith("how often")
