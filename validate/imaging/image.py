"""One image file of any kind that is read: DICOM, NIfTI, PNG, JPEG, TIFF or NumPy, told by its content."""

from __future__ import annotations

from pathlib import Path

from validate.imaging.archive import open_file
from validate.imaging.dicom import read_image as read_dicom
from validate.imaging.nifti import is_nifti, read_grid, read_nifti
from validate.imaging.numpy_file import check_numpy, is_numpy, read_numpy
from validate.imaging.raster import check_raster, raster_format, read_raster
from validate.imaging.volume import DecodeFailure, Volume


def read_image(file: Path | bytes) -> Volume:
    """The image with what its file says of geometry and display. Raises DecodeFailure; see the reader of each kind.

    file : its path, or the content of a DICOM file
    """
    if isinstance(file, bytes):
        return read_dicom(file)
    head = _head(file)
    if raster_format(head) is not None:
        return read_raster(file)
    if is_numpy(file, head):
        return read_numpy(file)
    return read_nifti(file) if is_nifti(file) else read_dicom(file)


def is_plain_picture(file: Path) -> bool:
    """Whether the file is a picture or array without geometry."""
    head = _head(file)
    return raster_format(head) is not None or is_numpy(file, head)


def check_image(file: Path) -> None:
    """Raise DecodeFailure where the header of a NIfTI, picture or array shows that it can't be read, or it is none of them."""
    head = _head(file)
    if raster_format(head) is not None:
        check_raster(file)
    elif is_numpy(file, head):
        check_numpy(file)
    else:
        read_grid(file)


def _head(file: Path) -> bytes:
    try:
        with open_file(file) as stream:
            return stream.read(16)
    except FileNotFoundError:
        raise DecodeFailure("decode:missing", "The file was there when the cohort was read and is gone now.") from None
    except OSError as error:
        raise DecodeFailure("decode:unreadable", f"The file can't be opened: {error.strerror}.") from None
