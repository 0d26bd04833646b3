"""The process of the reference decoders: one frame after the other, until the pipe is closed (reference_process.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from validate.processes.channel import ChildGone, own_channel


def main() -> None:
    """Serve until the parent closes the pipe."""
    channel = own_channel()
    while True:
        try:
            asked, (frame,) = channel.receive()
            channel.send(*_answer(asked, frame.tobytes()))
        except ChildGone:
            return


def _answer(asked: Mapping[str, Any], frame: bytes) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    from validate.imaging.failure import DecodeFailure

    try:
        found = _decoded(asked, frame)
    except DecodeFailure as failure:
        return {"failure": [failure.reason, failure.detail]}, []
    except MemoryError:
        return {"failure": ["decode:out_of_memory", "The image does not fit this machine's memory."]}, []
    return {"decoder": found.decoder}, [found.values]


def _decoded(asked: Mapping[str, Any], frame: bytes) -> Any:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID

    from validate.imaging.reader_warnings import silence_readers
    from validate.imaging.reference_decoder import decoded_by_reference

    silence_readers()
    dataset = FileDataset("", {}, file_meta=FileMetaDataset())
    for keyword, value in asked["elements"].items():
        setattr(dataset, keyword, value)
    dataset.NumberOfFrames = 1
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return decoded_by_reference(dataset, UID(asked["syntax"]), 0)
