"""Every kind of object that a vendor may answer with: a right one, another, and one without the expected content."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread

sys.path.insert(0, str(Path(__file__).parent))
from vendor_node import CODE, report  # type: ignore[import-not-found]
from vendor_objects import (  # type: ignore[import-not-found]
    capture,
    drawn,
    flat_region,
    region_report,
    segmentation,
)

SR = {"kind": "sr", "measurement": {"code": CODE[0], "scheme": CODE[1]}}
SCORE = {"activation": "none", "kind": "score"}
PATTERN = r"Score: (?P<score>[\d.,]+) ?%"
FLAT = {"activation": "none", "kind": "points", "space": "pixels"}
LABELS = np.zeros((1, 8, 8), np.uint8)
LABELS[0, 2:5, 1:3] = 1


@dataclass(frozen=True)
class Kind:
    """How a vendor answers with one kind of object, and how the protocol reads it.

    right, other : two answers on an image that differ      wrong : the right kind without the expected content, and what is said
    """

    answer: dict[str, Any]
    output: dict[str, Any]
    right: Callable[[Any], Any]
    other: Callable[[Any], Any]
    wrong: Callable[[Any], Any]
    reason: str
    expected: Callable[[Any], bool]
    noun: str


def spaced(image: Any) -> Any:
    image.ImagerPixelSpacing = [0.5, 0.5]
    image.StudyDate = image.StudyTime = ""
    return image


def marked(image: Any, *, of: tuple[str, str] = CODE, at: float = 3.0) -> Any:
    return region_report(image, [(flat_region(image, "POINT", [[at, 2.0]]), 0.75)], code=of)


KINDS = {
    "sr": Kind(
        SR, SCORE, lambda image: report(image, 0.5), lambda image: report(image, 0.7),
        lambda image: report(image, 0.5, concept=("1", "99OTHER")), "no_code",
        lambda result: result.scores == {"score": 0.5}, "structured report",
    ),
    "sr with regions": Kind(
        SR, FLAT, marked, lambda image: marked(image, at=4.0), lambda image: marked(image, of=("1", "99OTHER")), "no_code",
        lambda result: (result.geometry.tolist(), result.scores.tolist()) == ([[3.0, 2.0]], [0.75]), "structured report",
    ),
    "seg": Kind(
        {"kind": "seg", "segments": {"Liver": 7, "Spleen": 3}}, {"activation": "none", "kind": "mask"},
        lambda image: segmentation([spaced(image)], LABELS), lambda image: segmentation([spaced(image)], LABELS * 2),
        lambda image: segmentation([spaced(image)], LABELS, names=("Liver", "Kidney")), "seg:unknown_segment",
        lambda result: {value: round(volume, 9) for value, volume in result.volumes.items() if value} == {7: 0.0015},
        "segmentation",
    ),
    "gsps": Kind(
        {"kind": "gsps", "pattern": PATTERN, "percent": True}, SCORE,
        lambda image: drawn(image, "Score: 87,5 %"), lambda image: drawn(image, "Score: 12,5 %"),
        lambda image: drawn(image, "nothing to see"), "no_text",
        lambda result: result.scores == {"score": 0.875}, "presentation state",
    ),
    "secondary capture": Kind(
        {"kind": "secondary_capture", "pattern": PATTERN, "percent": True}, SCORE,
        lambda image: capture(image, "AI Score: 12 %"), lambda image: capture(image, "AI Score: 13 %"),
        lambda image: capture(image, "AI"), "no_text",
        lambda result: result.scores == {"score": 0.12}, "secondary capture",
    ),
}  # fmt: skip


def spaced_file(path: Path) -> None:
    """The file says how large its pixels are."""
    spaced(image := dcmread(path))
    image.save_as(path)
