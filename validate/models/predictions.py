"""Predictions made elsewhere, joined with the cases. Inference was not witnessed here, and the evidence says so."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from validate.cohort.case import Case
from validate.errors import ModelError
from validate.models.adapter import Batch, ModelIdentity, read_options
from validate.models.digest import check_digest, digest_of, model_path, read_model
from validate.models.embedding import with_embeddings
from validate.models.mark_predictions import MarkPredictions
from validate.models.marks import SHAPES
from validate.models.mask_predictions import MaskPredictions, mask_folder
from validate.models.output import check_columns, class_scores, output_name
from validate.models.prediction import Failure, Prediction
from validate.models.prediction_table import PredictionOptions, PredictionTable, read_table
from validate.protocol.model import Model
from validate.protocol.targets import written

LISTED = 1000  # unmatched rows and cases named one by one; beyond, only counted

_NO_ROW = Failure("missing_output", "The table of predictions has no row for this case.")
_NO_NUMBER = Failure("missing_output", "The table of predictions has a row for this case, without a number.")


class PredictionsModel:
    needs_pixels = False
    fixed_batch = None

    def __init__(self, model: Model, table: PredictionTable, *, options: PredictionOptions, digest: str) -> None:
        self._model = model
        self._table = table
        self._key = str(options.key)
        self.identity = ModelIdentity(
            id=model.id,
            format="predictions",
            digest=digest,
            provider="none",
            runtime=f"pyarrow {pa.__version__}" if table.format == "parquet" else table.format,
            outputs=tuple({"name": name, "type": "float64", "shape": [None]} for name in options.columns),
            witnessed=False,
            notes=("predictions made elsewhere: inference was not witnessed",),
        )

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        return None if shape else "got no pixels"

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        """Matched and unmatched on either side: cases by pseudonym, rows of the table by number."""
        keys = [self._key_of(case) for case in cases]
        self._check_one_to_one(keys)
        wanted = set(keys)
        unmatched_rows = sorted(row for key, row in self._table.rows.items() if key not in wanted)
        without_row = [case.unit for case, key in zip(cases, keys, strict=True) if key not in self._table.rows]
        if len(without_row) == len(cases):
            raise ModelError(
                f"models.{self._model.id}.key: none of the {len(self._table.rows)} rows of predictions matches any of "
                f"the {len(cases)} cases by '{self._key}'. Check that the column holds the same values as the cases."
            )
        empty = sum(_without_number(self._table.scores[key]) for key in wanted if key in self._table.scores)
        return {
            "model": self._model.id,
            "cases": len(cases),
            "with_output": len(cases) - len(without_row) - empty,
            "row_without_number": empty,
            "cases_without_row": len(without_row),
            "rows_without_case": len(unmatched_rows),
            "cases_without_row_listed": without_row[:LISTED],
            "rows_without_case_listed": unmatched_rows[:LISTED],
        }

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        scores = [self._table.scores.get(self._key_of(case)) for case in batch.cases]
        there = [score for score in scores if score is not None and not _without_number(score)]
        raw = np.array(there, np.float64).reshape(len(there), len(self.identity.outputs))
        results = iter(class_scores(raw, cases=len(raw), model=self._model))
        found = [_missing(score) or next(results) for score in scores]
        if self._model.output.embedding is None:
            return found
        return with_embeddings(found, [self._table.embeddings.get(self._key_of(case), ()) for case in batch.cases])

    def close(self) -> None:
        """Nothing to close."""

    def _key_of(self, case: Case) -> str:
        if self._key not in case.keys:
            raise ModelError(
                f"models.{self._model.id}.key: the cases have no '{self._key}'; "
                f"they have {', '.join(map(repr, sorted(case.keys))) or 'no keys'}."
            )
        return case.keys[self._key].strip()

    def _check_one_to_one(self, keys: Sequence[str]) -> None:
        shared = {key for key, count in Counter(keys).items() if count > 1 and key in self._table.rows}
        if shared:
            rows = sorted(self._table.rows[key] for key in shared)
            raise ModelError(
                f"models.{self._model.id}.key: {len(rows)} rows of predictions match several cases each (the first is "
                f"row {rows[0]}), so '{self._key}' is coarser than this study's unit. Give one prediction per unit, or "
                "choose the unit that the predictions are about."
            )


def _missing(scores: tuple[float, ...] | None) -> Failure | None:
    if scores is None:
        return _NO_ROW
    return _NO_NUMBER if _without_number(scores) else None


def _without_number(scores: tuple[float, ...]) -> bool:
    """A row that lacks one of its numbers has no answer: which class is the highest can't be told from the others."""
    return any(math.isnan(score) for score in scores)


def _check_names(options: PredictionOptions, model: Model) -> None:
    """Raises ModelError unless `scores` names what output.columns names, in the same order."""
    if model.output.columns is None and model.output.index is not None:
        return  # one of several numbers is the score; a rule may look at the others
    named = tuple(written(name) for name in options.scores or ())
    declared = tuple(written(name) for name in model.output.columns or ())
    if named != declared:
        raise ModelError(
            f"models.{model.id}.scores: is for {', '.join(named) or 'nothing'}, and output.columns for "
            f"{', '.join(declared) or 'nothing'}. Write the same names in the same order in both: "
            "scores: {name: column of the table, …}."
        )


class PredictionsAdapter:
    needs_pixels = False
    embeds = True
    OPTIONS: type[BaseModel] = PredictionOptions

    def load(
        self, model: Model, *, base: Path, device: str, threads: int = 0
    ) -> PredictionsModel | MaskPredictions | MarkPredictions:
        del device, threads  # nothing is computed
        options = read_options(PredictionOptions, model)
        if options.masks is not None:
            return MaskPredictions(model, mask_folder(model, base), options.masks)
        if model.output.kind in SHAPES:
            return MarkPredictions(model, base, options)
        if options.scores is None:
            output_name((options.score,), model=model)
        check_columns(len(options.columns), model=model)
        _check_names(options, model)
        path = model_path(model, base)
        content = read_model(path, model=model)
        digest = digest_of({path.name: content})
        check_digest(digest, model=model)
        return PredictionsModel(model, read_table(path, content, options, model=model), options=options, digest=digest)


ADAPTER = PredictionsAdapter()
