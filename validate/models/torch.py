"""Torch programs, saved by torch.export (.pt2) or as TorchScript, run in a child process. Nothing is unpickled.

The archive is checked and written anew here, without torch; the child loads that copy (torch_child.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from validate.cohort.case import Case
from validate.errors import ModelError
from validate.models import input as model_input
from validate.models.adapter import Batch, ModelIdentity, read_options
from validate.models.child_host import ChildHost
from validate.models.digest import check_digest, digest_of, model_path, read_model
from validate.models.output import check_columns, class_scores, output_name
from validate.models.prediction import Failure, Prediction
from validate.models.torch_archive import Kind, read_archive
from validate.models.torch_export import ExportedModel, checked_export
from validate.models.torchscript import checked_torchscript
from validate.protocol.schema import Model


class TorchOptions(BaseModel):
    """This format has no keys of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TorchModel:
    needs_pixels = True

    def __init__(self, model: Model, host: ChildHost, *, about: ExportedModel | None, digest: str) -> None:
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
        header, arrays = self._host.ask({}, [pixels])
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
        host = _host(model, archive.kind, content, device=device, threads=threads)
        return TorchModel(model, host, about=about, digest=digest)


def _host(model: Model, kind: Kind, content: bytes, *, device: str, threads: int) -> ChildHost:
    return ChildHost(
        model,
        "validate.models.torch_child",
        runtime="torch",
        request={"kind": kind, "device": device, "threads": threads, "output": model.output.name},
        arrays=[np.frombuffer(content, dtype=np.uint8)],
        refused={"no_cuda": _no_cuda},
    )


def _no_cuda(message: str) -> str:
    return (
        f": device 'cuda' was asked for, and {message}. Install a CUDA build of torch and the driver, or say "
        "`--device cpu`."
    )


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
