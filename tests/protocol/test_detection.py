"""A protocol of marks: what does not fit together is refused with the reason, and the starter loads as it stands."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from validate.catalog import shipped_catalog
from validate.errors import ProtocolError
from validate.protocol.load import load_protocol
from validate.protocol.starter import starter


def problems(tmp_path: Path, change: dict[str, Any]) -> str:
    document = yaml.safe_load(starter("detection", "table"))
    for where, value in change.items():
        *way, last = where.split(".")
        place: Any = document
        for step in way:
            place = place[int(step)] if step.isdigit() else place[step]
        if value is None:
            place.pop(last, None)
        else:
            place[int(last) if last.isdigit() else last] = copy.deepcopy(value)
    path = tmp_path / "protocol.yaml"
    path.write_text(yaml.safe_dump(document))
    try:
        load_protocol(path, catalog=shipped_catalog())
    except ProtocolError as error:
        return str(error)
    return ""


def test_the_starter_loads_as_it_stands(tmp_path: Path) -> None:
    assert problems(tmp_path, {}) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"endpoints.0.metric": "segmentation.mean.dice"}, "compares masks, and this study's task is detection"),
        ({"endpoints.0.metric": "classification.auroc"}, "is a metric of classification"),
        ({"endpoints.0.metric": "detection.coco.ap"}, "are of boxes against boxes; here there are balls"),
        ({"endpoints.1.options": {}}, "expected rate: false marks per case"),
        ({"detection": None}, "is missing; say space, hit and repeated_hits"),
        ({"detection.hit": {"criterion": "iou", "value": 1.5}}, "expected more than 0 and at most 1"),
        ({"detection.hit": {"criterion": "distance"}}, "distance needs one"),
        ({"detection.hit": {"criterion": "centre_in_object", "value": 2.0}}, "has no value: remove it"),
        ({"reference.shape": "point"}, "needs lesions with a diameter"),
        ({"reference.unlisted": None}, "what a case is that the source does not name"),
        ({"reference.classes": ["nodule", "mass"]}, "say which column tells the kinds of lesion apart"),
        ({"models.0.unlisted": None}, "say what a case without a row is"),
        ({"models.0.output": {"activation": "none", "kind": "probability"}}, "a detector's output is boxes, points, balls or a mask"),
        ({"models.0.output": {"activation": "none", "kind": "balls"}}, "say mm, mm_ras, pixels or voxels"),
        ({"detection.size_bands": [6, 3]}, "expected at least two rising limits"),
        ({"acceptance.0": {"endpoint": "cases", "worst_of": "lesion_size", "limit": "lower", "at_least": 0.5, "rationale": "x"}},
         "is of cases, and 'lesion_size' of lesions"),
        ({"models.0.operating_point": None}, "needs an operating point"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_the_reason(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    assert words in problems(tmp_path, change)


def test_marks_belong_to_a_detection_alone(tmp_path: Path) -> None:
    document = yaml.safe_load(starter("classification", "table"))
    document["models"][0]["output"] = {"activation": "none", "kind": "balls", "space": "mm"}
    path = tmp_path / "protocol.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ProtocolError, match="does not judge marks"):
        load_protocol(path, catalog=shipped_catalog())
