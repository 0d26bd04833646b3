"""The marks of a case as models gave them, in the coordinates that are judged in; or why they can't be judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from validate.casewise.objects import Objects, mask_objects, nothing
from validate.casewise.place import NotPlaced, Places
from validate.casewise.segmentation import difference, foreign_value
from validate.cohort.case import Case
from validate.cohort.reference_mask import image_grid
from validate.errors import EvidenceError
from validate.imaging.nifti import read_mask
from validate.imaging.volume import DecodeFailure
from validate.inference.store import mask_file, read_inference, read_marks
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import mask_values, targets_of
from validate.stats.detection.geometry import diameters


@dataclass(frozen=True, slots=True)
class Marks:
    """Of one kind in one case."""

    objects: Objects
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Marked:
    """One output of one case. kinds : marks by kind, None where there is no output      failure : why it can't be judged."""

    model: str
    pass_id: str
    kinds: Mapping[str, Marks] | None = None
    failure: str | None = None
    detail: str | None = None

    def of(self, target: str) -> Marks | None:
        """Of one kind, even where they are none; None where the case failed."""
        return None if self.kinds is None else self.kinds[target]


@dataclass(frozen=True, slots=True)
class _Stored:
    """Rows of the marks table of one case: (target, score, shape, space, geometry)."""

    rows: list[tuple[str, float, str, str, list[float]]] = field(default_factory=list)


class MarkSource:
    """Every output of a run, read once."""

    def __init__(self, protocol: StudyProtocol, folder: Path) -> None:
        self.protocol, self.folder = protocol, folder
        self.kind = {model.id: model.output.kind for model in protocol.models}
        first = targets_of(protocol)[0].name
        self.status: dict[str, list[tuple[str, str, bool]]] = defaultdict(list)
        rows = read_inference(folder).select(["unit", "model", "pass", "target", "status"]).to_pylist()
        for row in rows:
            if row["target"] == first:
                self.status[row["unit"]].append((row["model"], row["pass"], row["status"] == "failed"))
        self.stored: dict[tuple[str, str, str], _Stored] = defaultdict(_Stored)
        for model, pass_id in dict.fromkeys((row["model"], row["pass"]) for row in rows):
            for one in read_marks(folder, model, pass_id).to_pylist():
                place = (one["target"], one["score"], one["shape"], one["space"], one["geometry"])
                self.stored[one["unit"], model, pass_id].rows.append(place)

    def outputs(self, case: Case, places: Places) -> Iterator[Marked]:
        """Of every model and pass, in the order of the inference tables."""
        for model, pass_id, failed in self.status[case.unit]:
            known = Marked(model, pass_id)
            if failed:
                yield known
            elif self.kind[model] == "mask":
                yield self._components(known, case, places)
            else:
                yield self._placed(known, self.stored[case.unit, model, pass_id], places)

    def _placed(self, known: Marked, stored: _Stored, places: Places) -> Marked:
        block, names = self.protocol.detection, [target.name for target in targets_of(self.protocol)]
        assert block is not None
        strange = sorted({row[0] for row in stored.rows} - set(names))
        if strange:
            detail = f"A mark is of the kind '{strange[0]}', which reference.classes does not name."
            return replace(known, failure="marks:unknown_class", detail=detail)
        kinds = {}
        try:
            for name in names:
                rows = [row for row in stored.rows if row[0] == name]
                if not rows:
                    kinds[name] = Marks(nothing("ball", 3), np.zeros(0))
                    continue
                shape, space = rows[0][2], rows[0][3]
                geometry = places.to(space, block.space, shape, np.array([row[4] for row in rows], np.float64))
                objects = Objects(shape, geometry, diameters(shape, geometry))
                beyond = places.outside(block.space, objects.centres)
                if beyond.any():
                    detail = f"{int(beyond.sum())} of {len(rows)} marks lie outside the image."
                    return replace(known, failure="marks:outside", detail=detail)
                kinds[name] = Marks(objects, np.array([row[1] for row in rows], np.float64))
        except NotPlaced as error:
            return replace(known, failure="marks:space", detail=str(error))
        return replace(known, kinds=kinds)

    def _components(self, known: Marked, case: Case, places: Places) -> Marked:
        """Each component of a predicted mask is a mark with the score 1. The mask lies on the grid of its reference or image."""
        block, values = self.protocol.detection, mask_values(self.protocol)
        assert block is not None
        assert block.connectivity is not None
        path = mask_file(self.folder, known.model, known.pass_id, case.unit)
        try:
            mask = read_mask(path)
        except (DecodeFailure, OSError) as error:
            raise EvidenceError(f"{path}: is not the mask that was stored there. Run again in a new folder.") from error
        drawn = places.grid is not None  # the reference is a mask too
        grid = places.grid if drawn else image_grid(case, self.protocol.cohort.geometry)
        if grid is not None and not mask.grid.is_same(grid):
            detail = difference(mask.grid, grid, "reference" if drawn else "image")
            return replace(known, failure="mask:grid", detail=detail)
        if (strange := foreign_value(mask, values.values())) is not None:
            detail = f"The mask holds the value {strange}, which the protocol does not name."
            return replace(known, failure="mask:unknown_class", detail=detail)
        kinds = {}
        for name, value in values.items():
            objects = mask_objects(mask, value, block.connectivity, block.space)
            kinds[name] = Marks(objects, np.ones(len(objects)))
        return replace(known, kinds=kinds)
