"""MetaImage files (.mha): what challenge platforms give to algorithms and take from them. ITK's world is LPS in mm, as ours is.

Format: https://itk.org/Wiki/MetaIO/Documentation; only local data, raw or deflated, of two or three dimensions.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.mask import Grid, LabelMap, whole_labels
from validate.imaging.volume import DecodeFailure, Volume

ENDINGS = (".mha",)
TYPES = {
    "MET_UCHAR": "u1",
    "MET_CHAR": "i1",
    "MET_USHORT": "u2",
    "MET_SHORT": "i2",
    "MET_UINT": "u4",
    "MET_INT": "i4",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
NAMES = {kind: name for name, kind in TYPES.items()}
LARGEST_HEADER = 1 << 16
LARGEST = 1 << 31  # voxels


def metaimage_bytes(volume: Volume) -> bytes:
    """The image as a .mha file: the same bytes for the same volume. Without geometry: unit spacing at the origin."""
    voxels = np.ascontiguousarray(volume.voxels)
    kind = voxels.dtype.str.lstrip("<>|=")
    if kind not in NAMES:
        voxels, kind = voxels.astype("<f4"), "f4"
    affine = placed(volume)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    directions = affine[:3, :3] / spacing
    depth, rows, columns = voxels.shape[:3]
    lines = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": _numbers(directions.T.ravel()),  # one axis after the other
        "Offset": _numbers(affine[:3, 3]),
        "CenterOfRotation": "0 0 0",
        "AnatomicalOrientation": "RAI",
        "ElementSpacing": _numbers(spacing),
        "DimSize": f"{columns} {rows} {depth}",
        **({"ElementNumberOfChannels": str(voxels.shape[3])} if voxels.ndim == 4 else {}),
        "ElementType": NAMES[kind],
        "ElementDataFile": "LOCAL",
    }
    head = "".join(f"{key} = {value}\n" for key, value in lines.items())
    return head.encode() + voxels.astype(f"<{kind}").tobytes()


def read_metaimage(path: Path) -> LabelMap:
    """A label map. Raises DecodeFailure."""
    content = path.read_bytes()
    header, start = _header(content)
    size = [int(length) for length in _values(header, "DimSize")]
    if not 2 <= len(size) <= 3 or min(size) < 1 or int(np.prod(size, dtype=np.int64)) > LARGEST:
        raise DecodeFailure("mask:shape", "The MetaImage is neither a plane nor a volume of a size that can be read.")
    kind = TYPES.get(header.get("ElementType", ""))
    if kind is None or header.get("ElementNumberOfChannels", "1") != "1":
        raise DecodeFailure("mask:type", "The MetaImage holds no plain numbers, one a voxel.")
    order = ">" if header.get("BinaryDataByteOrderMSB", "False") == "True" else "<"
    data = _data(content[start:], header, int(np.prod(size, dtype=np.int64)) * np.dtype(kind).itemsize)
    voxels = np.frombuffer(data, dtype=f"{order}{kind}").reshape(size[::-1])
    return LabelMap(
        np.ascontiguousarray(whole_labels(voxels if voxels.ndim == 3 else voxels[None])), _grid(header, size)
    )


def _header(content: bytes) -> tuple[dict[str, str], int]:
    header: dict[str, str] = {}
    place = 0
    while "ElementDataFile" not in header:
        end = content.find(b"\n", place, LARGEST_HEADER)
        if end < 0:
            raise DecodeFailure("mask:unreadable", "Not a MetaImage: its header does not end.")
        key, sign, value = content[place:end].decode("latin-1").partition("=")
        if not sign:
            raise DecodeFailure("mask:unreadable", "Not a MetaImage: a line of its header is no 'key = value'.")
        header[key.strip()] = value.strip()
        place = end + 1
    if header["ElementDataFile"] != "LOCAL":
        raise DecodeFailure("mask:external", "The MetaImage keeps its voxels in another file: refused.")
    return header, place


def _data(content: bytes, header: Mapping[str, str], size: int) -> bytes:
    if header.get("CompressedData", "False") == "True":
        try:
            content = zlib.decompressobj().decompress(content, size + 1)
        except zlib.error as error:
            raise DecodeFailure("mask:truncated", "The MetaImage's voxels can't be unpacked.") from error
    if len(content) != size:
        raise DecodeFailure("mask:truncated", f"The MetaImage has {len(content)} bytes of voxels; expected {size}.")
    return content


def _grid(header: Mapping[str, str], size: list[int]) -> Grid:
    count = len(size)
    axes = np.eye(3)
    spacing, offset = np.ones(3), np.zeros(3)
    spacing[:count] = _values(header, "ElementSpacing", [1.0] * count)
    offset[:count] = _values(header, "Offset", _values(header, "Position", [0.0] * count))
    axes[:count, :count] = np.reshape(
        _values(header, "TransformMatrix", np.eye(count).ravel().tolist()), (count, count)
    ).T
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes * spacing, offset
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise DecodeFailure("mask:geometry", "The MetaImage's header gives a voxel no extent.")
    return Grid((size[2] if count == 3 else 1, size[1], size[0]), affine)


def _values(header: Mapping[str, str], key: str, default: Any = None) -> list[float]:
    if key not in header:
        if default is None:
            raise DecodeFailure("mask:unreadable", f"The MetaImage's header has no {key}.")
        return list(default)
    try:
        values = [float(value) for value in header[key].split()]
    except ValueError as error:
        raise DecodeFailure("mask:unreadable", f"The MetaImage's {key} are no numbers.") from error
    if default is not None and len(values) != len(default):
        raise DecodeFailure("mask:unreadable", f"The MetaImage's {key} has {len(values)} numbers.")
    return values


def placed(volume: Volume) -> NDArray[np.float64]:
    """Where the image lies; of one that does not say so, its spacing from the origin along the axes."""
    if volume.affine is not None:
        return volume.affine
    affine = np.eye(4)
    if volume.spacing is not None:
        z, y, x = volume.spacing
        affine[:3, :3] = np.diag([x, y, z])
    return affine


def _numbers(values: Any) -> str:
    return " ".join(f"{float(value):.17g}" for value in values)
