"""An ONNX session in a confined process of its own, with custom operators where the protocol names them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from validate.errors import ModelError
from validate.imaging.unfinished import Unfinished
from validate.models.begun import Begun
from validate.models.child_host import ChildHost
from validate.models.digest import read_model
from validate.models.left_to_device import message
from validate.models.onnx_session import no_provider, not_opened
from validate.models.runner import Outputs
from validate.protocol.model import Model


class CustomOperators(BaseModel):
    """
    library : shared object (.so) that holds them, from the protocol's folder; its digest is stated      names : "domain:Name"
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    library: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    names: Annotated[tuple[str, ...], Field(min_length=1)]


class ContainedSession:
    def __init__(self, host: ChildHost) -> None:
        self._host = host
        facts = host.facts
        self.inputs = tuple(dict(port) for port in facts["inputs"])
        self.outputs = tuple(dict(port) for port in facts["outputs"])
        self.provider = str(facts["provider"])
        isolation = f"run in a child process: {', '.join(facts['isolation'])}"
        self.notes = (*map(str, facts["notes"]), isolation)

    def begin(self, outputs: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> Begun[Outputs]:
        """These outputs, in their order."""
        return self._begun({"outputs": list(outputs), "inputs": list(arrays)}, list(arrays.values()))

    def begin_unfinished(
        self, outputs: Sequence[str], name: str, images: Sequence[Unfinished], size: int
    ) -> Begun[Outputs]:
        """The same of images that are preprocessed there, for the input `name`."""
        header, arrays = message(images, size)
        return self._begun({"outputs": list(outputs), "inputs": [name], **header}, arrays)

    def _begun(self, header: Mapping[str, Any], arrays: Sequence[NDArray[Any]]) -> Begun[Outputs]:
        return self._host.begin(header, arrays).then(lambda found: found[1])

    def close(self) -> None:
        self._host.close()


def contained_session(
    content: bytes,
    external: Mapping[str, bytes],
    custom: CustomOperators | None,
    *,
    model: Model,
    base: Path,
    device: str,
    provider: str | None,
    threads: int,
) -> tuple[ContainedSession, tuple[str, ...]]:
    """The session, and notes for the evidence. Raises ModelError.    base : folder that the library lies in"""
    library, notes = _library(custom, model=model, base=base)
    host = ChildHost(
        model,
        "validate.models.onnx_child",
        runtime="onnxruntime",
        request={
            "device": device,
            "provider": provider,
            "threads": threads,
            "library": library is not None,
            "external": list(external),
        },
        arrays=[np.frombuffer(part, dtype=np.uint8) for part in (content, library or b"", *external.values())],
        refused={"no_provider": no_provider, "not_opened": not_opened},
    )
    return ContainedSession(host), notes


def _library(custom: CustomOperators | None, *, model: Model, base: Path) -> tuple[bytes | None, tuple[str, ...]]:
    """The content of the library with custom operators, checked, and what the evidence says of it."""
    if custom is None:
        return None, ()
    path = base / custom.library
    place = f"models.{model.id}.custom_operators"
    if not path.is_file():
        raise ModelError(f"{place}.library: no file at {path}.")
    library = read_model(path, model=model)
    found = hashlib.sha256(library).hexdigest()
    if found != custom.sha256:
        raise ModelError(f"{place}.sha256: the library's SHA-256 is {found}, the protocol says {custom.sha256}.")
    return library, (f"custom operators {', '.join(custom.names)} of the library {path.name}, SHA-256 {found}",)
