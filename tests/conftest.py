from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.fake_nvml import build_fake_nvml


@pytest.fixture(scope="session")
def fake_nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a compiled fake NVML, to put first on LD_LIBRARY_PATH."""
    return build_fake_nvml(tmp_path_factory.mktemp("fake_nvml"))
