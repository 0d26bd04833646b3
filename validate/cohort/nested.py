"""What a header says inside sequences: the view, as a code, and what all frames of an enhanced object share (PS3.3 C.7.6.16)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from validate.imaging.header_values import Values

HERE = Path(__file__).with_name("views.csv")  # PS3.16 CID 4010 and 4014, by their codes of today and of before
VIEW, SHARED = "ViewCodeSequence", "SharedFunctionalGroupsSequence"
SCHEMES = {
    "SCT": "SCT",
    "SRT": "SRT",
    "SNM3": "SRT",
    "99SDM": "SRT",
}  # names that one scheme has had (PS3.16 table 8-1)
# keyword → (macro that holds it, its keyword there)
GROUPED: Mapping[str, tuple[str, str]] = {
    "PixelSpacing": ("PixelMeasuresSequence", "PixelSpacing"),
    "SliceThickness": ("PixelMeasuresSequence", "SliceThickness"),
    "KVP": ("CTXRayDetailsSequence", "KVP"),
    "ConvolutionKernel": ("CTReconstructionSequence", "ConvolutionKernel"),
    "ImageLaterality": ("FrameAnatomySequence", "FrameLaterality"),
    "ImagerPixelSpacing": ("FramePixelDataPropertiesSequence", "ImagerPixelSpacing"),
}
BY_FRAME, VARIES = "not said for all frames", "varies from frame to frame"


@dataclass(frozen=True, slots=True)
class Grouped:
    """values : by keyword, what holds for all frames, whether they share it or each says the same      missing : why there is none"""

    values: Mapping[str, Any]
    missing: Mapping[str, str]


def view_of(header: Values) -> tuple[str | None, str | None]:
    """(view, None), or (None, why not). "R-10226" of SRT → "MLO"; a code that the standard's table lacks is not read as another."""
    found = _first(header.get(VIEW))
    code, scheme = _said(found, "CodeValue"), _said(found, "CodingSchemeDesignator")
    if not code:
        return None, None
    view = _views().get((SCHEMES.get(str(scheme).strip().upper(), ""), str(code).strip()))
    return (view, None) if view is not None else (None, "a view code that no table knows")


def grouped(header: Values) -> Grouped | None:
    """What the functional groups say; None of an object without them."""
    groups, frames = _first(header.get(SHARED)), header.frames
    if groups is None and frames is None:
        return None
    shared = {keyword: _said(_first(_said(groups, macro)), inside) for keyword, (macro, inside) in GROUPED.items()}
    values = {keyword: value for keyword, value in shared.items() if value is not None}
    missing: dict[str, str] = {}
    for keyword in GROUPED.keys() - values.keys():
        common = frames.common(keyword) if frames is not None else None
        if common is not None:
            values[keyword] = common[0] if len(common) == 1 else list(common)
        else:
            told = frames is not None and frames.frames > 0 and frames.telling.get(keyword, 0) >= frames.frames
            missing[keyword] = VARIES if told else BY_FRAME
    return Grouped(values, missing)


def _said(dataset: Any, keyword: str) -> Any:
    """The value of an element of an item; None where it is absent, or broken past reading."""
    try:
        return None if dataset is None else dataset.get(keyword)
    except Exception:  # noqa: BLE001 (a hostile item may break the parser in any way; then it says nothing)
        return None


def _first(items: Any) -> Any:
    """The first item of a sequence; None of what is none."""
    if items is None:
        return None
    from pydicom.sequence import Sequence  # most headers need no library

    try:
        return items[0] if isinstance(items, Sequence) and len(items) > 0 else None
    except Exception:  # noqa: BLE001 (as above)
        return None


@cache
def _views() -> Mapping[tuple[str, str], str]:
    with HERE.open(encoding="utf-8", newline="") as stream:
        return {(row["scheme"], row["code"]): row["view"] for row in csv.DictReader(stream)}
