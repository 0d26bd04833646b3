"""Decoding by pydicom and its plug-ins: the reference, and what is asked where our own choice (codecs.py) does not decode."""

from __future__ import annotations

import contextlib
import threading
import zlib
from functools import lru_cache
from typing import Any, NamedTuple

from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.pixels import get_decoder
from pydicom.uid import UID

from validate.imaging.declared import holds_words
from validate.imaging.quick_dataset import real
from validate.imaging.volume import DecodeFailure

# In this order, before what pydicom would try.
PREFERRED = {
    "1.2.840.10008.1.2.4.50": ("pillow", "pylibjpeg"),
    "1.2.840.10008.1.2.4.51": ("pillow", "pylibjpeg"),
    "1.2.840.10008.1.2.5": ("pylibjpeg", "pydicom"),
    "1.2.840.10008.1.2.4.80": ("pyjpegls", "pylibjpeg"),
    "1.2.840.10008.1.2.4.81": ("pyjpegls", "pylibjpeg"),
    "1.2.840.10008.1.2.4.90": ("pylibjpeg",),
    "1.2.840.10008.1.2.4.91": ("pylibjpeg",),
}
# What decoders, which are other people's code, have been seen to raise on damaged input.
DECODER_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zlib.error,
)
HAS_A_PROCESS = False  # whether this process is there to decode, and somebody watches its time
# Plug-ins of pylibjpeg, in threads side by side, have ended the process: one frame at a time goes through them.
ONE_AT_A_TIME = threading.Lock()
# Of a decoder written in Rust, such as pylibjpeg-rle; it is no Exception, and can't be imported.
PANIC = "PanicException"

VIDEO = "1.2.840.10008.1.2.4.10"  # .100 to .108
NO_DECODER = {
    "1.2.840.10008.1.2.4.92": "is JPEG 2000 part 2, several components in one, which has no decoder",
    "1.2.840.10008.1.2.4.93": "is JPEG 2000 part 2, several components in one, which has no decoder",
    "1.2.840.10008.1.2.4.94": "says where on a server the pixels are (JPIP), and holds none",
    "1.2.840.10008.1.2.4.95": "says where on a server the pixels are (JPIP), and holds none",
    "1.2.840.10008.1.2.4.204": "says where on a server the pixels are (JPIP), and holds none",
    "1.2.840.10008.1.2.4.205": "says where on a server the pixels are (JPIP), and holds none",
}


class Decoded(NamedTuple):
    """values : one frame    decoder : the plug-in that decoded it"""

    values: NDArray[Any]
    decoder: str


def decoded_by_reference(dataset: FileDataset, syntax: UID, number: int) -> Decoded:
    """One frame. Raises DecodeFailure (decode:corrupt) where no plug-in decodes it."""
    decoder = decoder_of(syntax)
    dataset = real(dataset)
    if not getattr(dataset, "file_meta", None):
        dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    available = decoder.available_plugins if syntax.is_compressed else ("",)
    preferred = [name for name in PREFERRED.get(str(syntax), ()) if name in available]
    problem: BaseException | None = None
    for plugin in dict.fromkeys([*preferred, *available]):
        try:
            # The unused bits are cleared later, where the high bit is heeded too.
            options = {"correct_unused_bits": False} if holds_words(syntax) else {}
            with ONE_AT_A_TIME if syntax.is_compressed else contextlib.nullcontext():
                array, _ = decoder.as_array(dataset, index=number, decoding_plugin=plugin, **options)
        except BaseException as error:
            if not (isinstance(error, DECODER_ERRORS) or type(error).__name__ == PANIC):
                raise
            problem = error
            continue
        return Decoded(array, plugin or "pydicom")
    raise DecodeFailure("decode:corrupt", f"The pixels can't be decoded ({type(problem).__name__}).") from problem


@lru_cache(maxsize=64)
def decoder_of(syntax: UID) -> Any:
    """Pydicom's decoder. Raises DecodeFailure (decode:unsupported_transfer_syntax) where there is none here."""
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        detail = (
            f"Transfer syntax {syntax} {_kind_of(str(syntax))}: convert such files to still images before validation."
        )
        raise DecodeFailure("decode:unsupported_transfer_syntax", detail) from None
    if not decoder.is_available:
        needs = "; ".join(decoder.missing_dependencies)
        raise DecodeFailure("decode:unsupported_transfer_syntax", f"{syntax.name} needs a decoder: {needs}.")
    return decoder


def _kind_of(syntax: str) -> str:
    """What it is that has no decoder, for the reader of the reason (PS3.6 table A-1)."""
    if syntax.startswith(VIDEO):
        return "is a video (MPEG2, MPEG-4 or HEVC), which no image decoder reads"
    return NO_DECODER.get(syntax, "has no decoder")
