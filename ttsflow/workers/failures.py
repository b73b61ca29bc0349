"""Classifies an error of a backend, without importing the library that raised it.

The texts come from CUDA (`cudaGetErrorString`, with NVIDIA's documentation of each `cudaError_t`), from
NVML, and from the libraries that pass them on; PyTorch puts "CUDA error: " in front.
"""

from __future__ import annotations

from collections.abc import Iterator

from ttsflow.errors import UsageError
from ttsflow.interface.backend import DeviceLost, JobRefused
from ttsflow.scheduler.messages import FailureKind

DEVICE_LOST = (
    "gpu is lost",  # NVML_ERROR_GPU_IS_LOST
    "fallen off the bus",  # the driver's Xid 79, and nvidia-settings for the former
    "device lost",
    "unable to determine the device handle",  # nvidia-smi, for a GPU that has dropped out
    "no cuda-capable device is detected",  # cudaErrorNoDevice
    "no cuda gpus are available",  # PyTorch, for the same
    "invalid device ordinal",  # cudaErrorInvalidDevice: the one that this worker is bound to is not there
)
"""texts after which no process can use the device. Two errors are left out. cudaErrorDevicesUnavailable
("busy or unavailable") is caused by other work "at the current time", by NVIDIA's documentation.
cudaErrorUnknown has many causes, a lost GPU is one; a new process will show which."""

OUT_OF_MEMORY = (
    "out of memory",  # PyTorch's CUDA and MPS allocators, cudaErrorMemoryAllocation, XLA
    "alloc_failed",  # CUBLAS_STATUS_ALLOC_FAILED, CUDNN_STATUS_ALLOC_FAILED, CUFFT_ALLOC_FAILED
    "insufficient memory",  # Metal
    "failed to allocate memory",  # ONNX Runtime
    "cannot allocate memory",  # ENOMEM
    "can't allocate memory",  # PyTorch's CPU allocator
    "not enough memory",  # the same, in other versions
)
"""texts after which fewer jobs at a time, or a new process, may work"""

BROKEN_WORKER = (
    "device-side assert",
    "illegal memory access",
    "illegal instruction",
    "misaligned address",
    "unspecified launch failure",
    "hardware stack error",
    "invalid program counter",
    "launch timed out and was terminated",
    "status_execution_failed",  # cuBLAS, cuDNN: a kernel could not be run
    "cuda error:",
    "cuda driver error:",
    "cuda runtime error",  # PyTorch before 1.5
    "cuda failure",  # ONNX Runtime
)
"""texts after which "the process must be terminated and relaunched" to use CUDA again. NVIDIA's
documentation says this of the first ones. Some of the other CUDA errors are temporary, but a new process
is cheaper than a worker that continues in a CUDA context with an unknown state."""

KINDS_BY_TEXT: tuple[tuple[FailureKind, tuple[str, ...]], ...] = (
    ("device lost", DEVICE_LOST),
    ("out of memory", OUT_OF_MEMORY),  # before the errors in general: "CUDA error: out of memory"
    ("broken worker", BROKEN_WORKER),
)

GRAVEST_FIRST: tuple[FailureKind, ...] = ("device lost", "broken worker", "out of memory")

TORCHS = "OutOfMemoryError"
"""name of PyTorch's class for out-of-memory errors; it is compared by name, to avoid importing PyTorch"""

QUOTE_THE_JOB = (JobRefused, UsageError, ValueError, TypeError, LookupError)
"""errors whose messages quote their input; the quoted text may itself say that a GPU is lost"""


def kind_of(error: BaseException) -> FailureKind:
    """The kind of a failure: the gravest kind of the error and of the errors that led to it.

    So a CUDA error is recognised even if a library has wrapped it in an error of its own.
    """
    told = {_own_kind(each) for each in _chain(error)}
    for kind in GRAVEST_FIRST:
        if kind in told:
            return kind
    return "refused" if isinstance(error, (JobRefused, UsageError)) else "error"


def _own_kind(error: BaseException) -> FailureKind | None:
    if isinstance(error, DeviceLost):
        return "device lost"
    if isinstance(error, QUOTE_THE_JOB):
        return None
    if isinstance(error, MemoryError) or any(cls.__name__ == TORCHS for cls in type(error).__mro__):
        return "out of memory"
    message = str(error).lower()
    return next((kind for kind, texts in KINDS_BY_TEXT if any(text in message for text in texts)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, the errors it was raised from, and those being handled at that time; each once."""
    to_see: list[BaseException | None] = [error]
    seen: set[int] = set()
    while to_see:
        each = to_see.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            to_see += [each.__cause__, each.__context__]
