"""The reference decoders in a process of their own: they keep the interpreter's lock, and on damaged files some have hung and some have
ended their process. So a frame has its time, and what dies of it is not the run.

A process is started with the first frame that needs one, and kept; several threads have one each.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import UID

from validate.imaging.element_value import value_of
from validate.imaging.failure import DecodeFailure
from validate.imaging.in_time import DECODING
from validate.imaging.reference_decoder import Decoded
from validate.processes.channel import Arrays, Child, ChildGone, ChildSilent, start_child

# What decides how a frame is decoded (PS3.3 C.7.6.3).
SAID = (
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
)
SHARED = 1 << 26  # bytes of memory for a frame in each direction; larger ones go over the pipe
STARTING = 60.0  # seconds


@dataclass(slots=True)
class _Process:
    child: Child
    new: bool = True

    def ask(self, header: Mapping[str, Any], frame: bytes, seconds: float) -> tuple[dict[str, Any], Arrays]:
        """Its answer. Raises ChildSilent, ChildGone."""
        self.child.channel.send(header, [np.frombuffer(frame, np.uint8)])
        answer = self.child.channel.receive(seconds + (STARTING if self.new else 0.0))
        self.new = False
        return answer


@dataclass(slots=True)
class _Processes:
    """Idle ones wait for the next frame. owner : after a fork they are the parent's"""

    idle: queue.LifoQueue[_Process] = field(default_factory=queue.LifoQueue)
    owner: int = field(default_factory=os.getpid)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> _Process:
        with self.lock:
            if self.owner != os.getpid():
                self.idle, self.owner = queue.LifoQueue(), os.getpid()
        try:
            return self.idle.get_nowait()
        except queue.Empty:
            return _Process(start_child("validate.imaging.reference_worker", shared_bytes=SHARED))

    def close(self) -> None:
        while self.owner == os.getpid():
            try:
                self.idle.get_nowait().child.end()
            except queue.Empty:
                return


PROCESSES = _Processes()
atexit.register(PROCESSES.close)


def decoded_apart(dataset: FileDataset, syntax: UID, frame: bytes, *, seconds: float = DECODING) -> Decoded:
    """One compressed frame. Raises DecodeFailure: decode:corrupt, decode:timeout, decode:crashed."""
    said = {
        name: value if isinstance(value, int) else str(value)
        for name in SAID
        if (value := value_of(dataset, name)) is not None
    }
    process = PROCESSES.take()
    try:
        answer, arrays = process.ask({"syntax": str(syntax), "elements": said}, frame, seconds)
        found = _decoded(answer, arrays)
    except ChildSilent:
        process.child.kill()
        raise DecodeFailure("decode:timeout", "Decoding took longer than the time allowed for one image.") from None
    except (ChildGone, OSError, LookupError, TypeError, ValueError):
        process.child.kill()
        raise DecodeFailure("decode:crashed", "The decoder ended its process on this image.") from None
    except BaseException:
        process.child.kill()  # in the middle of an answer
        raise
    PROCESSES.idle.put(process)
    if isinstance(found, DecodeFailure):
        raise found
    return found


def _decoded(answer: Mapping[str, Any], arrays: Arrays) -> Decoded | DecodeFailure:
    if "failure" in answer:
        return DecodeFailure(str(answer["failure"][0]), str(answer["failure"][1]))
    return Decoded(arrays[0], str(answer["decoder"]))
