from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.fakes.fake_nvml import build_fake_nvml

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell has what it starts with "&" ignore Ctrl-C, and what that starts too: the programs under test.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def fake_nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a compiled fake NVML, to put first on LD_LIBRARY_PATH."""
    return build_fake_nvml(tmp_path_factory.mktemp("fake_nvml"))
