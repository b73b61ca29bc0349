"""CUDA's rules for CUDA_VISIBLE_DEVICES, case by case and on anything at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttsflow.devices.cuda_visible import Selection, select

GPUS = ["GPU-aa11", "GPU-aa22", "GPU-bb33", "GPU-cc44"]
INSTANCES = ["MIG-aa11", "MIG-aa22", "MIG-bb33"]


def targets(value: str) -> list[int | str]:
    return [entry.target for entry in select(value, GPUS, INSTANCES).entries]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", [0]),
        ("2,1", [2, 1]),
        ("0,1,2,3", [0, 1, 2, 3]),
        (" 2 ,\t1 ", [2, 1]),
        ("1gpu,2 ampere", [1, 2]),
        ("2;1", [2]),
        ("+3,-0", [3, 0]),
        ("0x1", [0]),
        ("007", []),
        ("003", [3]),
        ("GPU-bb33,GPU-aa11", [2, 0]),
        ("GPU-b,GPU-aa2", [2, 1]),
        ("MIG-b,MIG-aa11", ["MIG-bb33", "MIG-aa11"]),
    ],
)
def test_entries_name_gpus_by_number_or_by_the_start_of_a_uuid(value: str, expected: list[int | str]) -> None:
    assert targets(value) == expected


@pytest.mark.parametrize("value", ["", " ", "-1", "-1,0", "none", "NoDevFiles", "all", ",0", "4", "9" * 5000])
def test_nothing_is_visible(value: str) -> None:
    assert targets(value) == []


@pytest.mark.parametrize(
    ("value", "expected", "invalid"),
    [
        ("0,2,-1,1", [0, 2], "-1"),
        ("1,4,0", [1], "4"),
        ("3,,0", [3], ""),
        ("0,", [0], ""),
        ("2,one,1", [2], "one"),
        ("2,٣", [2], "٣"),
        ("2,+-1", [2], "+-1"),
        ("GPU-b,GPU-a,GPU-c", [2], "GPU-a"),
        ("GPU-b,GPU-ff,GPU-c", [2], "GPU-ff"),
        ("GPU-b,gpu-c", [2], "gpu-c"),
        ("0,GPU-c,1", [0], "GPU-c"),
        ("GPU-c,0", [3], "0"),
        ("GPU-c,MIG-b", [3], "MIG-b"),
        ("1,9,1", [1], "9"),
    ],
)
def test_the_list_ends_before_the_first_invalid_entry(
    value: str, expected: list[int | str], invalid: str
) -> None:
    assert targets(value) == expected
    assert select(value, GPUS, INSTANCES).invalid == invalid


@pytest.mark.parametrize(
    ("value", "repeated"),
    [("1,1", "1"), ("0,1,2,01", "01"), ("2gpu,2", "2"), ("GPU-b,GPU-bb", "GPU-bb"), ("MIG-b,MIG-b", "MIG-b")],
)
def test_a_repeated_device_hides_them_all(value: str, repeated: str) -> None:
    assert select(value, GPUS, INSTANCES) == Selection(repeated=repeated)


def test_tokens_are_kept_as_they_are_written() -> None:
    assert [entry.token for entry in select("1gpu, 02", GPUS).entries] == ["1gpu", "02"]


def test_a_gpu_without_a_readable_uuid_can_still_be_named_by_its_position() -> None:
    assert [entry.target for entry in select("1,0", ["GPU-aa11", None]).entries] == [1, 0]
    assert [entry.target for entry in select("GPU-", ["GPU-aa11", None]).entries] == [0]


@pytest.mark.parametrize(
    ("value", "by_position"), [("1,0", True), ("GPU-b", False), ("MIG-b", False), ("", False), ("1,1", False)]
)
def test_a_selection_knows_whether_it_hangs_on_the_order_of_gpus(value: str, by_position: bool) -> None:
    assert select(value, GPUS, INSTANCES).by_position == by_position


uuid = st.text("0123456789abcdef-/", max_size=6)
token = st.one_of(
    st.integers(-2, 6).map(str),
    st.sampled_from(["GPU-", "MIG-", "", "+", "-", "0"]).flatmap(lambda start: uuid.map(start.__add__)),
    st.text(max_size=6),
)


@given(
    value=st.one_of(st.text(), st.lists(token, max_size=6).map(",".join)),
    gpus=st.lists(st.none() | uuid.map("GPU-".__add__), max_size=5),
    instances=st.lists(uuid.map("MIG-".__add__), max_size=5, unique=True),
)
def test_anything_at_all_selects_existing_devices_once(
    value: str, gpus: list[str | None], instances: list[str]
) -> None:
    selection = select(value, gpus, instances)
    chosen = [entry.target for entry in selection.entries]
    assert len(set(chosen)) == len(chosen)
    assert set(chosen) <= {*range(len(gpus)), *instances}
    written = [token.strip() for token in value.split(",")]
    assert [entry.token for entry in selection.entries] == written[: len(chosen)]
    # A worker that gets one entry alone sees the device that the entry named in the list.
    for entry in selection.entries:
        assert select(entry.token, gpus, instances).entries == (entry,)


@given(st.permutations(range(4)).flatmap(lambda order: st.integers(1, 4).map(lambda n: order[:n])))
def test_every_list_of_different_positions_is_taken_whole_and_in_order(order: list[int]) -> None:
    assert targets(",".join(map(str, order))) == order
