"""Models in ONNX files: whether a GPU can run them, and how they are opened in a worker."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from ttsflow import BackendUnavailable

ERRORS_ONLY = 3
"""onnxruntime's level of its log; it warns of each part of a graph that stays on the CPU"""

PROVIDERS = {"cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"], "cpu": ["CPUExecutionProvider"]}


def is_installed(package: str) -> bool:
    """Whether a distribution of this name is installed; nothing is imported."""
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def device_kinds() -> tuple[str, ...]:
    """The kinds of device on which the installed onnxruntime can run a model, the best first."""
    return ("cuda", "cpu") if is_installed("onnxruntime-gpu") else ("cpu",)


def open_session(model: Path, device_kind: str, threads: int, again: str) -> Any:
    """An InferenceSession of the model on "cuda" or "cpu", with `threads` CPU threads.

    Raises BackendUnavailable if the file is no whole model, where `again` says how to get it, or if the GPU
    cannot be used; ImportError if onnxruntime cannot be imported.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = ERRORS_ONLY
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=PROVIDERS[device_kind])
    except Exception as error:  # onnxruntime's own errors have no common base
        said = " ".join(str(error).split())[:200]
        raise BackendUnavailable(f"{model} is no whole model ({said}): {again}") from error
    if device_kind == "cuda" and "CUDAExecutionProvider" not in session.get_providers():
        raise BackendUnavailable(
            "onnxruntime cannot use the GPU: install the onnxruntime-gpu that fits the driver's CUDA, "
            "or run on the CPU"
        )
    return session
