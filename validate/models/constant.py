"""The constant model: always the same score. For tests, for dry runs, and as the floor that any model must beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from validate import __version__
from validate.canonical import digest
from validate.cohort.case import Case
from validate.models.adapter import Batch, ModelIdentity, read_options
from validate.models.digest import check_digest
from validate.models.output import class_scores
from validate.models.prediction import Failure, Prediction
from validate.protocol.model import Model


class ConstantOptions(BaseModel):
    """
    value : the raw output for every case, before the stated activation
    read_pixels : decode and preprocess every case as for a real model, then ignore what came out
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    value: float = 0.5
    read_pixels: bool = False


class ConstantModel:
    fixed_batch = None

    def __init__(self, model: Model, options: ConstantOptions) -> None:
        self._model = model
        self._value = options.value
        self.needs_pixels = options.read_pixels
        self.identity = ModelIdentity(
            id=model.id,
            format="constant",
            digest=digest({"format": "constant", "value": options.value}),
            provider="none",
            runtime=f"validate-imaging {__version__}",
            outputs=({"name": "score", "type": "float64", "shape": [None]},),
            parameters=0,
            notes=(f"every case gets the raw output {options.value:g}",),
        )

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        return None if shape else "got no pixels"

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        del cases
        return {}

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        shape = (len(batch.cases), len(self._model.output.columns or (None,)))
        return class_scores(np.full(shape, self._value), cases=len(batch.cases), model=self._model)

    def close(self) -> None:
        """Nothing to close."""


class ConstantAdapter:
    needs_pixels = False
    OPTIONS: type[BaseModel] = ConstantOptions

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> ConstantModel:
        del base, device, threads  # it reads no file and computes nothing
        loaded = ConstantModel(model, read_options(ConstantOptions, model))
        check_digest(loaded.identity.digest, model=model)
        return loaded


ADAPTER = ConstantAdapter()
