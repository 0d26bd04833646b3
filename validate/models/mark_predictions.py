"""Marks made elsewhere: a table with a row for each, or COCO's file of results. Inference was not witnessed, and the evidence says so."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from validate.cohort.case import Case
from validate.cohort.lesion_table import COLUMNS, DEPTH, EXTENT
from validate.cohort.table import Table, key_text, read_table
from validate.errors import DataError, ModelError
from validate.models.adapter import Batch, ModelIdentity
from validate.models.digest import check_digest, digest_of, model_path, read_model
from validate.models.marks import SHAPES, marks
from validate.models.prediction import Failure, Prediction
from validate.models.prediction_table import PredictionOptions
from validate.protocol.model import Model
from validate.protocol.targets import written

LISTED = 1000
_NO_ROW = Failure("missing_output", "The table of marks has no row for this case.")


class MarkPredictions:
    needs_pixels = False
    fixed_batch = None

    def __init__(self, model: Model, base: Path, options: PredictionOptions) -> None:
        self._model, self._options, self._key = model, options, str(options.key)
        path = model_path(model, base)
        content = read_model(path, model=model)
        digest = digest_of({path.name: content})
        check_digest(digest, model=model)
        self._shape = SHAPES[model.output.kind]
        self._table = _table(model, base, path, options)
        self._columns = self._coordinates()
        self._rows = self._by_case()
        self.identity = ModelIdentity(
            id=model.id,
            format="predictions",
            digest=digest,
            provider="none",
            runtime=path.suffix.lower().lstrip("."),
            outputs=({"name": model.output.kind, "type": "marks", "shape": [None, len(self._columns)]},),
            witnessed=False,
            notes=("marks made elsewhere: inference was not witnessed",),
        )

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        return None if shape else "got no pixels"

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        """Matched and unmatched on either side. Raises ModelError where the table is of other cases, or coarser than they are."""
        keys = [self._key_of(case) for case in cases]
        there = [key for key in keys if key in self._rows]
        if not there:
            raise ModelError(
                f"models.{self._model.id}.key: none of the {len(self._rows)} cases of the table of marks is one of the {len(cases)} of "
                f"the study by '{self._key}'. Check that the column holds the same values as the cases."
            )
        if len(set(there)) < len(there):
            raise ModelError(
                f"models.{self._model.id}.key: '{self._key}' gives {len(there) - len(set(there))} cases the marks of another, so it is "
                "coarser than this study's unit."
            )
        without = [case.unit for case, key in zip(cases, keys, strict=True) if key not in self._rows]
        return {
            "model": self._model.id,
            "cases": len(cases),
            "with_output": len(cases) - (len(without) if self._options.unlisted == "missing_output" else 0),
            "cases_without_row": len(without),
            "rows_without_case": len(self._rows.keys() - set(keys)),
            "cases_without_row_listed": without[:LISTED],
        }

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        return [self._marks(self._rows.get(self._key_of(case))) for case in batch.cases]

    def close(self) -> None:
        """Nothing to close."""

    def _marks(self, rows: Sequence[int] | None) -> Prediction | Failure:
        if rows is None:
            if self._options.unlisted != "no_marks":
                return _NO_ROW
            rows = []
        cells = [[self._table.columns[name][row] for name in self._columns] for row in rows]
        kept = [
            (row, of_row) for row, of_row in zip(rows, cells, strict=True) if any(cell is not None for cell in of_row)
        ]
        places = np.array([[_number(cell) for cell in of_row] for _, of_row in kept], np.float64)
        scores = np.array([_number(self._table.column(self._options.score)[row]) for row, _ in kept], np.float64)
        if kept and self._sized:
            axes = places.shape[1] // 2
            places[:, axes:] += places[:, :axes]
        return marks(places, scores, model=self._model, targets=self._kinds([row for row, _ in kept]))

    def _kinds(self, rows: Sequence[int]) -> list[str] | None:
        name = self._options.coordinates.get("class", "class")
        if name not in self._table.columns:
            return None
        return [written(self._table.columns[name][row]) for row in rows]

    @property
    def _sized(self) -> bool:
        """Whether boxes are written as a corner and an extent."""
        return self._shape == "box" and self._columns[0] == self._options.coordinates.get("x", "x")

    @property
    def _ways(self) -> tuple[tuple[str, ...], ...]:
        return (COLUMNS[self._shape], EXTENT) if self._shape == "box" else (COLUMNS[self._shape],)

    def _coordinates(self) -> list[str]:
        names = self._options.coordinates
        for way in self._ways:
            plane = [names.get(name, name) for name in way if name not in DEPTH]
            volume = [names.get(name, name) for name in way]
            for wanted in (volume, plane):
                if all(name in self._table.columns for name in wanted):
                    return wanted
        told = " or ".join(", ".join(names.get(n, n) for n in way if n not in DEPTH) for way in self._ways)
        raise ModelError(
            f"models.{self._model.id}: {self._table.name}: {self._model.output.kind} need the columns {told} (and depth in a volume); "
            f"there are {', '.join(self._table.columns)}. Say in `coordinates` what they are called."
        )

    def _by_case(self) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = defaultdict(list)
        try:
            keys = self._table.column(self._key)
            self._table.column(self._options.score)
        except DataError as error:
            raise ModelError(f"models.{self._model.id}: {error}") from error
        for row, value in enumerate(keys):
            key = key_text(value)
            if key is None:
                raise ModelError(f"models.{self._model.id}: {self._table.name} row {row + 1}: {self._key} is empty.")
            rows[key].append(row)
        return dict(rows)

    def _key_of(self, case: Case) -> str:
        if self._key not in case.keys:
            raise ModelError(
                f"models.{self._model.id}.key: the cases have no '{self._key}'; "
                f"they have {', '.join(map(repr, sorted(case.keys))) or 'no keys'}."
            )
        return case.keys[self._key].strip()


def _number(cell: Any) -> float:
    """NaN of what is no number: the case then fails with that reason."""
    try:
        return float("nan") if cell is None or isinstance(cell, bool) else float(cell)
    except (TypeError, ValueError):
        return float("nan")


def _table(model: Model, base: Path, path: Path, options: PredictionOptions) -> Table:
    try:
        table = read_table(path, what="table of marks")
    except DataError as error:
        raise ModelError(f"models.{model.id}: {error}") from error
    if "bbox" not in table.columns:
        return table
    columns = {name: list(values) for name, values in table.columns.items() if name != "bbox"}
    boxes = [
        box if isinstance(box, list) and len(box) == 4 else [None, None, None, "no box"]
        for box in table.columns["bbox"]
    ]
    columns |= {name: [box[place] for box in boxes] for place, name in enumerate(("x", "y", "width", "height"))}
    if options.images is not None:
        columns |= _named(model, base / options.images, columns, str(options.key))
    return Table(table.name, columns, table.length)


def _named(model: Model, path: Path, columns: Mapping[str, Sequence[Any]], key: str) -> dict[str, list[Any]]:
    """The case and the class of each result, by the ids of a COCO file."""
    place = f"models.{model.id}.images"
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        images = {one["id"]: one[key] for one in content["images"]}
        categories = {one["id"]: one["name"] for one in content["categories"]}
        return {
            key: [images[number] for number in columns["image_id"]],
            "class": [categories[number] for number in columns["category_id"]],
        }
    except (OSError, ValueError, RecursionError, TypeError) as error:
        raise ModelError(f"{place}: {path.name} is no readable COCO file: {error}.") from error
    except KeyError as error:
        raise ModelError(
            f"{place}: {path.name}: there is no {error} that the results name, or images have no '{key}'."
        ) from error
