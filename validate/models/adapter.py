"""What a model format must offer. A format is one file in this folder with an ADAPTER that fits `Adapter`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from validate.cohort.case import Case
from validate.models.prediction import Failure, Prediction
from validate.protocol.schema import Model


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What was run: goes into the lock and the evidence."""

    id: str
    format: str
    digest: str
    provider: str  # the device or provider in use, such as "CPUExecutionProvider"
    runtime: str  # such as "onnxruntime-gpu 1.31.1"
    inputs: tuple[dict[str, Any], ...] = ()
    outputs: tuple[dict[str, Any], ...] = ()
    parameters: int | None = None
    witnessed: bool = True  # False: inference was not run here
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """cases[i] belongs to pixels[i]; pixels is (n, channel, y, x) float32, or None where the format reads none."""

    cases: tuple[Case, ...]
    pixels: NDArray[np.float32] | None = None


class LoadedModel(Protocol):
    identity: ModelIdentity

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]: ...

    def close(self) -> None: ...


class Adapter(Protocol):
    needs_pixels: bool
    OPTIONS: type[BaseModel]  # the keys of a model block that only this format knows

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> LoadedModel:
        """Check the digest first, then open. Raises ModelError."""
        ...
