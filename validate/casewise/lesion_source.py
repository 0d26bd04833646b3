"""Where a case's reference lesions come from: a table, or the components of its mask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from validate.casewise.marked_tables import OF
from validate.casewise.objects import Objects, mask_objects, nothing
from validate.casewise.place import NotPlaced, Places
from validate.casewise.segmentation import foreign_value
from validate.cohort.attributes import band_of
from validate.cohort.case import Case
from validate.cohort.lesions import read_lesions
from validate.cohort.reference_mask import reference_mask
from validate.errors import DataError
from validate.protocol.detection import SIZE, Detection
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import structures, targets_of, written
from validate.stats.detection.geometry import diameters


@dataclass(frozen=True, slots=True)
class Truth:
    """Lesions of one kind in one case. ignore : (n,)      rows : what else the table of lesions says of each, by column."""

    objects: Objects
    ignore: NDArray[np.bool_]
    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class CaseTruth:
    """By kind."""

    kinds: Mapping[str, Truth]

    def of(self, target: str) -> Truth:
        """What there is of one kind, even where it is nothing."""
        return self.kinds[target]


class LesionSource(Protocol):
    def truth(self, case: Case, places: Places) -> CaseTruth | None:
        """None where the case has no reference. Raises DataError."""
        ...


def lesion_source(protocol: StudyProtocol, base: Path, cases: Sequence[Case]) -> LesionSource:
    """Read what can be read of all cases together. Raises DataError."""
    block = protocol.detection
    assert block is not None
    if protocol.reference.masks is not None:
        return MaskLesions(protocol, base)
    found = read_lesions(
        protocol.reference,
        base=base,
        cases=cases,
        geometry=protocol.cohort.geometry,
        attributes=block.lesion_attributes,
    )
    by_case: dict[str, list[_Listed]] = defaultdict(list)
    for row, about in zip(found.marks.to_pylist(), found.about, strict=True):
        by_case[row["unit"]].append(_Listed(row["target"], row["shape"], row["mm"], row["pixels"], about))
    read = frozenset(row["unit"] for row in found.cases.to_pylist() if row["status"] == "present")
    return ListedLesions(protocol, by_case, read)


@dataclass(frozen=True, slots=True)
class _Listed:
    target: str
    shape: str
    mm: Sequence[float] | None
    pixels: Sequence[float] | None
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ListedLesions:
    protocol: StudyProtocol
    by_case: Mapping[str, Sequence[_Listed]] = field(repr=False)
    read: frozenset[str]

    def truth(self, case: Case, places: Places) -> CaseTruth | None:
        """Every kind that the protocol names."""
        reference, block = self.protocol.reference, self.protocol.detection
        assert block is not None
        if case.unit not in self.read and reference.unlisted == "missing":
            return None
        kinds: dict[str, list[_Listed]] = {target.name: [] for target in targets_of(self.protocol)}
        for one in self.by_case.get(case.unit, ()):
            name = one.target or next(iter(kinds))
            if name not in kinds:
                raise DataError(
                    f"reference.marks: a lesion is of the kind '{name}', which reference.classes does not name: it names "
                    f"{', '.join(kinds)}."
                )
            kinds[name].append(one)
        try:
            return CaseTruth({name: _truth(block, lesions, places) for name, lesions in kinds.items()})
        except NotPlaced as error:
            raise DataError(
                f"reference lesions of case {case.unit}: {error} Give them in the coordinates of detection.space."
            ) from error


def _truth(block: Detection, lesions: Sequence[_Listed], places: Places) -> Truth:
    if not lesions:
        return Truth(nothing("ball", 3), np.zeros(0, np.bool_), ())
    shape = lesions[0].shape
    geometry = np.array([_geometry(block, one, places) for one in lesions], np.float64)
    stated = np.array([np.nan if one.about.get("size") is None else one.about["size"] for one in lesions])
    objects = Objects(shape, geometry, np.where(np.isnan(stated), diameters(shape, geometry), stated))
    if (beyond := places.outside(block.space, objects.centres)).any():
        raise NotPlaced(f"{int(beyond.sum())} of {len(lesions)} lie outside its image.")
    ignore = np.array([bool(one.about.get("ignore") or one.about.get("crowd")) for one in lesions], np.bool_)
    rows = [
        {
            **{f"{OF}{name}": _text(one.about.get(name)) for name in block.lesion_attributes},
            **size_level(block, float(size)),
            "area": one.about.get("area"),
            "crowd": bool(one.about.get("crowd")),
        }
        for one, size in zip(lesions, objects.size, strict=True)
    ]
    return Truth(objects, ignore, rows)


def _text(value: object) -> str | None:
    return None if value is None else written(value) or None


def _geometry(block: Detection, one: _Listed, places: Places) -> Sequence[float]:
    told = one.mm if block.space == "mm" else one.pixels
    if told is not None:
        return told
    other, space = (one.pixels, "pixels") if block.space == "mm" else (one.mm, "mm")
    (found,) = places.to(space, block.space, one.shape, np.array([other], np.float64)).tolist()
    return list(found)


def size_level(block: Detection, size: float) -> dict[str, str | None]:
    """The stratum of sizes, where the protocol cuts them into bands; None outside of all of them."""
    if block.size_bands is None:
        return {}
    band = None if np.isnan(size) else _band(size, block.size_bands)
    return {f"{OF}{SIZE}": band}


def _band(size: float, bands: tuple[float, ...]) -> str | None:
    """Such as "3 to under 6": a band holds its lower limit, and the last one both."""
    if band_of(size, bands) is None:
        return None
    place = min(int(np.searchsorted(bands, size, side="right")) - 1, len(bands) - 2)
    low, high = bands[place], bands[place + 1]
    return f"{low:g} to {'' if place == len(bands) - 2 else 'under '}{high:g}"


@dataclass(frozen=True, slots=True)
class MaskLesions:
    protocol: StudyProtocol
    base: Path

    def truth(self, case: Case, places: Places) -> CaseTruth | None:
        """The components of each kind's value in the case's mask."""
        reference, block = self.protocol.reference, self.protocol.detection
        assert block is not None
        assert block.connectivity is not None
        mask = reference_mask(reference, self.base, case, self.protocol.cohort.geometry)
        if mask is None:
            return None
        places.grid = mask.grid
        values = structures(reference)
        if (strange := foreign_value(mask, values.values())) is not None:
            raise DataError(
                f"reference mask of case {case.unit}: holds the value {strange}, which reference.classes does not name. "
                "Name every kind of lesion, or take it out of the mask."
            )
        kinds = {}
        for name, value in values.items():
            objects = mask_objects(mask, value, block.connectivity, block.space)
            rows = [size_level(block, float(size)) for size in objects.size]
            kinds[name] = Truth(objects, np.zeros(len(objects), np.bool_), rows)
        return CaseTruth(kinds)
