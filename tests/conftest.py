from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.fakes.fake_nvml import build_fake_nvml

# A shell has what it starts with "&" ignore Ctrl-C, and nohup SIGHUP, and so would the programs under test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def fake_nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a compiled fake NVML, to put first on LD_LIBRARY_PATH."""
    return build_fake_nvml(tmp_path_factory.mktemp("fake_nvml"))
