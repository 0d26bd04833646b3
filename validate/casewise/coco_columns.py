"""What COCO's numbers need of each mark and lesion: boxes matched at ten overlaps and in four ranges of areas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.protocol.schema import StudyProtocol
from validate.stats.detection.coco import match


def with_coco(
    protocol: StudyProtocol, marks: list[dict[str, Any]], lesions: list[dict[str, Any]], order: Mapping[str, int]
) -> None:
    """Complete the rows in place where lesions and marks are boxes; marks of cases without a reference have no part in it.

    order : place of each unit, by which equal scores are ranked
    """
    extra = [(row.pop("area", None), row.pop("crowd", False)) for row in lesions]
    for model in protocol.models:
        if protocol.reference.masks is not None or model.output.kind != "boxes":
            continue
        places = [place for place, row in enumerate(lesions) if row["model"] == model.id]
        if any(lesions[place]["shape"] != "box" for place in places):
            continue
        own = [row for row in marks if row["model"] == model.id and row["verdict"] != "unjudged"]
        truth = [lesions[place] for place in places]
        groups = {key: number for number, key in enumerate(dict.fromkeys(_key(row) for row in (*truth, *own)))}
        boxes, known = _boxes(own), _boxes(truth)
        areas = [extra[place][0] for place in places]
        axes = known.shape[1] // 2
        found = match(
            np.array([groups[_key(row)] for row in own], np.int64),
            boxes,
            np.array([row["score"] for row in own], np.float64),
            np.array([groups[_key(row)] for row in truth], np.int64),
            known,
            area=np.array(
                [np.prod(box[axes:]) if area is None else area for area, box in zip(areas, known, strict=True)]
            ),
            crowd=np.array([bool(extra[place][1]) for place in places], np.bool_),
            ignore=np.array([row["ignore"] for row in truth], np.bool_),
        )
        for number, row in enumerate(own):
            row["matched"], row["passed_over"] = found.matched[number].tolist(), found.ignored[number].tolist()
            row["rank"] = int(found.rank[number])
        for place, row in enumerate(sorted(own, key=lambda row: (order[row["unit"]], row["rank"]))):
            row["place"] = place
        for number, row in enumerate(truth):
            row["counted"] = found.counted[number].tolist()


def _key(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["unit"], row["pass"], row["target"]


def _boxes(rows: list[dict[str, Any]]) -> NDArray[np.float64]:
    """Lower corner and extent."""
    if not rows:
        return np.zeros((0, 4))
    corners = np.array([row["geometry"] for row in rows], np.float64).reshape(len(rows), -1)
    axes = corners.shape[1] // 2
    return np.column_stack((corners[:, :axes], corners[:, axes:] - corners[:, :axes]))
