"""The same pixels uncompressed, explicit little endian (PS3.5 A.2): what an archive hands out that was asked for no compression."""

from __future__ import annotations

import io

from numpy.random import Generator
from pydantic import BaseModel, ConfigDict

from validate.imaging.rewrite.rewriting import Rewriting
from validate.imaging.volume import DecodeFailure


class Options(BaseModel):
    """None."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def decompressed(content: bytes, _options: Options, _generator: Generator) -> bytes:
    """Only lossless or uncompressed sources keep their values; of lossy ones this decoder's values are stored."""
    import pydicom
    from pydicom.uid import ExplicitVRLittleEndian

    try:
        dataset = pydicom.dcmread(io.BytesIO(content))
        if dataset.file_meta.TransferSyntaxUID.is_compressed:
            dataset.decompress(generate_instance_uid=False)
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        out = io.BytesIO()
        dataset.save_as(out, implicit_vr=False, little_endian=True, enforce_file_format=True)
    except Exception as error:  # hostile files and foreign decoders; whatever it is, this file is not rewritten
        raise DecodeFailure("rewrite:failed", f"The file can't be written anew ({type(error).__name__}).") from error
    return out.getvalue()


REWRITING = Rewriting(title="Uncompressed, explicit little endian", OPTIONS=Options, apply=decompressed)
