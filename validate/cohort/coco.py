"""Marks from COCO JSON (cocodataset.org, "Data format"): images, annotations with a bbox in pixels, categories."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from validate.cohort.case import Case
from validate.cohort.found_marks import FoundMarks, Mark, checked
from validate.cohort.table import key_text
from validate.errors import DataError
from validate.protocol.reference import Reference

LARGEST = 1 << 30  # bytes


def is_coco(path: Path) -> bool:
    """By content: an object with images and annotations, not a list of rows."""
    try:
        with path.open("rb") as stream:
            return stream.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    except OSError as error:
        raise DataError(f"reference.marks {path}: can't be read: {error.strerror}.") from error


def coco_marks(reference: Reference, path: Path, cases: Sequence[Case]) -> FoundMarks:
    """Boxes by unit; an image without annotations was read and found free. Raises DataError.

    A case's image is the one whose file_name, with or without folders and ending, or id is the case's reference.key. Crowds
    (iscrowd: 1) are regions of many, which need not be found and where marks are not false.
    """
    if reference.shape not in {None, "box"} or reference.space not in {None, "pixels"}:
        raise DataError(
            "reference.shape, space: COCO annotations are boxes in pixels; say nothing else, or remove them."
        )
    document, name = _document(path), f"COCO file {path.name}"
    kinds = {_id(entry, name): str(entry.get("name", "")) for entry in _list(document, "categories", name)}
    marks: dict[Any, list[Mark]] = defaultdict(list)
    images = _list(document, "images", name)
    known = {_id(entry, name) for entry in images}
    for number, entry in enumerate(_list(document, "annotations", name), 1):
        where = f"{name} annotation {number}"
        if entry.get("image_id") not in known:
            raise DataError(f"{where}: is of an image that the file does not list.")
        crowd = bool(entry.get("iscrowd"))
        if len(kinds) > 1 and entry.get("category_id") not in kinds:
            raise DataError(f"{where}: is of a category that the file does not list.")
        target = kinds[entry["category_id"]] if len(kinds) > 1 else ""
        marks[entry["image_id"]].append(
            checked(
                Mark(
                    "box",
                    pixels=_box(entry, where),
                    target=target,
                    lesion=str(entry.get("id", "")),
                    about={"area": _area(entry, where), "crowd": crowd, "ignore": crowd},
                ),
                where,
            )
        )
    return {unit: marks.get(image, ()) for unit, image in _image_of(reference, images, cases, name).items()}


def image_order(reference: Reference, path: Path, cases: Sequence[Case]) -> list[str]:
    """Units by the ids of their images, as pycocotools goes through them: which of two boxes of equal scores comes first."""
    name = f"COCO file {path.name}"
    images = _list(_document(path), "images", name)
    place = {
        entry: number for number, entry in enumerate(sorted({_id(one, name) for one in images}, key=_numbers_first))
    }
    found = _image_of(reference, images, cases, name)
    return sorted(found, key=lambda unit: place[found[unit]])


def _numbers_first(value: int | str) -> tuple[bool, int, str]:
    return (False, value, "") if isinstance(value, int) else (True, 0, value)


def _image_of(
    reference: Reference, images: Sequence[Mapping[str, Any]], cases: Sequence[Case], name: str
) -> dict[str, Any]:
    """The id of each case's image; a case without one is not there."""
    places: dict[str, Any] = {}
    for image in images:
        file = Path(str(image.get("file_name", "")))
        for called in {str(image["id"]), file.as_posix(), file.name, file.stem} - {"", "."}:
            if places.setdefault(called, image["id"]) != image["id"]:
                places[called] = None  # two images are called so: neither can be meant
    found: dict[str, Any] = {}
    owners: dict[Any, str] = {}
    for case in cases:
        place = places.get(key_text(case.keys.get(str(reference.key))) or "")
        if place is None:
            continue
        if place in owners:
            raise DataError(
                f"{name}: one image belongs to cases {owners[place]} and {case.unit}; {reference.key} is too coarse."
            )
        owners[place] = case.unit
        found[case.unit] = place
    return found


def _document(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"COCO file {path.name}: is larger than {LARGEST:,} bytes.")
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"reference.marks {path}: can't be read: {error.strerror}.") from error
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise DataError(f"COCO file {path.name} is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise DataError(f"COCO file {path.name}: expected an object with images, annotations and categories.")
    return document


def _list(document: Mapping[str, Any], part: str, name: str) -> list[Mapping[str, Any]]:
    found = document.get(part)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise DataError(f"{name}: {part} is missing, or no list of objects.")
    return found


def _id(entry: Mapping[str, Any], name: str) -> Any:
    if not isinstance(entry.get("id"), int | str):
        raise DataError(f"{name}: an image or category has no id.")
    return entry["id"]


def _area(entry: Mapping[str, Any], where: str) -> float | None:
    area = entry.get("area")
    if area is None:
        return None
    if isinstance(area, bool) or not isinstance(area, int | float) or not math.isfinite(area) or area < 0:
        raise DataError(f"{where}: area is no number of 0 or more.")
    return float(area)


def listed_images(path: Path) -> frozenset[str]:
    """Every name and id of an image that the file lists."""
    images = _list(_document(path), "images", f"COCO file {path.name}")
    names = (Path(str(image.get("file_name", ""))) for image in images)
    called = {text for name in names for text in (name.as_posix(), name.name, name.stem)}
    return frozenset((called | {str(image.get("id")) for image in images}) - {"", "."})


def _box(entry: Mapping[str, Any], where: str) -> tuple[float, float, float, float]:
    """Bbox is x, y, width, height."""
    try:
        x, y, width, height = (float(part) for part in entry["bbox"])
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{where}: has no bbox of four numbers (x, y, width, height).") from None
    if not all(math.isfinite(part) for part in (x, y, width, height)):
        raise DataError(f"{where}: bbox holds what is no finite number.")
    return x, y, x + width, y + height
