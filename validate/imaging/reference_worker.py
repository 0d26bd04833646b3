"""The process of the reference decoders: one frame after the other, until the pipe is closed (reference_process.py)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np


def main() -> None:
    """Answers on a copy of the standard output; what a library prints goes nowhere."""
    from validate.imaging.reference_process import LENGTHS

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    questions = sys.stdin.buffer
    while len(announced := questions.read(LENGTHS.size)) == LENGTHS.size:
        head, size = LENGTHS.unpack(announced)
        _answer(answers, json.loads(questions.read(head)), questions.read(size))


def _answer(answers: BinaryIO, asked: Mapping[str, Any], frame: bytes) -> None:
    from validate.imaging.failure import DecodeFailure
    from validate.imaging.reference_process import LENGTHS

    content = b""
    try:
        found = _decoded(asked, frame)
        values = np.ascontiguousarray(found.values)
        header: dict[str, Any] = {"decoder": found.decoder, "type": values.dtype.str, "shape": list(values.shape)}
        content = values.tobytes()
    except DecodeFailure as failure:
        header = {"failure": [failure.reason, failure.detail]}
    except MemoryError:
        header = {"failure": ["decode:out_of_memory", "The image does not fit this machine's memory."]}
    sent = json.dumps(header).encode()
    answers.write(LENGTHS.pack(len(sent), len(content)) + sent + content)
    answers.flush()


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


if __name__ == "__main__":
    main()
