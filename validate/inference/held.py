"""A decoded image that waits to be disturbed: held once for all passes over it, and how it comes from a decoding child."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.unfinished import Unfinished
from validate.imaging.volume import Volume
from validate.processes.channel import ELEMENTS


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """content, number : the digest of the case's files, and which of its images this is; its noise is drawn from them."""

    volume: Volume = field(repr=False)
    content: str
    number: int

    @property
    def nbytes(self) -> int:
        return int(self.volume.voxels.nbytes)


def message_of(volume: Volume) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    """What disturbing and preprocessing need of a volume, as a header and plain arrays; `volume_from` reads it.

    Numbers of the file go as numbers, not as text: a header may hold any.
    """
    source = volume.source
    windows, tables = list(source.get("windows", ())), list(source.get("voi_luts", ()))
    known = "range" in source
    numbers = [
        *(float(window[name]) for window in windows for name in ("center", "width")),
        *(float(table["first"]) for table in tables),
        *(map(float, source["range"]) if known else ()),
        *(map(float, volume.spacing) if volume.spacing is not None else ()),
    ]
    header = {
        "unit": volume.unit,
        "functions": [str(window["function"]) for window in windows],
        "bits": [int(table["bits"]) for table in tables],
        "range": known,
        "spacing": volume.spacing is not None,
        "affine": volume.affine is not None,
    }
    voxels = volume.voxels
    return header, [
        voxels if voxels.dtype.name in ELEMENTS else voxels.astype(np.float32),
        np.array(numbers, np.float64),
        *([] if volume.affine is None else [np.asarray(volume.affine, np.float64)]),
        *(np.asarray(table["values"], np.int64) for table in tables),
    ]


def volume_from(header: Mapping[str, Any], arrays: Iterator[NDArray[Any]]) -> Volume:
    """The volume that `message_of` made a message of; takes its arrays and no more."""
    voxels, numbers = next(arrays), iter(next(arrays).tolist())
    affine = next(arrays) if header["affine"] else None
    windows = [
        {"center": next(numbers), "width": next(numbers), "function": str(function)} for function in header["functions"]
    ]
    tables = [{"first": next(numbers), "values": next(arrays), "bits": int(bits)} for bits in header["bits"]]
    source: dict[str, Any] = {"windows": windows, "voi_luts": tables}
    if header["range"]:
        source["range"] = (next(numbers), next(numbers))
    spacing = (next(numbers), next(numbers), next(numbers)) if header["spacing"] else None
    return Volume(voxels, affine=affine, spacing=spacing, unit=str(header["unit"]), source=source)


def held_bytes(images: Sequence[Any]) -> int:
    """Of images and of volumes, each volume once however many passes wait for it."""
    distinct = {id(image.volume): image.nbytes for image in images if isinstance(image, Held)}
    return sum(distinct.values()) + sum(image.nbytes for image in images if isinstance(image, np.ndarray | Unfinished))
