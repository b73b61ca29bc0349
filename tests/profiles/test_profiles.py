"""Profile files: what is read, what is refused, and what becomes of an engine's own figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from ttsflow import Device, Profile
from ttsflow.errors import ConfigError, OutputError
from ttsflow.profiles import Costs, Measured, known, profiled, read_profiles, write_profiles

FILE = """
version: 1
profiles:
  - backend: made
    device: cuda
    name: NVIDIA H100
    source: a quiet night
    sources: {memory_mb: the data sheet}
    costs: {rtf: 0.1, slowdown: [1, 1.1, 1.3], slots: 3, memory_mb: 2000, slot_memory_mb: 250.5}
  - backend: made
    device: cuda
    name: NVIDIA T4
    source: another night
    costs: {rtf: 0.8, chars_per_s: {en: 14}}
  - backend: made
    device: cpu
    source: a guess
    costs: {workers: [1, 1.2], load_s: 3}
"""
OWN = Profile("made", 24_000, ("cuda", "cpu"), slots=8, slowdown=(1.0, 2.0), rtf=0.5, memory_bytes=7)


def _file(folder: Path, text: str = FILE) -> Path:
    path = folder / "costs.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("name", "rtf"), [("NVIDIA H100", 0.1), ("NVIDIA T4", 0.8)])
def test_the_device_of_that_name_counts(tmp_path: Path, name: str, rtf: float) -> None:
    found = known(read_profiles(_file(tmp_path)), "costs.yaml", "made", Device("cuda:0", "cuda", name))
    assert found.costs.rtf == rtf
    assert found.notice is None
    assert "costs.yaml" in found.source


def test_another_device_of_the_kind_counts_with_a_warning(tmp_path: Path) -> None:
    device = Device("cuda:0", "cuda", "NVIDIA L4")
    found = known(read_profiles(_file(tmp_path)), "costs.yaml", "made", device)
    assert found.costs.rtf == 0.1
    assert found.notice is not None
    assert "NVIDIA H100" in found.notice
    assert "NVIDIA L4" in found.notice


def test_a_device_that_is_made_up_is_of_the_kind_that_was_measured(tmp_path: Path) -> None:
    found = known(read_profiles(_file(tmp_path)), "costs.yaml", "made", Device("cuda:0", "cuda"))
    assert (found.costs.rtf, found.notice) == (0.1, None)


def test_without_a_name_any_device_of_the_kind_is_meant(tmp_path: Path) -> None:
    found = known(read_profiles(_file(tmp_path)), "costs.yaml", "made", Device("cpu", "cpu", "EPYC"))
    assert (found.costs.workers, found.notice) == ((1.0, 1.2), None)


def test_an_engine_that_is_not_there_keeps_its_own_figures(tmp_path: Path) -> None:
    found = known(read_profiles(_file(tmp_path)), "costs.yaml", "other", Device("cpu", "cpu"))
    assert found.costs == Costs()
    assert found.notice is not None
    assert "has nothing about other on cpu" in found.notice


def test_what_is_known_takes_the_place_of_guesses(tmp_path: Path) -> None:
    costs = read_profiles(_file(tmp_path)).profiles[0].costs
    profile = profiled(OWN, costs)
    assert (profile.rtf, profile.slots, profile.slowdown) == (0.1, 3, (1.0, 1.1, 1.3))
    assert profile.memory(2) == 2_000_000_000 + 2 * 250_500_000
    assert profile.chars_per_s == OWN.chars_per_s
    assert profiled(OWN, Costs()) == OWN


def test_rates_are_known_by_language(tmp_path: Path) -> None:
    costs = read_profiles(_file(tmp_path)).profiles[1].costs
    assert profiled(OWN, costs).measured_rate("en-gb") == 14.0
    assert profiled(OWN, costs).measured_rate("de") is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("version: 2", "version is 2"),
        ("profiles: []", "is empty"),
        ("rtf: -1", "line 6: profiles[0].costs.rtf is -1, but must be greater than 0"),
        ("rtf: .nan", "rtf"),
        ("slowdown: [2, 3]", "must start with 1"),
        ("slowdown: [1, 3, 2]", "must not fall"),
        ("slowdown: []", "slowdown"),
        ("slots: 0", "slots is 0"),
        ("first_piece: 2", "first_piece is 2"),
        ("memory: 3", "did you mean 'memory_mb'"),
        ("chars_per_s: {en: 0}", "chars_per_s.en is 0"),
        ("load_s: fast", "load_s is 'fast', but must be a number"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(tmp_path: Path, wrong: str, says: str) -> None:
    text = "version: 1\nprofiles:\n- backend: made\n  device: cpu\n  source: x\n  costs: {}\n"
    if wrong.startswith("version"):
        text = text.replace("version: 1", wrong)
    elif wrong.startswith("profiles"):
        text = f"version: 1\n{wrong}\n"
    else:
        text = text.replace("{}", "{" + wrong + "}")
    with pytest.raises(ConfigError) as refused:
        read_profiles(_file(tmp_path, text))
    assert says in str(refused.value)
    assert "costs.yaml, line" in str(refused.value)


def test_a_source_of_a_number_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="source for 'slots'"):
        read_profiles(
            _file(tmp_path, FILE.replace("{memory_mb: the", "{slots: the").replace("slots: 3, ", ""))
        )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    costs = Costs(rtf=0.25, chars_per_s={"en": 15.5}, slowdown=(1.0, 1.4), load_s=0.0)
    measured = [Measured(backend="made", device="cpu", name="EPYC", source="today", costs=costs)]
    path = tmp_path / "new.yaml"
    write_profiles(path, measured, "What was measured.\nOn a quiet day.")
    assert list(read_profiles(path).profiles) == measured
    assert path.read_text().startswith("# What was measured.\n# On a quiet day.\nversion: 1\n")


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    measured = [Measured(backend="made", device="cpu", source="today", costs=Costs())]
    with pytest.raises(OutputError, match="choose another file"):
        write_profiles(tmp_path / "no" / "new.yaml", measured, "")
