"""The only file that imports ONNX Runtime: sessions, devices, threads, and values on the device."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import onnxruntime

from .errors import BundleError, DeviceError

Device = Literal["auto", "cpu", "cuda"]

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_ERRORS_ONLY = 3

_STDERR = threading.Lock()

VERSION: str = onnxruntime.__version__

# The smallest possible model, y = max(x, 0) for one number: a provider that can run it works.
_PROBE = bytes.fromhex(
    "08083a330a0c0a0178120179220452656c75120170"  # ONNX IR 8; graph "p": Relu from x to y
    "5a0f0a0178120a0a08080112040a020801620f0a0179120a0a08080112040a020801"  # x and y: one float each
    "42040a00100d"  # opset 13
)


def usable_cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def device_of(session: Any) -> Literal["cpu", "cuda"]:
    """Where a session computes."""
    return "cuda" if _PROVIDERS["cuda"] in session.get_providers() else "cpu"


def usable_providers() -> dict[str, bool]:
    """ONNX Runtime's execution providers, and whether each works here: found by trying, since it lists what it was
    built for, and falls back silently.
    """
    return {provider: _works(provider) for provider in onnxruntime.get_available_providers()}


def _works(provider: str) -> bool:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    try:
        with quiet_stderr():
            session = onnxruntime.InferenceSession(_PROBE, options, providers=[provider], enable_fallback=0)
            session.run(None, {"x": np.ones(1, np.float32)})
    except Exception:
        # Each provider fails in its own way; all of them mean no.
        return False
    return provider in session.get_providers()


def input_types(session: Any) -> dict[str, str]:
    """What a graph reads: names and types, such as "tensor(float)"."""
    return {each.name: each.type for each in session.get_inputs()}


def open_session(path: Path, device: Device, threads: int, optimize: bool = False) -> Any:
    """A graph, loaded. Raises DeviceError, or BundleError for a damaged graph or weights that are not there."""
    options = onnxruntime.SessionOptions()
    # Our graphs are written as they should run; the optimiser would fuse them into slower operators.
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimize else level.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    wanted = _wanted_providers(device)
    try:
        with quiet_stderr() if len(wanted) > 1 else contextlib.nullcontext():
            session = onnxruntime.InferenceSession(path, options, providers=wanted)
    except Exception as error:
        # ONNX Runtime raises a dozen classes of its own for the various ways a file can be damaged.
        raise BundleError(f"ONNX Runtime cannot load {path}: {str(error).splitlines()[0]}") from None
    if device == "cuda" and _PROVIDERS["cuda"] not in session.get_providers():
        raise DeviceError(
            "the GPU cannot be used: ONNX Runtime found no working CUDA (driver, CUDA and cuDNN libraries); "
            "use --device cpu"
        )
    return session


def _wanted_providers(device: Device) -> Sequence[str]:
    if device not in get_args(Device):
        raise DeviceError(f"no device {device!r}: it must be one of {', '.join(get_args(Device))}")
    available = onnxruntime.get_available_providers()
    if device == "cpu" or _PROVIDERS["cuda"] not in available:
        if device == "cuda":
            raise DeviceError("this ONNX Runtime was built without CUDA: install onnxruntime-gpu or use --device cpu")
        return [_PROVIDERS["cpu"]]
    if device == "auto" and not _has_nvidia_driver():
        return [_PROVIDERS["cpu"]]
    return [_PROVIDERS["cuda"], _PROVIDERS["cpu"]]


def _has_nvidia_driver() -> bool:
    """Without a driver, asking for CUDA costs half a second and prints errors of its own."""
    return Path("/dev/nvidiactl").exists() or sys.platform == "win32"


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """A CUDA that cannot be loaded is reported by ONNX Runtime straight to file descriptor 2; we say it ourselves."""
    # The descriptor is the process's: threads that overlap here would give back each other's silence.
    with _STDERR:
        saved = os.dup(2)
        try:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def as_ort(array: npt.NDArray[Any]) -> Any:
    """An OrtValue of the array."""
    array = np.ascontiguousarray(array)
    value = onnxruntime.OrtValue.ortvalue_from_numpy(array)
    value._owner = array  # the value only borrows the array's memory: keep both together
    return value


def as_numpy(value: Any) -> npt.NDArray[Any]:
    """An OrtValue's content."""
    return value.numpy()  # type: ignore[no-any-return]
