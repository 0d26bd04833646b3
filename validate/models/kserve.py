"""A model behind a server that speaks the Open Inference Protocol (KServe v2, Triton), over HTTP or gRPC.

The server is asked what it has before the run, and every reply is held against that. It is tried again, ever later, where it
does not answer; what it answers wrongly is a failure of the cases asked about.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from validate.canonical import digest
from validate.errors import ModelError
from validate.models.adapter import OUT_OF_SIGHT, ModelIdentity, read_options
from validate.models.begun import Begun
from validate.models.child_host import ModelCrashed
from validate.models.credentials import secret
from validate.models.digest import check_digest
from validate.models.kserve_connection import NAMES, TYPES, Connection, NoAnswer
from validate.models.kserve_options import KServeOptions
from validate.models.output import output_name
from validate.models.pixel_model import PixelModel
from validate.models.retry import retried
from validate.models.runner import ONLY_INPUT, Outputs
from validate.protocol.model import Model

GONE = 5  # requests in a row without an answer, after which it is the server and not the case


class KServeRunner:
    embeds = False
    remote = True

    def __init__(self, model: Model, options: KServeOptions, connection: Connection) -> None:
        self._model, self._options, self._connection = model, options, connection
        self._silent = 0
        server, about = self._described()
        inputs = tuple(_port(one) for one in about.get("inputs") or ())
        outputs = tuple(_port(one) for one in about.get("outputs") or ())
        if not inputs or not outputs:
            raise ModelError(
                f"models.{model.id}: the server does not say what inputs and outputs '{options.server_model}' has."
            )
        self._only = str(inputs[0]["name"])
        self._types = {str(port["name"]): str(port["type"]) for port in inputs}
        self._output = output_name(tuple(str(port["name"]) for port in outputs), model=model)
        self._shape = next(port["shape"] for port in outputs if port["name"] == self._output)
        sizes = [port["shape"][0] for port in inputs if port["shape"] and isinstance(port["shape"][0], int)]
        self.fixed_batch: int | None = min(sizes) if sizes else None
        versions = ", ".join(map(str, about.get("versions") or ())) or "not said"
        self.identity = ModelIdentity(
            id=model.id,
            format="kserve",
            digest=digest({"server": _plain(server), "model": _plain(about)}),
            provider=f"the server, over {'gRPC' if options.transport == 'grpc' else 'HTTP'}",
            runtime=f"{server.get('name', 'a server')} {server.get('version', '')}".strip(),
            inputs=inputs,
            outputs=outputs,
            notes=(
                f"model '{about.get('name')}', versions {versions}, platform {about.get('platform') or 'not said'}",
                "its weights were not seen here: the digest is of what the server says of itself and of the model",
                OUT_OF_SIGHT,
            ),
            opset=str(about.get("platform") or "") or None,
        )

    def begin(self, arrays: Mapping[str, NDArray[Any]]) -> Begun[Outputs]:
        named = {self._only if name == ONLY_INPUT else name: array for name, array in arrays.items()}
        return Begun(lambda: (np.concatenate([self._one(part) for part in self._parts(named)]),))

    def close(self) -> None:
        self._connection.close()

    def _described(self) -> tuple[dict[str, Any], dict[str, Any]]:
        place = f"models.{self._model.id}.url"
        try:
            return retried(self._connection.metadata, self._options.retries, on=(NoAnswer,))
        except (NoAnswer, ModelCrashed) as error:
            raise ModelError(f"{place}: {self._options.url}, model '{self._options.server_model}': {error}.") from error

    def _parts(self, arrays: Mapping[str, NDArray[Any]]) -> Iterator[dict[str, NDArray[Any]]]:
        count = len(next(iter(arrays.values())))
        size = self._options.at_most if self._options.at_most is not None and self.fixed_batch is None else count
        for start in range(0, count, size):
            yield {
                name: array[start : start + size].astype(self._types.get(name, array.dtype.name), copy=False)
                for name, array in arrays.items()
            }

    def _one(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        try:
            raw = retried(lambda: self._connection.infer(arrays, self._output), self._options.retries, on=(NoAnswer,))
        except NoAnswer as error:
            self._silent += 1
            if self._silent >= GONE:
                raise ModelError(
                    f"models.{self._model.id}.url: {GONE} requests in a row had no answer: {error}."
                ) from error
            raise ModelCrashed(error.reason, str(error)) from error
        self._silent = 0
        count = len(next(iter(arrays.values())))
        promised = [count, *self._shape[1:]]
        if len(raw.shape) != len(promised) or any(
            isinstance(size, int) and size != got for size, got in zip(promised, raw.shape, strict=True)
        ):
            shown = ", ".join("any" if size is None else str(size) for size in promised)
            raise ModelCrashed("bad_reply", f"the server answered with the shape {raw.shape}; it promised ({shown})")
        if raw.dtype.name not in {*NAMES, "uint8"}:
            raise ModelCrashed("bad_reply", f"the server answered with {raw.dtype.name}, which are no numbers")
        return raw


class KServeAdapter:
    needs_pixels = True
    takes_inputs = True
    OPTIONS: type[BaseModel] = KServeOptions

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> PixelModel:
        del device, threads  # the server computes
        options = read_options(KServeOptions, model)
        place = f"models.{model.id}"
        if model.path is not None:
            raise ModelError(f"{place}.path: a model behind a server has no file here; remove it.")
        token = (
            secret(options.authorization, place=f"{place}.authorization") if options.authorization is not None else None
        )
        connection = Connection(options, base, token, place=f"{place}: format 'kserve'")
        try:
            runner = KServeRunner(model, options, connection)
            check_digest(runner.identity.digest, model=model)
            return PixelModel(model, runner)
        except BaseException:
            connection.close()
            raise


def _port(one: Mapping[str, Any]) -> dict[str, Any]:
    sizes = [int(size) for size in one.get("shape") or ()]
    kind = str(one.get("datatype"))
    return {
        "name": str(one.get("name")),
        "type": TYPES.get(kind, kind),
        "shape": [size if size >= 0 else None for size in sizes],
    }


def _plain(document: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(dict(document), default=str))


ADAPTER = KServeAdapter()
