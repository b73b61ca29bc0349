"""Grapheme clusters: what a reader sees as one character stays one."""

import pytest

from ttsflow.text.graphemes import is_boundary


@pytest.mark.parametrize(
    "cluster",
    [
        "e\u0301",
        "❤\ufe0f",
        "👍🏽",
        "👩\u200d👧",
        "नि",
        "\u1112\u1161\u11ab",
        "🏴\U000e0067\U000e007f",
        "ก\u0e35",
    ],
)
def test_a_cluster_has_no_boundary_inside(cluster):
    text = f"a{cluster}b"
    assert [at for at in range(len(text) + 1) if is_boundary(text, at)] == [0, 1, len(text) - 1, len(text)]
