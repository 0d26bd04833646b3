"""What a header says inside sequences: the view, as a code, and what all frames of an enhanced object share (PS3.3 C.7.6.16)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
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
}
BY_FRAME = "not said for all frames"


def view_of(header: Values) -> tuple[str | None, str | None]:
    """(view, None), or (None, why not). "R-10226" of SRT → "MLO"; a code that the standard's table lacks is not read as another."""
    found = _first(header.get(VIEW))
    code, scheme = _said(found, "CodeValue"), _said(found, "CodingSchemeDesignator")
    if not code:
        return None, None
    view = _views().get((SCHEMES.get(str(scheme).strip().upper(), ""), str(code).strip()))
    return (view, None) if view is not None else (None, "a view code that no table knows")


def shared(header: Values) -> dict[str, Any] | None:
    """Values by keyword that hold for all frames; None of an object without functional groups."""
    groups = _first(header.get(SHARED))
    if groups is None:
        return None
    found = {keyword: _said(_first(_said(groups, macro)), inside) for keyword, (macro, inside) in GROUPED.items()}
    return {keyword: value for keyword, value in found.items() if value is not None}


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
