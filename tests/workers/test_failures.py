"""Which kind of failure an error is, by the texts that CUDA and the libraries above it really give."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from ttsflow.errors import BackendUnavailable
from ttsflow.interface.backend import DeviceLost, JobRefused
from ttsflow.scheduler.messages import FailureKind
from ttsflow.workers.failures import kind_of

HINT = (
    "\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below "
    "might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
    "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"
)
"""what PyTorch adds to every error of CUDA, a want of memory among them"""

MESSAGES: list[tuple[FailureKind, str]] = [
    (
        "out of memory",
        "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.25 GiB of which "
        "6.94 MiB is free. Process 1 has 79.24 GiB memory in use. Of the allocated memory 78.55 GiB is "
        "allocated by PyTorch, and 207.65 MiB is reserved by PyTorch but unallocated.",
    ),
    ("out of memory", f"CUDA error: out of memory{HINT}"),
    ("out of memory", "CUDA driver error: out of memory"),
    ("out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ("out of memory", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ("out of memory", "cuFFT error: CUFFT_ALLOC_FAILED"),
    (
        "out of memory",
        "MPS backend out of memory (MPS allocated: 17.51 GB, other allocations: 383.16 MB, max allowed: "
        "18.13 GB). Tried to allocate 1.00 GB on private pool.",
    ),
    (
        "out of memory",
        "Command buffer execution failed due to an error during execution. Insufficient Memory "
        "(00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)",
    ),
    (
        "out of memory",
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
        "to allocate 400000000000 bytes. Error code 12 (Cannot allocate memory)",
    ),
    (
        "out of memory",
        "[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried to "
        "allocate 33554432 bytes.",
    ),
    (
        "out of memory",
        "CUDA failure 2: out of memory ; GPU=0 ; hostname=one ; expr=cudaMalloc((void**)&p, size);",
    ),
    ("out of memory", "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589934592 bytes."),
    ("out of memory", "Failed to allocate memory for requested buffer of size 1073741824"),
    ("broken worker", f"CUDA error: device-side assert triggered{HINT}"),
    (
        "broken worker",
        "cuda runtime error (59) : device-side assert triggered at /b/THC/THCTensorCopy.cpp:20",
    ),
    ("broken worker", f"CUDA error: an illegal memory access was encountered{HINT}"),
    ("broken worker", "Triton Error [CUDA]: an illegal memory access was encountered"),
    ("broken worker", f"CUDA error: an illegal instruction was encountered{HINT}"),
    ("broken worker", f"CUDA error: unspecified launch failure{HINT}"),
    ("broken worker", f"CUDA error: misaligned address{HINT}"),
    ("broken worker", f"CUDA error: the launch timed out and was terminated{HINT}"),
    ("broken worker", f"CUDA error: uncorrectable ECC error encountered{HINT}"),
    (
        "broken worker",
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle, opa, opb, m, n, k, "
        "&alpha, a, lda, b, ldb, &beta, c, ldc)`",
    ),
    ("broken worker", "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    ("broken worker", f"CUDA error: CUDA-capable device(s) is/are busy or unavailable{HINT}"),
    ("broken worker", f"CUDA error: unknown error{HINT}"),
    ("broken worker", "CUDA driver error: unknown error"),
    ("broken worker", f"CUDA error: invalid argument{HINT}"),
    ("device lost", "GPU is lost"),
    (
        "device lost",
        "Unable to determine the device handle for GPU 0000:02:00.0: GPU is lost.  Reboot the system to "
        "recover this GPU",
    ),
    ("device lost", "Unable to determine the device handle for GPU0000:CB:00.0: Unknown Error"),
    ("device lost", "NVRM: Xid (PCI:0000:06:00): 79, pid=812, GPU has fallen off the bus."),
    ("device lost", f"CUDA error: no CUDA-capable device is detected{HINT}"),
    ("device lost", f"CUDA error: invalid device ordinal{HINT}"),
    ("device lost", "No CUDA GPUs are available"),
    ("error", "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 0"),
    (
        "error",
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!",
    ),
    ("error", "CUDNN_STATUS_NOT_SUPPORTED"),
    ("error", ""),
]


@pytest.mark.parametrize(("kind", "message"), MESSAGES)
def test_an_error_is_known_by_its_text(kind: FailureKind, message: str) -> None:
    assert kind_of(RuntimeError(message)) == kind
    assert kind_of(Exception(message)) == kind


def test_pytorchs_own_errors_are_known() -> None:
    import torch

    assert kind_of(torch.OutOfMemoryError("no")) == "out of memory"
    assert kind_of(torch.AcceleratorError(MESSAGES[13][1])) == "broken worker"
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert kind_of(caught.value) == "out of memory"


def test_nvmls_own_error_is_known() -> None:
    import pynvml

    assert kind_of(pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)) == "device lost"


def test_want_of_memory_of_the_machine_is_known() -> None:
    with pytest.raises(MemoryError) as caught:
        np.empty(1 << 60, np.uint8)
    assert kind_of(caught.value) == "out of memory"
    assert kind_of(MemoryError()) == "out of memory"
    assert kind_of(OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))) == "out of memory"
    assert kind_of(OSError(errno.ENOENT, os.strerror(errno.ENOENT))) == "error"


@pytest.mark.parametrize("error", [JobRefused("no voice 'x'"), BackendUnavailable("no weights")])
def test_a_refusal_is_a_refusal(error: Exception) -> None:
    assert kind_of(error) == "refused"


def test_a_backend_says_itself_that_its_device_is_lost() -> None:
    assert kind_of(DeviceLost("http://a/v1: 401 Unauthorized")) == "device lost"
    assert kind_of(wrapped(JobRefused("no"), DeviceLost("gone"), hidden=True)) == "device lost"


@pytest.mark.parametrize("error", [JobRefused, ValueError, KeyError, TypeError, BackendUnavailable])
def test_a_novel_about_a_lost_gpu_loses_none(error: type[Exception]) -> None:
    told = kind_of(error('cannot read "The GPU is lost," she said. "CUDA error: out of memory."'))
    assert told in ("error", "refused")


def wrapped(outer: Exception, inner: Exception, *, hidden: bool) -> Exception:
    """`outer` as a library raises it while it handles `inner`."""
    try:
        try:
            raise inner
        except Exception as error:  # whatever the test gives
            if hidden:
                raise outer from None
            raise outer from error
    except Exception as error:  # the same
        return error


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize(
    "outer", [ValueError("bad"), JobRefused("no"), BackendUnavailable("no"), KeyError(1)]
)
def test_an_error_that_wraps_another_hides_nothing(outer: Exception, hidden: bool) -> None:
    for inner, kind in [
        (RuntimeError("CUDA out of memory. Tried to allocate 1 GiB"), "out of memory"),
        (RuntimeError(f"CUDA error: device-side assert triggered{HINT}"), "broken worker"),
        (RuntimeError("GPU is lost"), "device lost"),
        (MemoryError(), "out of memory"),
    ]:
        assert kind_of(wrapped(outer, inner, hidden=hidden)) == kind


def test_the_gravest_of_a_chain_counts() -> None:
    memory, broken = RuntimeError("CUDA out of memory"), RuntimeError("CUDA error: misaligned address")
    assert kind_of(wrapped(memory, broken, hidden=False)) == "broken worker"
    memory, broken = RuntimeError("CUDA out of memory"), RuntimeError("CUDA error: misaligned address")
    assert kind_of(wrapped(broken, memory, hidden=True)) == "broken worker"
    lost = wrapped(RuntimeError("CUDA error: unknown error"), RuntimeError("GPU is lost"), hidden=True)
    assert kind_of(lost) == "device lost"


def test_a_chain_that_bites_its_tail_ends() -> None:
    one, two = RuntimeError("one"), RuntimeError("two")
    one.__cause__, two.__cause__ = two, one
    assert kind_of(one) == "error"
