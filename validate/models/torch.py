"""Torch models, run in a child process: programs of torch.export (.pt2) or TorchScript, or weights for a named architecture.

A program's archive is checked and written anew here, without torch; the child loads that copy (torch_child.py). Weights are
safetensors, or a state dict read with `weights_only`. Nothing else is unpickled unless the protocol says so in as many words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from validate.errors import ModelError
from validate.imaging.unfinished import Unfinished
from validate.models.adapter import ModelIdentity, read_options
from validate.models.begun import Begun
from validate.models.child_host import ChildHost
from validate.models.child_outputs import outputs_of
from validate.models.code_source import CodeSource, find_code
from validate.models.digest import check_digest, digest_of, model_path, read_model
from validate.models.embedding import declared_shape, embedding_output
from validate.models.left_to_device import message
from validate.models.output import check_columns, output_name
from validate.models.pixel_model import PixelModel
from validate.models.python import checked_call
from validate.models.runner import ONLY_INPUT, Outputs
from validate.models.torch_archive import read_archive
from validate.models.torch_export import ExportedModel, checked_export
from validate.models.torch_weights import weights_kind
from validate.models.torchscript import checked_torchscript
from validate.protocol.model import Model

ENTRY_POINTS = "validate.architectures"
UNPICKLED = (
    "fully unpickled, as the protocol asks (unpickle: true): opening this file ran code that is in it, in a confined child "
    "process"
)


class TorchOptions(BaseModel):
    """
    architecture : of weights: "module:callable", or the name of an entry point in the group validate.architectures, that returns
        the torch.nn.Module they belong to      arguments : it is called with
    code : .py file or folder that holds the module, where it is not installed
    unpickle : open a pickled module or weights although that runs code which is in the file; the report prints it
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    architecture: str | None = None
    arguments: dict[str, Any] = {}
    code: str | None = None
    unpickle: bool = False

    @field_validator("architecture")
    @classmethod
    def _named(cls, call: str | None) -> str | None:
        return call if call is None else checked_call(call, ENTRY_POINTS)

    @model_validator(mode="after")
    def _belongs(self) -> TorchOptions:
        if self.arguments and self.architecture is None:
            raise ValueError("arguments belong to an architecture; name it")
        if self.code is not None and self.architecture is None and not self.unpickle:
            raise ValueError("code belongs to an architecture or to a pickled module; name one of them")
        return self


class TorchRunner:
    embeds = True

    def __init__(
        self, model: Model, host: ChildHost, *, about: ExportedModel | None, digest: str, notes: Sequence[str]
    ) -> None:
        self._model = model
        self._host = host
        sizes = [port["shape"][0] for port in about.inputs if isinstance(port["shape"][0], int)] if about else []
        self.fixed_batch: int | None = min(sizes) if sizes else None
        self.finishes: Literal["asked", "always"] = "always"
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
            notes=(*notes, f"run in a child process: {', '.join(facts['isolation'])}"),
            opset=about.schema if about is not None else facts["kind"],
        )

    def begin(self, arrays: Mapping[str, NDArray[Any]]) -> Begun[Outputs]:
        # a program of torch.export takes its inputs in their order, a module by their names
        order = [port["name"] for port in self.identity.inputs if port["name"] in arrays] or list(arrays)
        positional = bool(self.identity.inputs) or list(arrays) == [ONLY_INPUT]
        return self._begun({"inputs": order, "positional": positional}, [arrays[name] for name in order])

    def begin_unfinished(self, images: Sequence[Unfinished], size: int) -> Begun[Outputs]:
        header, arrays = message(images, size)
        return self._begun({**header, "positional": True}, arrays)

    def _begun(self, header: Mapping[str, Any], arrays: Sequence[NDArray[Any]]) -> Begun[Outputs]:
        return self._host.begin(header, arrays).then(partial(outputs_of, model=self._model))

    def close(self) -> None:
        self._host.close()


class TorchAdapter:
    needs_pixels = True
    takes_inputs = True
    embeds = True
    halves = True
    OPTIONS: type[BaseModel] = TorchOptions

    def load(
        self, model: Model, *, base: Path, device: str, threads: int = 0, precision: str = "float32"
    ) -> PixelModel:
        options = read_options(TorchOptions, model)
        path = model_path(model, base)
        content = read_model(path, model=model)
        code = _code(options, model, base)
        files = {} if code is None or code.installed else {f"code/{name}": part for name, part in code.contents.items()}
        digest = digest_of({path.name: content, **files})
        check_digest(digest, model=model)
        where = f"models.{model.id}.path"
        notes = [code.origin] if code is not None else []
        about: ExportedModel | None = None
        if options.architecture is not None or options.unpickle:
            kind: str = weights_kind(content, unpickle=options.unpickle, where=where)
            notes += [UNPICKLED] if kind == "pickle" else []
        else:
            kind, about, content = _program(content, model, where)
        half = precision == "float16"
        host = _host(model, options, kind, content, code, base=base, device=device, threads=threads, half=half)
        try:
            return PixelModel(model, TorchRunner(model, host, about=about, digest=digest, notes=notes))
        except BaseException:
            host.close()
            raise


def _code(options: TorchOptions, model: Model, base: Path) -> CodeSource | None:
    if options.architecture is None:
        return None
    path = base / options.code if options.code is not None else None
    return find_code(options.architecture, path, group=ENTRY_POINTS, key="architecture", model=model)


def _program(content: bytes, model: Model, where: str) -> tuple[str, ExportedModel | None, bytes]:
    """Kind, interface and checked bytes of an archive that holds a program."""
    if _is_safetensors(content):
        raise ModelError(
            f"models.{model.id}.architecture: missing; a safetensors file holds weights only. Name the callable that "
            "returns the torch.nn.Module they belong to."
        )
    archive = read_archive(content, where=where)
    if archive.kind == "export":
        about = checked_export(archive.records, where=where)
        _check_output(about, model)
        return archive.kind, about, about.content
    return archive.kind, None, checked_torchscript(archive.records, where=where)


def _is_safetensors(content: bytes) -> bool:
    return content[8:9] == b"{" and int.from_bytes(content[:8], "little") < len(content)


def _host(
    model: Model,
    options: TorchOptions,
    kind: str,
    content: bytes,
    code: CodeSource | None,
    *,
    base: Path,
    device: str,
    threads: int,
    half: bool = False,
) -> ChildHost:
    folder = base / options.code if options.code is not None and code is None else None
    return ChildHost(
        model,
        "validate.models.torch_child",
        runtime="torch",
        request={
            "kind": kind,
            "device": device,
            "threads": threads,
            "half": half,
            "output": model.output.name,
            "embedding": model.output.embedding.name if model.output.embedding is not None else None,
            "code": code.request() if code is not None else None,
            "import_from": str(folder.resolve()) if folder is not None else None,
            "arguments": options.arguments,
        },
        arrays=[
            np.frombuffer(content, dtype=np.uint8),
            code.content() if code is not None else np.empty(0, np.uint8),
        ],
        refused={"no_cuda": _no_cuda, "weights": _weights},
    )


def _no_cuda(message: str) -> str:
    return (
        f": device 'cuda' was asked for, and {message}. Install a CUDA build of torch and the driver, or say "
        "`--device cpu`."
    )


def _weights(message: str) -> str:
    return f".path: {message}"


def _check_output(about: ExportedModel, model: Model) -> None:
    outputs = {output["name"]: output["shape"] for output in about.outputs}
    shape = outputs[output_name(tuple(outputs), model=model)]
    if (declared := model.output.embedding) is not None:
        embedding_output(tuple(outputs), model=model)
        declared_shape(outputs[str(declared.name)], model=model)
    if len(shape) == 2 and isinstance(shape[1], int):
        check_columns(shape[1], model=model)


ADAPTER = TorchAdapter()
