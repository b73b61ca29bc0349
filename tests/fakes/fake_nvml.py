"""An NVIDIA driver for tests, on machines that have none: nvml.c, compiled, and the environment that uses it.

pynvml loads its library once in a process, so whatever is to see the fake driver runs in a fresh one.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


def build_fake_nvml(folder: Path) -> Path:
    """Compile the fake driver into `folder`, and return the folder to put first on LD_LIBRARY_PATH."""
    name = "libnvidia-ml.so.1"
    source = Path(__file__).with_name("nvml.c")
    command = ["gcc", "-shared", "-fPIC", "-Wall", "-Werror", f"-Wl,-soname,{name}"]
    subprocess.run([*command, "-o", str(folder / name), str(source)], check=True)
    return folder


def environment(
    lib_folder: Path,
    gpus: int = 4,
    mig: int = 0,
    rc: int = 0,
    free_gib: int = 23,
    total_gib: int = 24,
    base: Mapping[str, str] = os.environ,
    names: str | None = None,
    faults: str = "",
) -> dict[str, str]:
    """The environment of a process that sees `gpus` fake GPUs, and none of the machine's own settings.

    `mig` is the number of MIG instances that GPU 0 is cut into, `rc` the nvmlReturn_t that NVML
    initialisation ends with. `names` ("A;B") and `faults` ("memory:1=15") are explained in nvml.c.
    """
    chosen = {key: value for key, value in base.items() if not key.startswith(("CUDA_", "FAKE_NVML_"))}
    search = [str(lib_folder), *filter(None, [base.get("LD_LIBRARY_PATH")])]
    chosen |= {
        "LD_LIBRARY_PATH": os.pathsep.join(search),
        "FAKE_NVML_GPUS": str(gpus),
        "FAKE_NVML_MIG": str(mig),
        "FAKE_NVML_FREE_GIB": str(free_gib),
        "FAKE_NVML_TOTAL_GIB": str(total_gib),
        "FAKE_NVML_FAULTS": ",".join(filter(None, [faults, f"init={rc}" if rc else ""])),
    }
    return chosen if names is None else chosen | {"FAKE_NVML_NAMES": names}
