"""The compressed frames of a file: every one that is declared is there, ends, and is of the declared size."""

from __future__ import annotations

import struct

from pydicom.dataset import FileDataset
from pydicom.encaps import generate_frames
from pydicom.uid import UID, RLELossless

from validate.imaging.codestream import is_whole, size
from validate.imaging.element_value import whole_number
from validate.imaging.volume import DecodeFailure


def checked_frames(dataset: FileDataset, content: bytes | memoryview, syntax: UID) -> list[bytes]:
    """Every declared frame is there, ends, and is of the declared size: decoders fill in what is missing, in silence."""
    count = whole_number(dataset, "NumberOfFrames", 1)
    offsets = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    announced = (int(dataset.Rows), int(dataset.Columns))
    found: list[bytes] = []
    try:
        frames = generate_frames(content, number_of_frames=count, extended_offsets=offsets if all(offsets) else None)
        for number, frame in enumerate(frames, start=1):
            if number > count:
                break
            found.append(frame)
            if syntax == RLELossless:
                continue
            if not is_whole(frame):
                raise DecodeFailure("decode:truncated", f"Frame {number} of {count} has no end.")
            if (own := size(frame)) not in {None, announced}:
                raise DecodeFailure(
                    "decode:corrupt", f"The compressed frame is {own}, the header says {announced} (rows, columns)."
                )
    except (ValueError, EOFError, IndexError, struct.error) as error:
        raise DecodeFailure("decode:truncated", "The compressed frames are not whole.") from error
    if len(found) < count:
        raise DecodeFailure("decode:truncated", f"The file has {len(found)} of the {count} frames that it declares.")
    return found
