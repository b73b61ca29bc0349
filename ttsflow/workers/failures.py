"""What kind of failure an error of a backend is, without importing the library that raised it.

The texts are those of CUDA (`cudaGetErrorString`, and what NVIDIA's documentation of `cudaError_t` says
of each), of NVML, and of the libraries that pass them on; PyTorch puts "CUDA error: " in front.
"""

from __future__ import annotations

from collections.abc import Iterator

from ttsflow.errors import UsageError
from ttsflow.interface.backend import JobRefused
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
"""texts after which no process can use the device. Not among them: cudaErrorDevicesUnavailable ("busy or
unavailable"), which NVIDIA's documentation puts down to other work "at the current time", and
cudaErrorUnknown, which a lost GPU may give, and much else: a new process finds out."""

OUT_OF_MEMORY = (
    "out of memory",  # PyTorch's CUDA and MPS allocators, cudaErrorMemoryAllocation, XLA
    "alloc_failed",  # CUBLAS_STATUS_ALLOC_FAILED, CUDNN_STATUS_ALLOC_FAILED, CUFFT_ALLOC_FAILED
    "insufficient memory",  # Metal
    "failed to allocate memory",  # ONNX Runtime
    "cannot allocate memory",  # ENOMEM
    "can't allocate memory",  # PyTorch's CPU allocator
    "not enough memory",  # the same, in other versions
)
"""texts after which fewer jobs at a time, or a fresh process, may do"""

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
"""texts after which "the process must be terminated and relaunched" to use CUDA again, as NVIDIA's
documentation says of the first ones. Of the other errors of CUDA some pass, but a new process is cheap
beside a worker that goes on in a context of which nobody knows the state."""

KINDS_BY_TEXT: tuple[tuple[FailureKind, tuple[str, ...]], ...] = (
    ("device lost", DEVICE_LOST),
    ("out of memory", OUT_OF_MEMORY),  # before the errors in general: "CUDA error: out of memory"
    ("broken worker", BROKEN_WORKER),
)

GRAVEST_FIRST: tuple[FailureKind, ...] = ("device lost", "broken worker", "out of memory")

TORCHS = "OutOfMemoryError"
"""name of PyTorch's own class for want of memory, by which it is known without importing PyTorch"""

QUOTE_THE_JOB = (JobRefused, UsageError, ValueError, TypeError, LookupError)
"""errors whose messages quote what they were given, which may be a novel about a lost GPU"""


def kind_of(error: BaseException) -> FailureKind:
    """The kind of a failure: the gravest that the error, or one that led to it, tells of itself.

    So a library that wraps an error of CUDA in one of its own hides nothing.
    """
    told = {_own_kind(each) for each in _chain(error)}
    for kind in GRAVEST_FIRST:
        if kind in told:
            return kind
    return "refused" if isinstance(error, (JobRefused, UsageError)) else "error"


def _own_kind(error: BaseException) -> FailureKind | None:
    if isinstance(error, QUOTE_THE_JOB):
        return None
    if isinstance(error, MemoryError) or any(cls.__name__ == TORCHS for cls in type(error).__mro__):
        return "out of memory"
    message = str(error).lower()
    return next((kind for kind, texts in KINDS_BY_TEXT if any(text in message for text in texts)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and what was being handled then; each once."""
    to_see: list[BaseException | None] = [error]
    seen: set[int] = set()
    while to_see:
        each = to_see.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            to_see += [each.__cause__, each.__context__]
