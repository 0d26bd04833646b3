"""The same pixels under another transfer syntax: what an archive may do to any image on its way, without loss."""

from __future__ import annotations

import io
from typing import Any, Literal

import numpy as np
import pydicom
from numpy.random import Generator
from pydantic import BaseModel, ConfigDict
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from validate.imaging.reader_warnings import silence_readers
from validate.imaging.reference_decoder import ONE_AT_A_TIME
from validate.imaging.rewrite.rewriting import Rewriting
from validate.imaging.volume import DecodeFailure

SYNTAXES = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless,
    "jpeg_ls": JPEGLSLossless,
    "jpeg_2000": JPEG2000Lossless,
}


class TransferSyntax(BaseModel):
    """to : the lossless syntax to write; a file that has it already is written in it again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: Literal["implicit", "explicit", "deflated", "rle", "jpeg_ls", "jpeg_2000"]


def transcoded(content: bytes, options: TransferSyntax, _generator: Generator) -> bytes:
    """The pixels are read back and compared before the file counts as the same image."""
    dataset = whole_dataset(content)
    if dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian:
        raise DecodeFailure("rewrite:failed", "Big-endian files are not rewritten.")
    syntax = SYNTAXES[options.to]
    out = io.BytesIO()
    try:
        with ONE_AT_A_TIME:
            before = pixels(dataset)
            if dataset.file_meta.TransferSyntaxUID.is_compressed:
                dataset.decompress(as_rgb=False, generate_instance_uid=False)
            if syntax.is_compressed and syntax != DeflatedExplicitVRLittleEndian:
                dataset.compress(syntax, generate_instance_uid=False)
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(out, enforce_file_format=True)
        again = pydicom.dcmread(io.BytesIO(out.getvalue()))
        with ONE_AT_A_TIME:
            after = pixels(again)
    except Exception as error:  # coders and decoders are other people's code on hostile input
        detail = f"The image can't be written as {options.to} ({type(error).__name__})."
        raise DecodeFailure("rewrite:failed", detail) from error
    if before.shape != after.shape or not np.array_equal(before, after):
        raise DecodeFailure("rewrite:not_lossless", f"The pixels came back otherwise from {options.to}.")
    return out.getvalue()


def whole_dataset(content: bytes) -> Any:
    """The file as pydicom has it. Raises DecodeFailure where it is no DICOM file with file meta."""
    silence_readers()
    if content[128:132] != b"DICM":
        raise DecodeFailure("rewrite:failed", "Only DICOM files with a preamble are rewritten.")
    try:
        dataset = pydicom.dcmread(io.BytesIO(content))
        dataset.decode()
    except Exception as error:  # a hostile header may break the parser in any way
        raise DecodeFailure("rewrite:failed", f"The header can't be read ({type(error).__name__}).") from error
    return dataset


def pixels(dataset: Any) -> Any:
    """Stored values."""
    return np.asarray(dataset.pixel_array)


REWRITING = Rewriting(title="Transfer syntax", OPTIONS=TransferSyntax, apply=transcoded)
