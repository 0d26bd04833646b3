"""The same elements in another order, with private and unknown ones between: what writers do, and readers must not mind.

PS3.5 7.1 asks for rising tags. Files in the field break it, and a reader that stops at the first tag past the one that it
looks for misses what comes late. The pixels stay last, as readers that stream need them.
"""

from __future__ import annotations

import struct

from numpy.random import Generator
from pydantic import BaseModel, ConfigDict
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from validate.imaging.rewrite.rewriting import Rewriting
from validate.imaging.rewrite.transfer_syntax import whole_dataset
from validate.imaging.volume import DecodeFailure

PRIVATE = (0x0009, b"VALIDATE PADDING")


class TagOrder(BaseModel):
    """private : whether a private block that no reader knows is put among them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    private: bool = True


def reordered(content: bytes, options: TagOrder, _generator: Generator) -> bytes:
    """Elements before the pixels in falling order."""
    dataset = whole_dataset(content)
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in {DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian}:
        raise DecodeFailure("rewrite:failed", f"Tags are not put in another order under {syntax.name}.")
    implicit = syntax == ImplicitVRLittleEndian
    before = [element for element in dataset if element.tag.group < 0x7FE0]
    after = [element for element in dataset if element.tag.group >= 0x7FE0]
    body = DicomBytesIO()
    body.is_little_endian, body.is_implicit_VR = True, implicit
    try:
        for element in reversed(before):
            write_data_element(body, element, dataset.original_character_set)
        if options.private:
            body.write(_private(implicit=implicit))
        for element in after:
            write_data_element(body, element, dataset.original_character_set)
        head = DicomBytesIO()
        head.is_little_endian, head.is_implicit_VR = True, False
        write_file_meta_info(head, dataset.file_meta, enforce_standard=True)
        return b"\0" * 128 + b"DICM" + bytes(head.getvalue()) + bytes(body.getvalue())
    except Exception as error:
        raise DecodeFailure("rewrite:failed", f"The header can't be written ({type(error).__name__}).") from error


def _private(*, implicit: bool) -> bytes:
    group, text = PRIVATE
    tag = struct.pack("<HH", group, 0x0010)
    return tag + (struct.pack("<I", len(text)) if implicit else b"LO" + struct.pack("<H", len(text))) + text


REWRITING = Rewriting(title="Tag order", OPTIONS=TagOrder, apply=reordered)
