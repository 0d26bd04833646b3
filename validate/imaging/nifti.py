"""Images and masks in NIfTI-1 and NIfTI-2 (.nii, .nii.gz), with their geometry brought from RAS to LPS.

A file's affine is its sform where it has one, else its qform; a file with neither has no geometry and is refused, and so is one
whose two affines or voxel sizes disagree about lengths. NIfTI's axes point right, anterior and superior; ours, as DICOM's, left,
posterior and superior: x and y change their sign. A length without a unit is in mm, as readers agree (NIfTI-1 leaves it open).
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.mask import Grid, LabelMap, whole_labels
from validate.imaging.volume import DecodeFailure, Volume

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
IN_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # xyzt_units & 7: unknown, metre, millimetre, micrometre
SAME_LENGTH = 0.01  # relative difference of two statements of a voxel's size
SKEW = 1e-3  # cosine of two axes that still counts as a right angle
LARGEST = 1 << 31  # voxels
ENDINGS = (".nii", ".nii.gz")


def is_nifti(path: Path) -> bool:
    """By content: the magic of NIfTI-1 or NIfTI-2 in a single file, gzipped or not."""
    try:
        with path.open("rb") as stream:
            start = stream.read(348)
        if start[:2] == b"\x1f\x8b":
            with gzip.open(path, "rb") as unpacked:
                start = unpacked.read(348)
    except (OSError, EOFError, zlib.error):
        return False
    return start[344:348] in {b"n+1\0", b"ni1\0"} or start[4:8] in {b"n+2\0", b"ni2\0"}


def read_grid(path: Path) -> Grid:
    """Geometry from the header alone. Raises DecodeFailure."""
    return _grid(_opened(path))


def read_nifti(path: Path) -> Volume:
    """The image, scaled as its header says (scl_slope, scl_inter), float32 where it is scaled. Raises DecodeFailure."""
    image = _opened(path)
    grid = _grid(image)
    return Volume(
        voxels=np.ascontiguousarray(_voxels(image).T),
        affine=grid.affine,
        spacing=grid.spacing,
        unit="a.u.",
        source={"decoder": "nibabel", "affine": _affine_of(image)[1]},
    )


def read_mask(path: Path) -> LabelMap:
    """Labels on their grid. Raises DecodeFailure for what is no whole number, and for a file without geometry."""
    image = _opened(path)
    grid = _grid(image)
    return LabelMap(np.ascontiguousarray(whole_labels(_voxels(image)).T), grid)


def mask_bytes(mask: LabelMap) -> bytes:
    """A .nii.gz file of the mask: the same bytes for the same labels and grid."""
    return image_bytes(mask.labels, mask.grid)


def image_bytes(voxels: NDArray[Any], grid: Grid) -> bytes:
    """A .nii.gz file of an image (z, y, x): the same bytes for the same voxels and grid."""
    import nibabel

    image = nibabel.Nifti1Image(voxels.T, RAS_TO_LPS @ grid.affine, dtype=voxels.dtype)
    image.header.set_xyzt_units("mm")
    image.set_sform(image.affine, code=1)
    image.set_qform(None, code=0)
    return gzip.compress(image.to_bytes(), compresslevel=4, mtime=0)


def _opened(path: Path) -> Any:
    import nibabel
    from nibabel.filebasedimages import ImageFileError

    if not path.name.lower().endswith(ENDINGS):
        raise DecodeFailure("nifti:name", "NIfTI files end in .nii or .nii.gz.")
    try:
        image = nibabel.load(path)
    except (ImageFileError, OSError, EOFError, ValueError, zlib.error, OverflowError, KeyError) as error:
        raise DecodeFailure("nifti:unreadable", f"Not a readable NIfTI file ({type(error).__name__}).") from error
    if not isinstance(image, nibabel.Nifti1Image):
        raise DecodeFailure("nifti:unreadable", f"Not a NIfTI file, but {type(image).__name__}.")
    _check_lengths(path, image)
    return image


def _check_lengths(path: Path, image: Any) -> None:
    """Refuse a voxel's side that is no length: nibabel reads a negative one as positive, and says so only in its log."""
    from nibabel.openers import ImageOpener

    with ImageOpener(str(path)) as stream:
        header = type(image.header).from_fileobj(stream, check=False)
    sides = [float(side) for side in header["pixdim"][1 : 1 + min(3, int(header["dim"][0]))]]
    if not all(np.isfinite(side) and side > 0 for side in sides):
        told = " × ".join(f"{side:.4g}" for side in sides)
        raise DecodeFailure("nifti:geometry", f"The header says voxels of {told} (pixdim); expected lengths above 0.")


def _shape(image: Any) -> tuple[int, int, int]:
    """(x, y, z)."""
    shape = tuple(int(length) for length in image.shape)
    if len(shape) > 3 and set(shape[3:]) == {1}:
        shape = shape[:3]
    if len(shape) == 2:
        shape = (*shape, 1)
    if len(shape) != 3 or min(shape) < 1:
        raise DecodeFailure("nifti:shape", f"The array is {' × '.join(map(str, image.shape))}; expected x × y × z.")
    if int(np.prod(shape, dtype=np.int64)) > LARGEST:
        raise DecodeFailure("nifti:shape", f"The array has more than {LARGEST:,} voxels.")
    return shape


def _voxels(image: Any) -> NDArray[Any]:
    shape = _shape(image)
    try:
        values = np.asarray(image.dataobj)
    except (OSError, EOFError, ValueError, zlib.error, MemoryError) as error:
        raise DecodeFailure("nifti:truncated", f"The voxels can't be read ({type(error).__name__}).") from error
    if values.dtype.kind not in "iuf":
        raise DecodeFailure("nifti:type", f"Voxels are of type {values.dtype}; expected plain numbers.")
    return values.reshape(shape)


def _grid(image: Any) -> Grid:
    shape = _shape(image)
    affine, _ = _affine_of(image)
    axes = affine[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    cosines = np.abs((axes / lengths).T @ (axes / lengths) - np.eye(3))
    if cosines.max() > SKEW:
        raise DecodeFailure("nifti:skew", "The axes are not at right angles, so distances along them are no distances.")
    return Grid((shape[2], shape[1], shape[0]), RAS_TO_LPS @ affine)


def _affine_of(image: Any) -> tuple[NDArray[np.float64], str]:
    """(RAS affine in mm, "sform" or "qform")."""
    header = image.header
    try:
        found = {"sform": header.get_sform(coded=True)[0], "qform": header.get_qform(coded=True)[0]}
    except ValueError as error:  # a quaternion that is no rotation
        raise DecodeFailure("nifti:geometry", "The header's rotation is none.") from error
    scale = IN_MM.get(int(header["xyzt_units"]) & 7)
    if scale is None:
        raise DecodeFailure("nifti:geometry", "The unit of lengths is none that NIfTI knows.")
    there = {name: np.asarray(affine, np.float64) for name, affine in found.items() if affine is not None}
    if not there:
        raise DecodeFailure("nifti:geometry", "The header has neither sform nor qform, so nothing is known of lengths.")
    zooms = np.array([float(zoom) for zoom in header.get_zooms()[:3]], np.float64)
    lengths = {name: np.linalg.norm(affine[:3, :3], axis=0) for name, affine in there.items()}
    for name, length in lengths.items():
        if not np.isfinite(there[name]).all() or not (length > 0).all():
            raise DecodeFailure("nifti:geometry", f"The {name} gives a voxel a side of no length.")
        stated = zooms if len(zooms) == 3 else length[: len(zooms)]
        if (np.abs(length[: len(stated)] - stated) > SAME_LENGTH * length[: len(stated)]).any():
            sizes = [" × ".join(f"{side:.4g}" for side in sides) for sides in (length, stated)]
            raise DecodeFailure("nifti:geometry", f"The {name} says voxels of {sizes[0]}, pixdim of {sizes[1]}.")
    name = "sform" if "sform" in there else "qform"
    affine = there[name].copy()
    affine[:3] *= scale
    return affine, name
