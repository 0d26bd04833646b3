"""The frames of a series' files, each with where it lies and what tells it from others at the same place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from validate.imaging.element_value import value_of, whole_number
from validate.imaging.plane import Plane, planes
from validate.imaging.volume import DecodeFailure

# What tells the phases of a series apart: in time, by echo, by diffusion, by contrast, by energy, by kind of image.
TELLING = (
    *("TemporalPositionIdentifier", "TemporalPositionIndex", "TriggerTime", "NominalPercentageOfCardiacPhase"),
    *("EchoTime", "EffectiveEchoTime", "EchoNumbers", "InversionTime", "FlipAngle", "DiffusionBValue"),
    *("DiffusionGradientOrientation", "AcquisitionNumber", "KVP", "ConvolutionKernel", "ImageType", "FrameType"),
    *("ComplexImageComponent", "AcquisitionTime", "FrameReferenceTime", "StackID"),
)
MOST_FRAMES = 1 << 20


@dataclass(frozen=True, slots=True)
class Frame:
    """file : number of the file in the series    frame : number in the file    tells : values by keyword, as text"""

    file: int
    frame: int
    plane: Plane | None
    tells: Mapping[str, str] = field(default_factory=dict)


def frames_of(dataset: Dataset, file: int, *, asked: Sequence[str] = ()) -> list[Frame]:
    """Raises DecodeFailure: decode:corrupt, too_large, geometry_mosaic, geometry_orientation."""
    count = whole_number(dataset, "NumberOfFrames", 1)
    if not 1 <= count <= MOST_FRAMES:
        reason = "decode:corrupt" if count < 1 else "decode:too_large"
        raise DecodeFailure(reason, f"The header declares {count:,} frames.")
    groups = value_of(dataset, "PerFrameFunctionalGroupsSequence")
    if groups and len(groups) < count:
        detail = f"The header describes {len(groups)} of the {count} frames that it declares."
        raise DecodeFailure("decode:corrupt", detail)
    if "MOSAIC" in _words(value_of(dataset, "ImageType")):
        detail = "The image is a mosaic of slices side by side; convert the series before validation."
        raise DecodeFailure("decode:geometry_mosaic", detail)
    keywords = tuple(dict.fromkeys((*asked, *TELLING)))
    general = {name: text for name in keywords if (text := _text(value_of(dataset, name)))}
    placed = planes(dataset, count)
    return [
        Frame(file, number, plane, {**general, **_tells(groups[number], keywords)} if groups else general)
        for number, plane in enumerate(placed)
    ]


def is_localizer(dataset: Dataset) -> bool:
    """Whether the header says that this is a scout: value 3 of Image Type (PS3.3 C.8.2.1.1.1, C.8.3.1.1.1)."""
    return "LOCALIZER" in _words(value_of(dataset, "ImageType"))


def chosen(frames: Sequence[Frame], select: Mapping[str, str | int | float]) -> list[Frame]:
    """Those whose header has these values. Raises DecodeFailure where none has."""
    for keyword, wanted in select.items():
        if tag_for_keyword(keyword) is None:
            raise DecodeFailure("decode:geometry_select", f"'{keyword}' is no DICOM keyword (cohort.geometry.select).")
        there = len(frames)
        frames = [frame for frame in frames if _same(frame.tells.get(keyword), wanted)]
        if not frames:
            detail = f"None of {there} images of the series has the {keyword} that cohort.geometry.select names."
            raise DecodeFailure("decode:geometry_select", detail)
    return list(frames)


def telling(frames: Sequence[Frame]) -> list[str]:
    """Keywords whose values differ in every pair of these frames."""
    return [name for name in TELLING if len({frame.tells.get(name, "") for frame in frames}) == len(frames)]


def _tells(item: Dataset, keywords: Sequence[str]) -> dict[str, str]:
    """Of one item of the per-frame functional groups: the macros are sequences of one item each."""
    found: dict[str, str] = {}
    for element in item:
        if element.VR == "SQ" and element.value:
            found |= {name: text for name in keywords if (text := _text(value_of(element.value[0], name)))}
    return found


def _same(text: str | None, wanted: str | float) -> bool:
    if text is None or isinstance(wanted, str):
        return text == wanted
    try:
        return float(text) == float(wanted)
    except ValueError:
        return False


def _words(value: Any) -> list[str]:
    return [str(part).strip().upper() for part in ([value] if isinstance(value, str) else value or ())]


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return (value or "").strip()
    if isinstance(value, int | float):
        return f"{float(value):.12g}"
    return "\\".join(map(_text, value)) if hasattr(value, "__iter__") else str(value)
