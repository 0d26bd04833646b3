"""Torch programs, saved by torch.export (.pt2) or as TorchScript, run in a child process. Nothing is unpickled.

The archive is checked and written anew here, without torch; the child loads that copy (torch_child.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from validate.cohort.case import Case
from validate.errors import ModelError
from validate.models import input as model_input
from validate.models.adapter import Batch, ModelIdentity, OutOfMemory, read_options
from validate.models.channel import Arrays, Child, ChildGone, ChildSilent, start_child
from validate.models.digest import check_digest, digest_of, model_path, read_model
from validate.models.output import check_columns, class_scores, output_name
from validate.models.prediction import Failure, Prediction
from validate.models.torch_archive import Kind, read_archive
from validate.models.torch_export import ExportedModel, checked_export
from validate.models.torchscript import checked_torchscript
from validate.protocol.schema import Model

PATIENCE = 300.0  # seconds for one answer
CRASHES = 20  # in a row, after which it is the model and not the case


class TorchOptions(BaseModel):
    """This format has no keys of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelCrashed(Exception):
    """The model's process ended, or gave no answer, on this batch."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class TorchModel:
    needs_pixels = True

    def __init__(self, model: Model, host: _Host, *, about: ExportedModel | None, digest: str) -> None:
        self._model = model
        self._host = host
        self._shape: Sequence[int | None] = about.inputs[0]["shape"] if about is not None else (None,) * 4
        self.fixed_batch: int | None = self._shape[0]
        facts = host.facts
        self.identity = ModelIdentity(
            id=model.id,
            format="torch",
            digest=digest,
            provider=facts["provider"],
            runtime=facts["runtime"],
            inputs=about.inputs if about is not None else (),
            outputs=about.outputs if about is not None else (),
            parameters=facts["parameters"],
            notes=(f"run in a child process: {', '.join(facts['isolation'])}",),
            opset=about.schema if about is not None else "TorchScript",
        )

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        return model_input.misfit(self._shape, shape, model=self._model)

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        del cases
        return {}

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        if batch.pixels is None:
            raise ModelError(f"models.{self._model.id}: a torch model needs pixels; these cases have none.")
        pixels = model_input.filled(batch.pixels, self.fixed_batch)
        header, arrays = self._host.ask({}, pixels)
        if not arrays:
            output_name(tuple(header["outputs"]), model=self._model)
        (raw,) = arrays
        if raw.ndim == 0 or raw.shape[0] != len(pixels):
            raise ModelError(
                f"models.{self._model.id}.output: came out with the shape {raw.shape} for {len(pixels)} cases; "
                "expected one row per case."
            )
        return class_scores(raw[: len(batch.cases)], cases=len(batch.cases), model=self._model)

    def close(self) -> None:
        self._host.close()


class TorchAdapter:
    needs_pixels = True
    OPTIONS: type[BaseModel] = TorchOptions

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> TorchModel:
        read_options(TorchOptions, model)
        path = model_path(model, base)
        content = read_model(path, model=model)
        digest = digest_of({path.name: content})
        check_digest(digest, model=model)
        where = f"models.{model.id}.path"
        archive = read_archive(content, where=where)
        about = None
        if archive.kind == "export":
            about = checked_export(archive.records, where=where)
            _check_interface(about, model)
            content = about.content
        else:
            content = checked_torchscript(archive.records, where=where)
        host = _Host(model, archive.kind, content, device=device, threads=threads)
        return TorchModel(model, host, about=about, digest=digest)


class _Host:
    """The child process of one model; started again after a crash."""

    def __init__(self, model: Model, kind: Kind, content: bytes, *, device: str, threads: int) -> None:
        self._model = model
        self._content = np.frombuffer(content, dtype=np.uint8)
        self._request = {"kind": kind, "device": device, "threads": threads, "output": model.output.name}
        self._crashes = 0
        self._child: Child | None = None
        self.facts = self._start()

    def ask(self, header: Mapping[str, Any], pixels: NDArray[np.float32]) -> tuple[dict[str, Any], Arrays]:
        """The child's answer. Raises OutOfMemory, ModelCrashed, or what the program raised, as ModelCrashed too."""
        if self._child is None:
            self._start()
        answer, arrays = self._exchange(header, pixels)
        self._crashes = 0
        if answer.get("error") == "out_of_memory":
            raise OutOfMemory(answer["message"])
        if "error" in answer:
            raise ModelCrashed("model_error", f"{answer['error']}: {answer['message']}")
        return answer, arrays

    def close(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def _start(self) -> dict[str, Any]:
        self._child = start_child("validate.models.torch_child")
        try:
            facts, _ = self._exchange(self._request, self._content)
        except ModelCrashed as crash:
            raise ModelError(f"models.{self._model.id}.path: torch can't open this model: {crash}.") from crash
        if "error" not in facts:
            return facts
        self.close()
        if facts["error"] == "no_cuda":
            raise ModelError(
                f"models.{self._model.id}: device 'cuda' was asked for, and {facts['message']}. Install a CUDA build "
                "of torch and the driver, or say `--device cpu`."
            )
        raise ModelError(
            f"models.{self._model.id}.path: torch can't open this model: {facts['error']}: "
            f"{' '.join(str(facts['message']).split())[:300]}"
        )

    def _exchange(self, header: Mapping[str, Any], array: NDArray[Any]) -> tuple[dict[str, Any], Arrays]:
        child = self._child
        if child is None:
            raise ModelCrashed("model_crashed", "the model's process is not there")
        try:
            child.channel.send(header, [array])
            return child.channel.receive(PATIENCE)
        except (ChildGone, ChildSilent) as error:
            child.kill()
            self._child = None
            self._crashes += 1
            if self._crashes >= CRASHES:
                raise ModelError(
                    f"models.{self._model.id}: the model's process ended {CRASHES} times in a row; it can't be run."
                ) from error
            if isinstance(error, ChildSilent):
                raise ModelCrashed("model_timeout", f"it gave no answer in {PATIENCE:.0f} seconds") from error
            raise ModelCrashed("model_crashed", f"its process ended (code {child.process.returncode})") from error


def _check_interface(about: ExportedModel, model: Model) -> None:
    if len(about.inputs) != 1:
        names = ", ".join(f"'{node['name']}'" for node in about.inputs)
        raise ModelError(f"models.{model.id}: has {len(about.inputs)} inputs, {names}; a model of one image has one.")
    (node,) = about.inputs
    model_input.check_input(node["name"], node["shape"], element=node["type"], model=model)
    outputs = {output["name"]: output["shape"] for output in about.outputs}
    shape = outputs[output_name(tuple(outputs), model=model)]
    if len(shape) == 2 and isinstance(shape[1], int):
        check_columns(shape[1], model=model)


ADAPTER = TorchAdapter()
