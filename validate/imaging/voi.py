"""Values of interest: a file's display windows and tables, and how they turn modality values into grey (PS3.3 C.11.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from validate.imaging.element_value import value_of
from validate.imaging.plane_kernels import ramp, serve
from validate.imaging.volume import DecodeFailure

BLOCK = 1 << 14  # numbers in double precision that stay in a core's cache
Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]


@dataclass(frozen=True, slots=True)
class Ramp:
    """(x - middle) / width + lift, in [0, 1]."""

    middle: float
    width: float
    lift: float = 0.5


@dataclass(frozen=True, slots=True)
class Above:
    """1 above the threshold, else 0."""

    threshold: float


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """1 / (1 + exp(-4 (x - center) / width))."""

    center: float
    width: float


def stored_windows(dataset: Dataset, mirror: float | None, *, little: bool = True) -> dict[str, Any]:
    """{"windows": [{center, width, function}], "voi_luts": [{first, values, bits}]} for a Volume's source.

    mirror : None, or low + high where the values were turned (v → mirror - v), so that windows are turned with them
    little : byte order of the file
    """
    function = str(value_of(dataset, "VOILUTFunction") or "LINEAR")
    centers, widths = _numbers(value_of(dataset, "WindowCenter")), _numbers(value_of(dataset, "WindowWidth"))
    windows = [
        {"center": _mirrored(center, mirror, function), "width": width, "function": function}
        for center, width in zip(centers, widths, strict=False)
    ]
    tables = [_table(item, mirror, little=little) for item in value_of(dataset, "VOILUTSequence") or ()]
    return {"windows": windows, "voi_luts": tables}


def windowed(values: NDArray[Any], *, center: float, width: float, function: str = "LINEAR") -> NDArray[np.float32]:
    """Grey in [0, 1]: PS3.3 C.11.2.1.2 (LINEAR) and C.11.2.1.3 (LINEAR_EXACT, SIGMOID).

    Raises DecodeFailure where the width is too small for its function, or the function is unknown.
    """
    return shaped(values, window_shape(center=center, width=width, function=function))


def window_shape(*, center: float, width: float, function: str = "LINEAR") -> Ramp | Above | Sigmoid:
    """What a display window does to a value. Raises as `windowed`."""
    if function == "LINEAR" and width >= 1:
        return Above(center - 0.5) if width == 1 else Ramp(center - 0.5, width - 1)
    if function == "LINEAR_EXACT" and width > 0:
        return Ramp(center, width)
    if function == "SIGMOID" and width > 0:
        return Sigmoid(center, width)
    raise DecodeFailure("preprocess:bad_window", f"The window is {function} with width {width:g}.")


def shaped(values: NDArray[Any], shape: Ramp | Above | Sigmoid) -> NDArray[np.float32]:
    """Grey in [0, 1] by one of these shapes."""
    if isinstance(shape, Ramp):
        return _between(values, shape.middle, shape.width, shape.lift)
    x = values.astype(np.float64)
    if isinstance(shape, Above):
        return (x > shape.threshold).astype(np.float32)
    with np.errstate(over="ignore"):
        grey: NDArray[np.float32] = (1 / (1 + np.exp(-4 * (x - shape.center) / shape.width))).astype(np.float32)
    return grey


def _between(values: NDArray[Any], middle: float, width: float, lift: float) -> NDArray[np.float32]:
    """(x - middle) / width + lift, in [0, 1], in double precision, some rows at a time: the whole would not stay in a core's cache."""
    found = np.empty(values.shape, np.float32)
    flat, out = np.ascontiguousarray(values).reshape(-1), found.reshape(-1)
    if serve(values):
        ramp(flat, out, float(middle), float(width), float(lift))
        return found
    x = np.empty(min(BLOCK, flat.size), np.float64)
    for start in range(0, flat.size, BLOCK):
        some = flat[start : start + BLOCK]
        part = x[: some.size]
        np.subtract(some, middle, out=part, dtype=np.float64)
        part /= width
        if lift:
            part += lift
        np.clip(part, 0, 1, out=part)
        out[start : start + BLOCK] = part
    return found


def looked_up(values: NDArray[Any], table: Mapping[str, Any]) -> NDArray[np.float32]:
    """Grey in [0, 1] by a VOI LUT; values below the first entry take the first, above the last the last."""
    entries = np.asarray(table["values"], np.float32)
    place = np.clip(np.rint(values.astype(np.float64) - table["first"]), 0, entries.size - 1).astype(np.int64)
    grey: NDArray[np.float32] = entries[place] / np.float32((1 << int(table["bits"])) - 1)
    return grey


def _numbers(value: Any) -> list[float]:
    if value in (None, ""):
        return []
    try:
        return [float(part) for part in (value if isinstance(value, MultiValue | list) else [value])]
    except (TypeError, ValueError):
        return []


def _mirrored(center: float, mirror: float | None, function: str) -> float:
    """The center after v → mirror - v. LINEAR is not symmetric about its center but about center - 0.5."""
    if mirror is None:
        return center
    return mirror - center + (1.0 if function == "LINEAR" else 0.0)


def _table(item: Dataset, mirror: float | None, *, little: bool) -> dict[str, Any]:
    try:
        count, first, bits = (int(part) for part in item.LUTDescriptor)
        data = item.LUTData
    except (AttributeError, TypeError, ValueError) as error:
        raise DecodeFailure("decode:corrupt", "A VOI LUT of the header can't be read.") from error
    count = count or 65536
    entries = _entries(data, count, little=little)
    if not 1 <= bits <= 16 or entries.size < count:
        raise DecodeFailure("decode:corrupt", f"A VOI LUT declares {count} entries of {bits} bits, has {entries.size}.")
    values = entries[:count].astype(np.int64)
    if mirror is not None:
        # Turned values meet the table from its other end, and what was bright must be dark.
        return {"first": mirror - (first + count - 1), "values": ((1 << bits) - 1 - values)[::-1], "bits": bits}
    return {"first": float(first), "values": values, "bits": bits}


def _entries(data: Any, count: int, *, little: bool) -> NDArray[Any]:
    """The table as written: numbers (US), words (OW), or two entries in a word (8 bits)."""
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data, np.int64))
    if len(data) < 2 * count:
        packed = np.frombuffer(data, np.uint8)
        return packed if little or packed.size % 2 else packed.reshape(-1, 2)[:, ::-1].ravel()
    return np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little else ">u2")
