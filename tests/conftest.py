from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings

from tests.fakes.fake_nvml import build_fake_nvml

# A busy machine may take any time.
settings.register_profile("ttsflow", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ttsflow")

# A shell has what it starts with "&" ignore Ctrl-C, and nohup SIGHUP, and so would the programs under test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than cores: many tests wait for programs that they started."""
    return (os.cpu_count() or 1) + 1


def patience(seconds: float) -> int:
    """Seconds, more where the machine is busy: for limits that what is healthy must keep, and what hangs must
    not. Where nothing has to pass such a limit, it needs none: a test as a whole has one."""
    busy = os.getloadavg()[0]
    with suppress(OSError):  # a load average is a minute late; Linux tells, too, what runs now
        busy = max(busy, float(Path("/proc/loadavg").read_text().split()[3].partition("/")[0]))
    return math.ceil(seconds * max(1.0, busy / (os.cpu_count() or 1)))


@contextmanager
def untraced() -> Iterator[None]:
    """Coverage is not measured meanwhile, nor in programs that are started with the environment of now: the
    run would take three times as long, and cover the same."""
    coverage = Coverage.current()
    if coverage is None:
        yield
        return
    asked = os.environ.pop("COVERAGE_PROCESS_START", None)
    coverage.stop()
    try:
        yield
    finally:
        coverage.start()
        if asked is not None:
            os.environ["COVERAGE_PROCESS_START"] = asked


@pytest.fixture
def quickly() -> Iterator[None]:
    """For tests of many worlds or of much text, whose code others cover: `untraced`."""
    with untraced():
        yield


@pytest.fixture(scope="session")
def fake_nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a compiled fake NVML, to put first on LD_LIBRARY_PATH."""
    return build_fake_nvml(tmp_path_factory.mktemp("fake_nvml"))
