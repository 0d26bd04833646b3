"""The reference decoders in a process of their own: they keep the interpreter's lock, and on damaged files some have hung and some have
ended their process. So a frame has its time, and what dies of it is not the run.

A process is started with the first frame that needs one, and kept; several threads have one each.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.uid import UID

from validate.imaging.element_value import value_of
from validate.imaging.failure import DecodeFailure
from validate.imaging.in_time import DECODING
from validate.imaging.reference_decoder import Decoded

# What decides how a frame is decoded (PS3.3 C.7.6.3).
SAID = (
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
)
LENGTHS = struct.Struct("<QQ")  # of the header, in JSON, and of the bytes after it
LARGEST = 1 << 34
STARTING = 60.0  # seconds
WORKER = "from validate.imaging.reference_worker import main; main()"


@dataclass(slots=True)
class _Process:
    started: subprocess.Popen[bytes]
    new: bool = True

    def ask(self, header: Mapping[str, Any], content: bytes, seconds: float) -> tuple[dict[str, Any], bytearray]:
        """Its answer. Raises TimeoutError; EOFError or OSError where it ended."""
        assert self.started.stdin is not None
        sent = json.dumps(header).encode()
        deadline = time.monotonic() + seconds + (STARTING if self.new else 0.0)
        self.started.stdin.write(LENGTHS.pack(len(sent), len(content)) + sent)
        self.started.stdin.write(content)
        self.started.stdin.flush()
        head, size = LENGTHS.unpack(self._read(LENGTHS.size, deadline))
        if max(head, size) > LARGEST:
            raise EOFError
        answer = json.loads(bytes(self._read(head, deadline)))
        self.new = False
        return answer, self._read(size, deadline)

    def _read(self, size: int, deadline: float) -> bytearray:
        assert self.started.stdout is not None
        content = bytearray(size)
        view, number = memoryview(content), self.started.stdout.fileno()
        while view:
            if not select.select([number], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError
            count = os.readv(number, [view])
            if count == 0:
                raise EOFError
            view = view[count:]
        return content

    def end(self) -> None:
        self.started.kill()
        for stream in (self.started.stdin, self.started.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        self.started.wait()


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
            command = [sys.executable, "-P", "-c", WORKER]  # nothing is loaded from the folder that somebody stands in
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            return _Process(
                subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
                )
            )

    def close(self) -> None:
        while self.owner == os.getpid():
            try:
                self.idle.get_nowait().end()
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
        answer, content = process.ask({"syntax": str(syntax), "elements": said}, frame, seconds)
        found = _decoded(answer, content)
    except TimeoutError:
        process.end()
        raise DecodeFailure("decode:timeout", "Decoding took longer than the time allowed for one image.") from None
    except (EOFError, OSError, LookupError, TypeError, ValueError):
        process.end()
        raise DecodeFailure("decode:crashed", "The decoder ended its process on this image.") from None
    except BaseException:
        process.end()  # in the middle of an answer
        raise
    PROCESSES.idle.put(process)
    if isinstance(found, DecodeFailure):
        raise found
    return found


def _decoded(answer: Mapping[str, Any], content: bytearray) -> Decoded | DecodeFailure:
    if "failure" in answer:
        return DecodeFailure(str(answer["failure"][0]), str(answer["failure"][1]))
    values: NDArray[Any] = np.frombuffer(content, np.dtype(str(answer["type"]))).reshape(answer["shape"])
    return Decoded(values, str(answer["decoder"]))
