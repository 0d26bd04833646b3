"""Masks made elsewhere, one NIfTI file a case, found by their names. Inference was not witnessed, and the evidence says so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from validate.canonical import file_digest
from validate.cohort.case import Case
from validate.errors import ModelError
from validate.imaging.mask import LabelMap
from validate.imaging.nifti import mask_bytes, read_mask
from validate.imaging.volume import DecodeFailure
from validate.models.adapter import Batch, ModelIdentity
from validate.models.digest import check_digest, digest_of_digests
from validate.models.prediction import Failure, Mask, Prediction
from validate.protocol.file_names import read_name, written_name
from validate.protocol.model import Model

LISTED = 1000
MICROLITRES = 1000.0  # mm³ in a ml
_NO_FILE = Failure("missing_output", "There is no predicted mask for this case.")


class MaskPredictions:
    needs_pixels = False
    fixed_batch = 4  # masks in memory at a time, each on a thread of its own

    def __init__(self, model: Model, folder: Path, names: str) -> None:
        self._model, self._folder, self._names = model, folder, names
        paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        self._files = {name: path for name, path in paths.items() if read_name(names, name) is not None}
        if not self._files:
            raise ModelError(f"models.{model.id}.masks: no file in {folder} is called like '{names}'.")
        digest = digest_of_digests({name: file_digest(path) for name, path in self._files.items()})
        check_digest(digest, model=model)
        self.identity = ModelIdentity(
            id=model.id,
            format="predictions",
            digest=digest,
            provider="none",
            runtime="nibabel",
            outputs=({"name": "mask", "type": "label map", "shape": [None, None, None]},),
            witnessed=False,
            notes=("masks made elsewhere: inference was not witnessed",),
        )

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        return None if shape else "got no pixels"

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        """Matched and unmatched on either side. Raises ModelError where no file, or one file for two cases, is theirs."""
        names = [self._name_of(case) for case in cases]
        there = [name for name in names if name in self._files]
        if not there:
            raise ModelError(
                f"models.{self._model.id}.masks: none of {len(self._files)} files called like '{self._names}' belongs to any of "
                f"the {len(cases)} cases. Check that the fields in braces hold the same values as the cases."
            )
        if len(set(there)) < len(there):
            raise ModelError(
                f"models.{self._model.id}.masks: '{self._names}' gives {len(there) - len(set(there))} cases the mask of another, "
                "so it is coarser than this study's unit."
            )
        without = [case.unit for case, name in zip(cases, names, strict=True) if name not in self._files]
        # by number in the order of names: a name may hold an identifier
        taken = set(there)
        unmatched = [number for number, name in enumerate(self._files, start=1) if name not in taken]
        return {
            "model": self._model.id,
            "cases": len(cases),
            "with_output": len(there),
            "cases_without_row": len(without),
            "rows_without_case": len(self._files) - len(there),
            "cases_without_row_listed": without[:LISTED],
            "rows_without_case_listed": unmatched[:LISTED],
        }

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        paths = [self._files.get(self._name_of(case) or "") for case in batch.cases]
        with ThreadPoolExecutor(self.fixed_batch) as pool:
            return list(pool.map(self._mask, paths))

    def close(self) -> None:
        """Nothing to close."""

    def _name_of(self, case: Case) -> str | None:
        return written_name(self._names, {**case.attributes, **case.keys})

    def _mask(self, path: Path | None) -> Prediction | Failure:
        if path is None:
            return _NO_FILE
        try:
            mask = read_mask(path)
        except DecodeFailure as failure:
            return Failure(failure.reason.replace("nifti:", "mask:"), failure.detail)
        return mask_prediction(mask)


def mask_folder(model: Model, base: Path) -> Path:
    """Where the masks lie. Raises ModelError where that is no folder."""
    if model.path is None:
        raise ModelError(f"models.{model.id}.path: missing; predicted masks need the folder they lie in.")
    folder = base / model.path
    if not folder.is_dir():
        raise ModelError(f"models.{model.id}.path: no folder at {folder}; predicted masks lie in one, a file a case.")
    return folder


def mask_prediction(mask: LabelMap) -> Mask:
    """The mask as it is stored, with the volume of each of its values."""
    values, counts = np.unique(mask.labels, return_counts=True)
    voxel = math.prod(mask.grid.spacing) / MICROLITRES
    volumes = {int(value): float(count) * voxel for value, count in zip(values, counts, strict=True)}
    return Mask(mask_bytes(mask), volumes)
