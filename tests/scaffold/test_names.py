"""A new plugin's name is good in each place where it stands, or is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ttsflow.errors import OutputError, UsageError
from ttsflow.scaffold import Names, write_file, write_package
from ttsflow.scaffold.writing import FILES


def test_a_name_becomes_those_of_package_module_and_class() -> None:
    names = Names.of("backend", "deep-voice-2", ["espeak"])
    assert (names.package, names.module) == ("ttsflow-deep-voice-2", "ttsflow_deep_voice_2")
    assert (names.class_name, names.file) == ("DeepVoice2", "deep_voice_2.py")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("espeak", "there is a backend named 'espeak' already"),
        ("My Voice", "such as 'my-voice'"),
        ("../voice", "such as 'voice'"),
        ("/tmp/voice.py", "such as 'voice'"),
        ("voice_two", "such as 'voice-two'"),
        ("2voices", "such as 'my-backend'"),
        ("-voice", "such as 'voice'"),
        ("voice--two", "such as 'voice-two'"),
        ("stimme-ü", "such as 'stimme'"),
        ("", "such as 'my-backend'"),
        ("none", "as Python has no class None; choose another name, such as 'my-none'"),
        ("v" * 51, f"such as {'v' * 50!r}"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_one_that_can(name: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        Names.of("backend", name, ["espeak"])
    assert says in str(refused.value)


def test_a_package_that_is_installed_is_not_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ttsflow_taken.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match="a package 'ttsflow-taken' is installed already"):
        Names.of("policy", "taken", [])


@pytest.mark.parametrize("kind", ["policy", "backend"])
def test_nothing_is_written_over(kind: str, tmp_path: Path) -> None:
    names = Names.of(kind, "mine", [])
    folder = write_package(names, tmp_path)
    assert len([path for path in folder.rglob("*") if path.is_file()]) == len(FILES)
    (folder / "README.md").write_text("my words")
    with pytest.raises(OutputError, match="ttsflow-mine exists already"):
        write_package(names, tmp_path)
    assert (folder / "README.md").read_text() == "my words"

    file = write_file(names, tmp_path)
    file.write_text("my code")
    with pytest.raises(OutputError, match=r"mine\.py exists already"):
        write_file(names, tmp_path)
    assert file.read_text() == "my code"


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    names = Names.of("backend", "mine", [])
    with pytest.raises(OutputError, match="cannot be written: Not a directory; choose another folder"):
        write_package(names, tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be written: No such file or directory"):
        write_file(names, tmp_path / "nowhere")
