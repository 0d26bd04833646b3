"""One DICOM file of every transfer syntax that is read, encoded by libraries other than the ones that decode it first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders import RLELosslessEncoder
from pydicom.uid import UID

NATIVE = {
    "implicit little endian": "1.2.840.10008.1.2",
    "explicit little endian": "1.2.840.10008.1.2.1",
    "explicit big endian": "1.2.840.10008.1.2.2",
    "deflated": "1.2.840.10008.1.2.1.99",
}
LOSSLESS = {
    "RLE": "1.2.840.10008.1.2.5",
    "JPEG lossless": "1.2.840.10008.1.2.4.57",
    "JPEG lossless SV1": "1.2.840.10008.1.2.4.70",
    "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG 2000": "1.2.840.10008.1.2.4.90",
    "HTJ2K": "1.2.840.10008.1.2.4.201",
    "HTJ2K RPCL": "1.2.840.10008.1.2.4.202",
}
LOSSY = {
    "JPEG baseline": "1.2.840.10008.1.2.4.50",
    "JPEG extended": "1.2.840.10008.1.2.4.51",
    "JPEG-LS near-lossless": "1.2.840.10008.1.2.4.81",
    "JPEG 2000 lossy": "1.2.840.10008.1.2.4.91",
    "HTJ2K lossy": "1.2.840.10008.1.2.4.203",
}
ALL = {**NATIVE, **LOSSLESS, **LOSSY}


def dicom_file(stored: np.ndarray, syntax: str, *, bits: int, elements: int = 0, **header: Any) -> FileDataset:
    """stored : ([frame,] y, x), or (y, x, 3) where `header` says so    bits : stored    elements : how many more the header has."""
    ds = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID = UID("2.25.1"), UID("2.25.2"), UID("2.25.3")
    ds.PatientID, ds.Modality = "TEST-1", "OT"
    colour = stored.ndim == 3 and stored.shape[-1] == 3
    ds.Rows, ds.Columns = stored.shape[:2] if colour else stored.shape[-2:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = (3, "RGB") if colour else (1, "MONOCHROME2")
    if colour:
        ds.PlanarConfiguration = 0
    elif stored.ndim == 3:
        ds.NumberOfFrames = len(stored)
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = stored.dtype.itemsize * 8, bits, bits - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    for number in range(elements):
        ds.add_new((0x0018, 0x9004 + 0x10 * (number % 4)), "CS", "RESEARCH") if number < 4 else None
        ds.add_new((0x0021, 0x1000 + number), "LO", f"private value {number}")
    if elements:
        ds.add_new((0x0021, 0x0010), "LO", "ACME")
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    if syntax in NATIVE.values():
        order = ">" if syntax == NATIVE["explicit big endian"] else "<"
        content = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
        ds.add_new("PixelData", "OB" if stored.dtype.itemsize == 1 else "OW", content + b"\0" * (len(content) % 2))
        ds.set_original_encoding(syntax == NATIVE["implicit little endian"], order == "<")
        return ds
    planes = stored if stored.ndim == 3 and not colour else stored[None]
    ds.PixelData = encapsulate([bytes(ENCODERS[syntax](plane, bits)) for plane in planes])
    ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OB"
    return ds


def words(plane: np.ndarray, bits: int) -> np.ndarray:
    """Signed values as the unsigned words that code streams without a sign hold."""
    if plane.dtype.kind == "u":
        return plane
    unsigned = plane.view(f"u{plane.dtype.itemsize}")
    return unsigned & unsigned.dtype.type((1 << bits) - 1)


def _rle(plane: np.ndarray, bits: int) -> bytes:
    return bytes(
        RLELosslessEncoder.encode(
            plane, rows=plane.shape[0], columns=plane.shape[1], samples_per_pixel=3 if plane.ndim == 3 else 1,
            bits_allocated=plane.dtype.itemsize * 8, bits_stored=bits, pixel_representation=int(plane.dtype.kind == "i"),
            photometric_interpretation="RGB" if plane.ndim == 3 else "MONOCHROME2", number_of_frames=1,
            planar_configuration=0 if plane.ndim == 3 else None, encoding_plugin="pydicom",
        )
    )  # fmt: skip


def _jpeg(plane: np.ndarray, bits: int) -> bytes:
    if plane.ndim == 3:
        return bytes(imagecodecs.jpeg8_encode(plane, 92, colorspace="RGB", outcolorspace="YCBCR", subsampling="422"))
    return bytes(imagecodecs.jpeg8_encode(plane, 92, bitspersample=max(bits, 8)))


def _jpeg_lossless(predictor: int) -> Callable[[np.ndarray, int], bytes]:
    return lambda plane, bits: bytes(
        imagecodecs.jpeg8_encode(words(plane, bits), lossless=True, predictor=predictor, bitspersample=bits)
    )


def _jpeg_ls(error: int) -> Callable[[np.ndarray, int], bytes]:
    return lambda plane, bits: bytes(imagecodecs.jpegls_encode(words(plane, bits), error))


def _jpeg_2000(plane: np.ndarray, bits: int) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(plane, 0, reversible=True, bitspersample=bits, codecformat="J2K", mct=plane.ndim == 3)
    )


def _jpeg_2000_lossy(plane: np.ndarray, bits: int) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(plane, 60, bitspersample=bits, codecformat="J2K", mct=plane.ndim == 3))


def _htj2k(*, reversible: bool) -> Callable[[np.ndarray, int], bytes]:
    return lambda plane, _bits: bytes(imagecodecs.htj2k_encode(plane, reversible=reversible, rgb=plane.ndim == 3))


ENCODERS: dict[str, Callable[[np.ndarray, int], bytes]] = {
    LOSSLESS["RLE"]: _rle,
    LOSSLESS["JPEG lossless"]: _jpeg_lossless(4),
    LOSSLESS["JPEG lossless SV1"]: _jpeg_lossless(1),
    LOSSLESS["JPEG-LS"]: _jpeg_ls(0),
    LOSSLESS["JPEG 2000"]: _jpeg_2000,
    LOSSLESS["HTJ2K"]: _htj2k(reversible=True),
    LOSSLESS["HTJ2K RPCL"]: _htj2k(reversible=True),
    LOSSY["JPEG baseline"]: _jpeg,
    LOSSY["JPEG extended"]: _jpeg,
    LOSSY["JPEG-LS near-lossless"]: _jpeg_ls(3),
    LOSSY["JPEG 2000 lossy"]: _jpeg_2000_lossy,
    LOSSY["HTJ2K lossy"]: _htj2k(reversible=False),
}
