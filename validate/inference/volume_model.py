"""A model of volumes whose answer is a mask or marks: window by window, then the declared steps, to where the image lies."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.cohort.case import Case
from validate.errors import ModelError
from validate.imaging.mark_components import Marks, marked_parts
from validate.imaging.placed import Placement
from validate.imaging.postprocess import Undecided, label_map
from validate.inference.sliding_window import slide
from validate.models.adapter import Batch, LoadedModel, OutOfMemory, RawModel
from validate.models.begun import Begun
from validate.models.marks import marks
from validate.models.mask_predictions import mask_prediction
from validate.models.output import activated_voxels, voxel_values
from validate.models.prediction import Failure, Prediction
from validate.protocol.model import Model

NO_PLACE = Failure("no_geometry", "The image does not say where its voxels lie, so no mask can be laid on them.")
NOT_FINITE = Failure("nan_output", "The model's output holds a voxel that is not finite.")


class VolumeModel:
    """A RawModel as one that gives masks or marks; one volume at a time."""

    needs_pixels = True
    fixed_batch: int | None = 1

    def __init__(self, block: Model, loaded: LoadedModel) -> None:
        if not isinstance(loaded, RawModel):
            raise ModelError(
                f"models.{block.id}: a model of format '{block.format}' does not hand over its numbers for each voxel, so no mask "
                "and no marks can be made of them here. Let it give them itself."
            )
        self._block, self._loaded, self._raw = block, loaded, loaded
        self.identity = loaded.identity
        self.remote = bool(getattr(loaded, "remote", False))
        self.unmoved: tuple[str, ...] = getattr(loaded, "unmoved", ())
        self.postprocess_seconds = 0.0

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        options = self._block.sliding_window
        if options is None or len(shape) != 4:
            return self._loaded.misfit(shape)
        return self._loaded.misfit((shape[0], *options.size))

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        return self._loaded.coverage(cases)

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        if batch.pixels is None:
            raise ModelError(f"models.{self._block.id}: a model of volumes needs pixels; these cases have none.")
        places = batch.places or (None,) * len(batch.cases)
        return [self._mask(volume, place) for volume, place in zip(batch.pixels, places, strict=True)]

    def close(self) -> None:
        self._loaded.close()

    def _mask(self, volume: NDArray[np.float32], place: Placement | None) -> Prediction | Failure:
        if place is None:
            return NO_PLACE
        try:
            values = self._values(volume)
            if not math.isfinite(float(values.sum(dtype=np.float64))):
                return NOT_FINITE
            start = time.perf_counter()
            found = self._found(values, place)
            self.postprocess_seconds += time.perf_counter() - start
        except MemoryError as error:
            raise OutOfMemory(str(error)) from error
        except Undecided as error:
            raise ModelError(f"models.{self._block.id}.postprocess: {error}") from error
        return found

    def _found(self, values: NDArray[np.float32], place: Placement) -> Prediction | Failure:
        if self._block.output.kind != "mask":
            return self._marks(values, place)
        return mask_prediction(label_map(values, place.seen, place.image, self._block.postprocess))

    def _marks(self, values: NDArray[np.float32], place: Placement) -> Prediction | Failure:
        options = Marks.model_validate(dict(self._block.postprocess[0]["marks"]))
        found = marked_parts(values, place.seen, options)
        balls = found.balls if self._block.output.kind == "balls" else found.balls[:, :3]
        columns = self._block.output.columns
        if columns is None and len(values) > 1:
            raise ModelError(
                f"models.{self._block.id}.output.columns: missing; the model gives {len(values)} numbers for each voxel. Say which kind "
                "of lesion each is for."
            )
        return marks(
            balls, found.scores, model=self._block, targets=None if columns is None else found.channels.tolist()
        )

    def _values(self, volume: NDArray[np.float32]) -> NDArray[np.float32]:
        """(channel, z, y, x) after the stated activation: what is blended are the numbers before it."""
        options = self._block.sliding_window
        whole = self._said(volume[None]).answer()[0] if options is None else slide(volume, self._said, options)
        return activated_voxels(whole, model=self._block)

    def _said(self, pixels: NDArray[np.float32]) -> Begun[NDArray[np.float32]]:
        cases, size = len(pixels), pixels.shape[2:]
        return self._begun(np.ascontiguousarray(pixels)).then(
            lambda raw: voxel_values(raw, cases=cases, size=size, model=self._block)
        )

    def _begun(self, pixels: NDArray[np.float32]) -> Begun[NDArray[Any]]:
        begin = getattr(self._raw, "begin_raw", None)
        if begin is None:
            return Begun(lambda: self._raw.raw(pixels))
        found: Begun[NDArray[Any]] = begin(pixels)
        return found
