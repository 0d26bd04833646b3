"""Test-time augmentation: the same model on several views of each image, recorded in its identity."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.cohort.case import Case
from validate.errors import ModelError
from validate.models.adapter import Batch, LoadedModel, ModelIdentity, RawModel
from validate.models.combination import by_rule, combined
from validate.models.prediction import Failure, Prediction
from validate.protocol.model import Augmentation, Model

Pixels = NDArray[np.float32]  # (n, channel, [z,] y, x)

VIEWS: Mapping[str, Callable[[Pixels], Pixels]] = {
    "identity": lambda pixels: pixels,
    "flip_x": lambda pixels: pixels[..., ::-1],
    "flip_y": lambda pixels: pixels[..., ::-1, :],
    "flip_z": lambda pixels: pixels[..., ::-1, :, :],
    "rotate_90": lambda pixels: np.rot90(pixels, 1, axes=(-2, -1)),
    "rotate_180": lambda pixels: np.rot90(pixels, 2, axes=(-2, -1)),
    "rotate_270": lambda pixels: np.rot90(pixels, 3, axes=(-2, -1)),
}


BACK: Mapping[str, str] = {"rotate_90": "rotate_270", "rotate_270": "rotate_90"}  # the others are their own inverse


class AugmentedModel:
    def __init__(self, model: Model, inner: LoadedModel, how: Augmentation) -> None:
        if not inner.needs_pixels:
            raise ModelError(
                f"models.{model.id}.test_time_augmentation: format '{model.format}' is given no pixels here, so there is "
                "nothing to turn or mirror; remove it."
            )
        self._model, self._inner, self._how = model, inner, how
        self.needs_pixels = True
        self.fixed_batch = inner.fixed_batch
        self.remote = bool(getattr(inner, "remote", False))
        self.unmoved: tuple[str, ...] = getattr(inner, "unmoved", ())
        note = f"test-time augmentation: {', '.join(how.transforms)}; {how.combine} of {_SUBJECT[how.of]}"
        self.identity: ModelIdentity = dataclasses.replace(inner.identity, notes=(*inner.identity.notes, note))

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        turned = any(name in {"rotate_90", "rotate_270"} for name in self._how.transforms)
        shapes = [shape, (*shape[:-2], shape[-1], shape[-2])] if turned else [shape]
        return next((problem for one in shapes if (problem := self._inner.misfit(one)) is not None), None)

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        return self._inner.coverage(cases)

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        if batch.pixels is None:
            raise ModelError(f"models.{self._model.id}.test_time_augmentation: these cases have no pixels.")
        answers = [
            self._inner.predict(Batch(batch.cases, np.ascontiguousarray(VIEWS[name](batch.pixels))))
            for name in self._how.transforms
        ]
        return combined(answers, names=self._how.transforms, rule=self._how.combine, of=self._how.of, model=self._model)

    def raw(self, pixels: Pixels) -> NDArray[Any]:
        """Raw outputs of all views, each turned back where there is one for every voxel, combined (adapter.RawModel)."""
        place = f"models.{self._model.id}.test_time_augmentation"
        if not isinstance(self._inner, RawModel):
            raise ModelError(f"{place}: format '{self._model.format}' gives no raw outputs to combine; remove it.")
        if self._how.of != "raw":
            raise ModelError(f"{place}.of: masks are made of raw outputs; say of: raw.")
        found = []
        for name in self._how.transforms:
            outputs = self._inner.raw(np.ascontiguousarray(VIEWS[name](pixels)))
            found.append(VIEWS[BACK.get(name, name)](outputs) if outputs.ndim == pixels.ndim else outputs)
        return by_rule(self._how.combine, np.stack(found), None)

    def close(self) -> None:
        self._inner.close()


_SUBJECT = {"scores": "scores", "raw": "raw outputs"}
