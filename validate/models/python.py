"""A Python callable as a model, run in a confined child process: for researchers, before there is a file to hand over.

The callable takes (n, channel, y, x) float32 and returns one row per case: an array, or a dict or tuple of arrays. It can
read its own folder and the installed libraries, and no label of the study (sandbox.py).
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from validate.cohort.case import Case
from validate.errors import ModelError
from validate.models import input as model_input
from validate.models.adapter import Batch, ModelIdentity, read_options
from validate.models.child_host import PATIENCE, ChildHost
from validate.models.digest import check_digest, digest_of_digests, read_model
from validate.models.output import class_scores, output_name
from validate.models.prediction import Failure, Prediction
from validate.protocol.schema import Model

ENTRY_POINTS = "validate.callables"
IGNORED = {"__pycache__", ".git"}


class PythonOptions(BaseModel):
    """
    call : "module:callable", or the name of an entry point in the group validate.callables. The module is found in `path`,
        a .py file or a folder, or among the installed packages where the model has no path.
    arguments : where given, the callable is called once with them, and what it returns is the model
    patience : seconds for one batch, and for opening the model
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    call: str
    arguments: dict[str, Any] | None = None
    patience: float = Field(default=PATIENCE, gt=0)

    @field_validator("call")
    @classmethod
    def _named(cls, call: str) -> str:
        module, _, attribute = call.partition(":")
        parts = [*module.split("."), *attribute.split(".")] if ":" in call else []
        if not call.strip() or not all(part.isidentifier() for part in parts):
            raise ValueError(f"got '{call}', expected module:callable, or the name of an entry point in {ENTRY_POINTS}")
        return call


class PythonModel:
    needs_pixels = True
    fixed_batch = None

    def __init__(self, model: Model, host: ChildHost, *, digest: str, origin: str) -> None:
        self._model = model
        self._host = host
        self.identity = ModelIdentity(
            id=model.id,
            format="python",
            digest=digest,
            provider="cpu" if host.facts["cpu"] else "cuda offered to the program",
            runtime=f"Python {platform.python_version()}",
            notes=(origin, f"run in a child process: {', '.join(host.facts['isolation'])}"),
        )

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        return model_input.misfit((None,) * 4, shape, model=self._model)

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        del cases
        return {}

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        if batch.pixels is None:
            raise ModelError(f"models.{self._model.id}: this model needs pixels; these cases have none.")
        header, arrays = self._host.ask({"output": self._model.output.name}, [batch.pixels])
        if not arrays:
            output_name(tuple(header["outputs"]), model=self._model)
        (raw,) = arrays
        return class_scores(raw, cases=len(batch.cases), model=self._model)

    def close(self) -> None:
        self._host.close()


class PythonAdapter:
    needs_pixels = True
    OPTIONS: type[BaseModel] = PythonOptions

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> PythonModel:
        options = read_options(PythonOptions, model)
        call, origin = _resolved(options.call, model)
        source, files = _source(model, base, call.partition(":")[0])
        contents = {name: read_model(path, model=model) for name, path in files.items()}
        digest = digest_of_digests({name: hashlib.sha256(content).hexdigest() for name, content in contents.items()})
        check_digest(digest, model=model)
        single = source.is_file()
        content = contents[source.name] if single else b""
        request = {
            "call": call,
            "folder": None if single else str(source),
            "name": source.name,
            "arguments": options.arguments,
            "installed": model.path is None,
            "device": device,
            "threads": threads,
        }
        host = ChildHost(
            model,
            "validate.models.python_child",
            runtime="Python",
            request=request,
            arrays=[np.frombuffer(content, dtype=np.uint8)],
            patience=options.patience,
        )
        return PythonModel(model, host, digest=digest, origin=origin)


def _resolved(call: str, model: Model) -> tuple[str, str]:
    """module:callable, and a note for the evidence of where it comes from."""
    if ":" in call:
        return call, f"callable {call}"
    found = [entry for entry in metadata.entry_points(group=ENTRY_POINTS) if entry.name == call]
    if len(found) != 1:
        known = sorted({entry.name for entry in metadata.entry_points(group=ENTRY_POINTS)})
        raise ModelError(
            f"models.{model.id}.call: {len(found)} entry points called '{call}' in the group {ENTRY_POINTS}; installed are "
            f"{', '.join(known) or 'none'}. Name an installed one, or say module:callable."
        )
    (entry,) = found
    package = f" of {entry.dist.name} {entry.dist.version}" if entry.dist is not None else ""
    return entry.value, f"callable {entry.value}, entry point '{call}'{package}"


def _source(model: Model, base: Path, module: str) -> tuple[Path, dict[str, Path]]:
    """The file or folder that holds the code, and the files that its digest covers, by name."""
    if model.path is None:
        folder = _installed(module, model)
        return folder, {folder.name: folder} if folder.is_file() else _files(folder, model)
    path = base / model.path
    if path.is_dir():
        return path.resolve(), _files(path, model)
    if path.suffix != ".py" or not path.is_file():
        raise ModelError(f"models.{model.id}.path: {path} is neither a folder nor a .py file; it must hold '{module}'.")
    if path.stem != module:
        raise ModelError(f"models.{model.id}.call: the module is '{module}', but path is the file {path.name}.")
    return path, {path.name: path}


def _installed(module: str, model: Model) -> Path:
    """The folder or file of the top-level package, found without importing it."""
    from importlib.machinery import PathFinder

    top = module.partition(".")[0]
    spec = PathFinder.find_spec(top)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise ModelError(
            f"models.{model.id}.call: no installed package '{top}'. Install it, or say in path where its code lies."
        )
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _files(folder: Path, model: Model) -> dict[str, Path]:
    """Every file of the folder by its relative name. Links that lead out of it are refused."""
    files = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if IGNORED & set(name.parts) or path.is_dir():
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ModelError(f"models.{model.id}.path: {name} leads out of the model's folder: refused.")
        files[name.as_posix()] = path
    if not files:
        raise ModelError(f"models.{model.id}.path: the folder {folder} is empty.")
    return files


ADAPTER = PythonAdapter()
