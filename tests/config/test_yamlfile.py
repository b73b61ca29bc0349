"""Reading one YAML file: what is read, and everything hostile that is refused."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.config.yamlfile import FLOAT, parse_value, parse_yaml, read_yaml
from ttsflow.errors import ConfigError

Write = Callable[..., Path]


def test_data_and_the_line_of_each_value() -> None:
    read = parse_yaml("# comment\na: 1\nb:\n  c: [x, 2.5]\n  d:\n    - {e: true}\n    - null\n", "my.yaml")
    assert read.data == {"a": 1, "b": {"c": ["x", 2.5], "d": [{"e": True}, None]}}
    assert read.lines[("a",)] == 2
    assert read.lines[("b",)] == 3
    assert read.lines[("b", "c", 1)] == 4
    assert read.lines[("b", "d", 0, "e")] == 6
    assert read.lines[("b", "d", 1)] == 7


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n", "\ufeff"])
def test_an_empty_file_sets_nothing(text: str, yaml_file: Write) -> None:
    assert read_yaml(yaml_file(text), "my.yaml").data == {}


def test_a_byte_order_mark_is_skipped_and_a_date_is_text(yaml_file: Write) -> None:
    assert read_yaml(yaml_file("\ufeffa: 2026-11-23\nb: =\n"), "my.yaml").data == {
        "a": "2026-11-23",
        "b": "=",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: !!python/object/apply:os.system [id]",
            "line 1: a: the tag tag:yaml.org,2002:python/object/apply",
        ),
        ("a:\n  b: !secret x", "line 2: a.b: the tag !secret is used; tags are not supported"),
        ("a: !!str 1", "line 1: a: the tag tag:yaml.org,2002:str is used"),
        ("!!map {a: 1}", "line 1: the tag tag:yaml.org,2002:map is used"),
        ("!k a: 1", "line 1: a key is not plain text"),
        ("a: &x 1", "line 1: a: the anchor &x is set; anchors are not supported"),
        ("a: 1\nb: *x", "line 2: b: the alias *x is used; aliases are not supported"),
        ("<<: {a: 1}", "line 1: a merge key (<<) is used; merge keys are not supported"),
        (
            "a: 1\nb:\n  c: 1\n\n  c: 2",
            "line 5: b.c: the key is there twice, first on line 3; keep one of them",
        ),
        ("a: [{b: 1, b: 2}]", "line 1: a[0].b: the key is there twice"),
        ("{[1]: 2}", "line 1: a key is not plain text"),
        ("a: 1\n---\nb: 2", "line 2: a second document begins (---); one file is one document"),
        ("- a\n- b", "line 1: the file must hold keys and values"),
        ("just text", "line 1: the file must hold keys and values"),
        (
            "a:\n\tb: 1",
            "line 2: found character '\\t' that cannot start any token; indent with spaces, not with",
        ),
        ("a: [1, 2", "line 1: expected ',' or ']'"),
        ("a: 'open", "found unexpected end of stream"),
        ("a: 1\n b: 2", "line 2: mapping values are not allowed here"),
        ("a: 1\nb: \0", "line 2: character 0 is not allowed in YAML"),
        ("a: 0x_", "line 1: a: '0x_' is not a number; put text in quotes"),
        (f"a: {'9' * 5000}", "line 1: a: '99999999999999999999' is not a number"),
        ('a: 1\nb: "\\UFFFFFFFF"', "line 2: an escape names no character"),
        ("%YAML 9.9\n---\na: 1", "line 1: found incompatible YAML document"),
        ("a: " + "[" * 21 + "]" * 21, "line 1: a[0][0]: nested more than 20 levels deep"),
        ("a: " + "[" * 50_000, "nested more than 20 levels deep"),
        ("a: " + "[" * 100_000 + "]" * 100_000, "nested more than 20 levels deep"),
        ("[" * 100_000, "nested more than 20 levels deep"),
        ("{a: " * 50_000, "nested more than 20 levels deep"),
        ("- " * 100_000, "nested more than 20 levels deep"),
        ("? " * 100_000, "a key is not plain text"),
    ],
)
def test_what_is_refused_and_where(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "my.yaml")
    assert str(caught.value).startswith("my.yaml, line ")
    assert message in str(caught.value)


def test_a_billion_laughs_are_not_built() -> None:
    laughs = ["a: &a [ha, ha]"]
    laughs += [f"{b}: &{b} [{', '.join(['*' + a] * 9)}]" for a, b in pairwise("abcdefghi")]
    with pytest.raises(ConfigError, match="the anchor &a is set"):
        parse_yaml("\n".join(laughs), "my.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: x\0y", r"my\.yaml, line 2: character 0 is not allowed in YAML"),
        (b"a: \xff\xfe", r"my\.yaml, line 1: not UTF-8 text"),
        (b"a: 1\nb: 2\nc: \xe9", r"my\.yaml, line 3: not UTF-8 text"),
        ("a: 1".encode("utf-16"), r"my\.yaml, line 1: not UTF-8 text"),
        (b"a: 1 # " + b"x" * 10_000_000, r"my\.yaml is larger than 1,000,000 bytes"),
    ],
)
def test_files_that_are_not_a_short_text(content: bytes, message: str, yaml_file: Write) -> None:
    with pytest.raises(ConfigError, match=message):
        read_yaml(yaml_file(content), "my.yaml")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file: absent\.yaml"):
        read_yaml(tmp_path / "absent.yaml", "absent.yaml")
    with pytest.raises(ConfigError, match="folder is a folder, not a YAML file"):
        read_yaml(tmp_path, "folder")
    with pytest.raises(ConfigError, match=r"long cannot be read: .*too long"):
        read_yaml(tmp_path / ("x" * 5000), "long")
    with pytest.raises(ConfigError, match="no such file: nul"):
        read_yaml(tmp_path / "a\0b", "nul")


def test_what_is_no_file_at_all_is_not_read(tmp_path: Path) -> None:
    """Reading would wait for ever, or never end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for path in (pipe, tmp_path / "socket", Path("/dev/zero"), Path("/dev/null")):
            with pytest.raises(ConfigError, match=r"^it is a device, a pipe or a socket, not a YAML file$"):
                read_yaml(path, "it")


def test_a_value_of_a_flag() -> None:
    assert parse_value("auto", "--set x") == "auto"
    assert parse_value("3", "--set x") == 3
    assert parse_value("[a, 1]", "--set x") == ["a", 1]
    assert parse_value("", "--set x") is None
    assert [parse_value(text, "--set x") for text in ("1e9", "-2E-3", "+.5e1", "1e9 s")] == [
        1e9,
        -2e-3,
        5.0,
        "1e9 s",
    ]
    with pytest.raises(ConfigError, match="--set x, line 1: the tag !a is used"):
        parse_value("!a b", "--set x")


TOKENS = r"""
a b: : - [ ] { } , ! !!int &x *x << | >- ' " \x \U # --- ... %TAG %YAML ? 0x_ 1e5 1:2 .inf no ~
"""
PARTS = st.sampled_from([*TOKENS.split(), "\n", "  ", "\t", "\r", ": ", "- "])


@given(st.lists(PARTS | st.text(max_size=3)).map("".join))
def test_any_text_gives_data_or_an_error_that_names_the_file(text: str) -> None:
    said = "my.yaml, line "
    try:
        assert isinstance(parse_yaml(text, "my.yaml").data, dict)
    except ConfigError as error:
        said = str(error)
    assert said.startswith("my.yaml, line ")


# PyYAML does not quote a text like "1e9", which is a number in YAML 1.2.
TEXTS = st.text().filter(lambda text: not FLOAT[1].match(text))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), PLAIN, max_size=4))
def test_what_yaml_writes_of_plain_data_is_read_back(data: dict[str, object]) -> None:
    assert parse_yaml(yaml.safe_dump(data), "my.yaml").data == data
