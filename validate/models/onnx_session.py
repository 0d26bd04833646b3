"""An onnxruntime session with the provider that was asked for, or an error; used here and in a child process (onnx_child.py)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
PROVIDERS = {"cpu": CPU, "cuda": CUDA, "tensorrt": TENSORRT}
ELEMENTS = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
}
EXHAUSTED = re.compile(r"out of memory|failed to allocate|bad allocation|bad_alloc|alloc_failed", re.IGNORECASE)
FATAL_ONLY = 4


class ProviderMissing(Exception):
    """The provider asked for can't be used here; the message says what is offered."""


class NotOpened(Exception):
    """onnxruntime refuses the model; the message is its own, in one line."""


@dataclass(frozen=True, slots=True)
class OnnxSession:
    """
    inputs, outputs : {"name", "type", "shape"}; a free dimension is its name or None
    provider : the first that the session really has
    notes : for the evidence
    """

    session: Any = field(repr=False)
    inputs: tuple[dict[str, Any], ...]
    outputs: tuple[dict[str, Any], ...]
    provider: str
    notes: tuple[str, ...] = ()

    @property
    def device(self) -> str:
        """As onnxruntime names it where inputs and outputs lie."""
        return "cpu" if self.provider == CPU else "cuda"

    def run(self, outputs: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[Any], ...]:
        """These outputs, in their order. Raises MemoryError where the device is full; else what the runtime raises."""
        return self.computed(outputs, self.placed(arrays))

    def placed(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Inputs where the model reads them: on a GPU copies there, made now. Raises as `run`."""
        if self.device == "cpu":
            return dict(arrays)
        with _exhausted():
            return {
                name: onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array), self.device, 0)
                for name, array in arrays.items()
            }

    def computed(self, outputs: Sequence[str], inputs: Mapping[str, Any]) -> tuple[NDArray[Any], ...]:
        """The same of inputs that are `placed`, or on a GPU of contiguous float32 tensors of torch there. Raises as `run`."""
        wanted = list(dict.fromkeys(outputs))  # one may be score and embedding in one
        with _exhausted():
            if all(isinstance(one, np.ndarray) for one in inputs.values()):
                raw = self.session.run(wanted, dict(inputs))
            else:
                raw = self._bound(wanted, inputs)
        found = dict(zip(wanted, map(np.asarray, raw), strict=True))
        return tuple(found[name] for name in outputs)

    def _bound(self, outputs: Sequence[str], inputs: Mapping[str, Any]) -> Sequence[Any]:
        binding = self.session.io_binding()
        for name, one in inputs.items():
            if isinstance(one, onnxruntime.OrtValue):
                binding.bind_ortvalue_input(name, one)
            else:
                binding.bind_input(name, self.device, 0, np.float32, tuple(one.shape), one.data_ptr())
        for output in outputs:
            binding.bind_output(output, self.device, 0)
        self.session.run_with_iobinding(binding)
        found: Sequence[Any] = binding.copy_outputs_to_cpu()
        return found


@contextmanager
def _exhausted() -> Iterator[None]:
    """What the runtime raises where a device is full, as MemoryError."""
    try:
        yield
    except Exception as error:
        if EXHAUSTED.search(str(error)):
            raise MemoryError(str(error)) from error
        raise


def open_session(
    content: bytes,
    external: Mapping[str, bytes],
    *,
    device: str,
    provider: str | None,
    threads: int,
    library: str | None = None,
) -> OnnxSession:
    """
    Device : "auto", "cpu" or "cuda"      provider : "cpu", "cuda" or "tensorrt" where the protocol asks for one
    library : path of a shared object with custom operators; code of it runs in this process
    Raises ProviderMissing or NotOpened.
    """
    onnxruntime.set_default_logger_severity(FATAL_ONLY)  # what matters is raised; the rest would be noise on stderr
    onnxruntime.disable_telemetry_events()
    if provider is not None and provider != "cpu" and device == "cpu":
        raise ProviderMissing(f"provider '{provider}' needs an NVIDIA GPU, and device 'cpu' was asked for")
    wanted = provider or device
    notes: tuple[str, ...] = ()
    if wanted == "auto":
        session = _made(content, external, CUDA, threads, library) if _offered(CUDA) else None
        if session is None or session.get_providers()[0] != CUDA:
            notes = ("device 'auto': CUDA is not usable here, so the CPU was used",)
            session = _made(content, external, CPU, threads, library)
    else:
        name = PROVIDERS[wanted]
        if name != CPU and not _offered(name):
            raise ProviderMissing(_missing(wanted, "provider" if provider else "device"))
        session = _made(content, external, name, threads, library)
        # onnxruntime falls back to the CPU without a word where a provider can't be loaded
        if session.get_providers()[0] != name:
            raise ProviderMissing(_missing(wanted, "provider" if provider else "device"))
    return OnnxSession(
        session,
        tuple(_described(node) for node in session.get_inputs()),
        tuple(_described(node) for node in session.get_outputs()),
        session.get_providers()[0],
        notes,
    )


def no_provider(message: str) -> str:
    """What ProviderMissing means for a model, after its name."""
    return (
        f": {message}. Install the GPU libraries with `pip install validate-imaging[gpu]`, or ask for another device "
        "(`--device cpu`)."
    )


def not_opened(message: str) -> str:
    """What NotOpened means for a model, after its name."""
    return f".path: onnxruntime {onnxruntime.__version__} can't open this model: {message}"


def runtime() -> str:
    """Which distribution of onnxruntime this is, with its version."""
    for distribution in ("onnxruntime-gpu", "onnxruntime"):
        try:
            return f"{distribution} {metadata.version(distribution)}"
        except metadata.PackageNotFoundError:
            continue
    return f"onnxruntime {onnxruntime.__version__}"


def _made(
    content: bytes, external: Mapping[str, bytes], provider: str, threads: int, library: str | None
) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL_ONLY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Idle threads that spin would take the cores from the decoders.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        if library is not None:
            options.register_custom_ops_library(library)
        if external:
            sizes = [len(data) for data in external.values()]
            options.add_external_initializers_from_files_in_memory(list(external), list(external.values()), sizes)
        return onnxruntime.InferenceSession(content, options, providers=_with_options(provider), enable_fallback=0)
    except Exception as error:
        raise NotOpened(_sentence(error)) from error


def _with_options(provider: str) -> list[tuple[str, dict[str, str]]]:
    """TF32 would round float32 to ten bits, and the protocol said float32; what TensorRT can't do, CUDA does."""
    cuda = (CUDA, {"use_tf32": "0"})
    if provider == TENSORRT:
        exact = {"trt_fp16_enable": "0", "trt_bf16_enable": "0", "trt_int8_enable": "0", "trt_engine_cache_enable": "0"}
        return [(TENSORRT, exact), cuda]
    return [cuda] if provider == CUDA else [(provider, {})]


def _offered(provider: str) -> bool:
    return provider in onnxruntime.get_available_providers() and _driver_found()


def _driver_found() -> bool:
    return any(Path(node).exists() for node in ("/dev/nvidiactl", "/dev/dxg")) or os.name == "nt"


def _missing(wanted: str, what: str) -> str:
    offered = ", ".join(onnxruntime.get_available_providers())
    driver = "a driver was found" if _driver_found() else "no NVIDIA driver was found"
    return f"{what} '{wanted}' was asked for, and onnxruntime can't use it here (it offers {offered}; {driver})"


def _described(node: Any) -> dict[str, Any]:
    return {"name": node.name, "type": ELEMENTS.get(node.type, node.type), "shape": list(node.shape)}


def _sentence(error: Exception) -> str:
    """What the runtime said, without its code prefix, in one line."""
    return " ".join(re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", str(error)).split())[:400]
