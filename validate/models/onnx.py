"""ONNX models, run by onnxruntime in this process; no other library is loaded, and none of the model's choosing."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from validate.cohort.case import Case
from validate.errors import ModelError
from validate.models import input as model_input
from validate.models.adapter import Batch, ModelIdentity, OutOfMemory, read_options
from validate.models.digest import check_digest, digest_of, model_path, read_model
from validate.models.onnx_file import OnnxFile, read_onnx
from validate.models.output import check_columns, class_scores, output_name
from validate.models.prediction import Failure, Prediction
from validate.protocol.schema import Model

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
ELEMENTS = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}
EXHAUSTED = re.compile(r"out of memory|failed to allocate|bad allocation|bad_alloc|alloc_failed", re.IGNORECASE)
FATAL_ONLY = 4


class OnnxOptions(BaseModel):
    """This format has no keys of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OnnxModel:
    needs_pixels = True

    def __init__(self, model: Model, session: Any, *, about: OnnxFile, digest: str, notes: tuple[str, ...]) -> None:
        self._model = model
        self._session = session
        self._input = _only_input(session, model)
        self._output = _chosen_output(session, model)
        batch = self._input.shape[0]
        self.fixed_batch: int | None = batch if isinstance(batch, int) else None
        self.identity = ModelIdentity(
            id=model.id,
            format="onnx",
            digest=digest,
            provider=session.get_providers()[0],
            runtime=_runtime(),
            inputs=tuple(_described(node) for node in session.get_inputs()),
            outputs=tuple(_described(node) for node in session.get_outputs()),
            parameters=about.parameters,
            notes=notes,
            opset=", ".join(f"{domain or 'ai.onnx'} {version}" for domain, version in sorted(about.opset.items())),
        )

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        return model_input.misfit(self._input.shape, shape, model=self._model)

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        del cases
        return {}

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        if batch.pixels is None:
            raise ModelError(f"models.{self._model.id}: an ONNX model needs pixels; these cases have none.")
        raw = self._run(model_input.filled(batch.pixels, self.fixed_batch))
        return class_scores(raw[: len(batch.cases)], cases=len(batch.cases), model=self._model)

    def close(self) -> None:
        self._session = None

    def _run(self, pixels: NDArray[np.float32]) -> NDArray[Any]:
        try:
            (raw,) = self._session.run([self._output], {self._input.name: pixels})
        except Exception as error:
            if isinstance(error, MemoryError) or EXHAUSTED.search(str(error)):
                raise OutOfMemory(str(error)) from error
            raise
        if not isinstance(raw, np.ndarray) or raw.ndim == 0 or raw.shape[0] != pixels.shape[0]:
            raise ModelError(
                f"models.{self._model.id}.output: '{self._output}' came out as {getattr(raw, 'shape', type(raw))} "
                f"for {pixels.shape[0]} cases; expected one row per case."
            )
        return raw


class OnnxAdapter:
    needs_pixels = True
    OPTIONS: type[BaseModel] = OnnxOptions

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> OnnxModel:
        read_options(OnnxOptions, model)
        path = model_path(model, base)
        content = read_model(path, model=model)
        about = _about(content, path.name, model=model)
        external = _external_files(about, path.parent, model=model)
        digest = digest_of({path.name: content, **external})
        check_digest(digest, model=model)
        session, notes = _open(content, external, model=model, device=device, threads=threads)
        return OnnxModel(model, session, about=about, digest=digest, notes=notes)


def _about(content: bytes, name: str, *, model: Model) -> OnnxFile:
    """What the file says, which tells the other files to digest; a wrong file is called that before anything else."""
    try:
        return read_onnx(content, model_id=model.id)
    except ModelError:
        check_digest(digest_of({name: content}), model=model)
        raise


def _external_files(about: OnnxFile, folder: Path, *, model: Model) -> dict[str, bytes]:
    """Content of the weight files that the model names; only plain files beside it or below it are read."""
    files = {}
    for name in sorted(about.external):
        place = f"models.{model.id}.path: the model keeps weights in another file, {name!r}"
        path = folder / name
        if Path(name).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
            raise ModelError(f"{place}, which lies outside the model's folder: refused.")
        if not path.is_file():
            raise ModelError(f"{place}, and it is missing. Put it beside the model file, under this name.")
        files[name] = read_model(path, model=model)
    return files


def _open(
    content: bytes, external: Mapping[str, bytes], *, model: Model, device: str, threads: int
) -> tuple[Any, tuple[str, ...]]:
    onnxruntime.set_default_logger_severity(FATAL_ONLY)  # what matters is raised; the rest would be noise on stderr
    onnxruntime.disable_telemetry_events()
    if device == "cpu":
        return _session(content, external, model=model, threads=threads, provider=CPU), ()
    session = _session(content, external, model=model, threads=threads, provider=CUDA) if _cuda_offered() else None
    if session is not None and session.get_providers()[0] == CUDA:
        return session, ()
    if device == "cuda":
        raise ModelError(
            f"models.{model.id}: device 'cuda' was asked for, and onnxruntime can't use it here (it offers "
            f"{', '.join(onnxruntime.get_available_providers())}; "
            f"{'a driver was found' if _driver_found() else 'no NVIDIA driver was found'}). "
            "Install the GPU libraries with `pip install validate-imaging[gpu]`, or say `--device cpu`."
        )
    notes = ("device 'auto': CUDA is not usable here, so the CPU was used",)
    return _session(content, external, model=model, threads=threads, provider=CPU), notes


def _session(content: bytes, external: Mapping[str, bytes], *, model: Model, threads: int, provider: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL_ONLY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Idle threads that spin would take the cores from the decoders.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if external:
        sizes = [len(data) for data in external.values()]
        options.add_external_initializers_from_files_in_memory(list(external), list(external.values()), sizes)
    # TF32 would round float32 to ten bits: the protocol said float32.
    provider_options = {"use_tf32": "0"} if provider == CUDA else {}
    try:
        return onnxruntime.InferenceSession(
            content, options, providers=[(provider, provider_options)], enable_fallback=0
        )
    except Exception as error:
        raise ModelError(
            f"models.{model.id}.path: onnxruntime {onnxruntime.__version__} can't open this model: {_sentence(error)}"
        ) from error


def _cuda_offered() -> bool:
    return CUDA in onnxruntime.get_available_providers() and _driver_found()


def _driver_found() -> bool:
    return any(Path(node).exists() for node in ("/dev/nvidiactl", "/dev/dxg")) or os.name == "nt"


def _only_input(session: Any, model: Model) -> Any:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(f"'{node.name}'" for node in inputs) or "none"
        raise ModelError(f"models.{model.id}: has {len(inputs)} inputs, {names}; a model of one image has one.")
    (node,) = inputs
    model_input.check_input(node.name, node.shape, element=ELEMENTS.get(node.type, node.type), model=model)
    return node


def _chosen_output(session: Any, model: Model) -> str:
    nodes = {node.name: node for node in session.get_outputs()}
    name = output_name(tuple(nodes), model=model)
    node = nodes[name]
    if node.type not in ELEMENTS:
        raise ModelError(
            f"models.{model.id}.output: '{name}' is {node.type}; expected a tensor of floats. "
            "A classifier converted from scikit-learn has one when exported with zipmap off."
        )
    if node.shape and len(node.shape) not in {1, 2}:
        raise ModelError(
            f"models.{model.id}.output: '{name}' has the shape {node.shape}; expected (batch,) or "
            "(batch, number of classes). Name another output, or export the model with one."
        )
    columns = node.shape[1] if len(node.shape) == 2 else 1
    if isinstance(columns, int) and node.shape:
        check_columns(columns, model=model)
    return name


def _described(node: Any) -> dict[str, Any]:
    return {"name": node.name, "type": ELEMENTS.get(node.type, node.type), "shape": list(node.shape)}


def _runtime() -> str:
    for distribution in ("onnxruntime-gpu", "onnxruntime"):
        try:
            return f"{distribution} {metadata.version(distribution)}"
        except metadata.PackageNotFoundError:
            continue
    return f"onnxruntime {onnxruntime.__version__}"


def _sentence(error: Exception) -> str:
    """What the runtime said, without its code prefix, in one line."""
    return " ".join(re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", str(error)).split())[:400]


ADAPTER = OnnxAdapter()
