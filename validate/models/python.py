"""A Python callable as a model, for researchers: module:callable or an entry point, run in a child process.

The callable gets images, (batch, channel, y, x) float32, and returns an array with one row per case, or a dict of such arrays.
With `inputs` in the protocol it gets each of them by its name. The child has no network, can write nothing and can read no
label: only its own folder and the libraries.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from validate.models.adapter import ModelIdentity, read_options
from validate.models.begun import Begun
from validate.models.child_host import PATIENCE, ChildHost
from validate.models.child_outputs import outputs_of
from validate.models.code_source import find_code
from validate.models.digest import check_digest, digest_of_digests
from validate.models.pixel_model import PixelModel
from validate.models.runner import Outputs
from validate.protocol.model import Model

ENTRY_POINTS = "validate.callables"


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
        return checked_call(call, ENTRY_POINTS)


def checked_call(call: str, group: str) -> str:
    """The same text. Raises ValueError where it is neither module:callable nor a name."""
    module, _, attribute = call.partition(":")
    parts = [*module.split("."), *attribute.split(".")] if ":" in call else []
    if not call.strip() or not all(part.isidentifier() for part in parts):
        raise ValueError(f"got '{call}', expected module:callable, or the name of an entry point in {group}")
    return call


class PythonRunner:
    embeds = True
    fixed_batch: int | None = None

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

    def begin(self, arrays: Mapping[str, NDArray[Any]]) -> Begun[Outputs]:
        return self._host.begin({"inputs": list(arrays)}, list(arrays.values())).then(
            partial(outputs_of, model=self._model)
        )

    def close(self) -> None:
        self._host.close()


class PythonAdapter:
    needs_pixels = True
    takes_inputs = True
    embeds = True
    OPTIONS: type[BaseModel] = PythonOptions

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> PixelModel:
        options = read_options(PythonOptions, model)
        path = base / model.path if model.path is not None else None
        source = find_code(options.call, path, group=ENTRY_POINTS, key="call", model=model)
        digest = digest_of_digests(
            {name: hashlib.sha256(content).hexdigest() for name, content in source.contents.items()}
        )
        check_digest(digest, model=model)
        host = ChildHost(
            model,
            "validate.models.python_child",
            runtime="Python",
            request={
                **source.request(),
                "arguments": options.arguments,
                "device": device,
                "threads": threads,
                "output": model.output.name,
                "embedding": model.output.embedding.name if model.output.embedding is not None else None,
            },
            arrays=[source.content()],
            patience=options.patience,
        )
        return PixelModel(model, PythonRunner(model, host, digest=digest, origin=source.origin))


ADAPTER = PythonAdapter()
