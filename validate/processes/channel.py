"""Messages between this program and a child of it: a JSON header over a pipe, and plain arrays through shared memory.

Arrays that do not fit the shared memory, or where there is none, go over the pipe. Messages take its slots in turn: as many may be
on their way before the first is answered. It can't be shrunk or grown by either side, so no child can take it from under us.
Nothing is unpickled: the child reads hostile files, so what it sends back is hostile too.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import mmap
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from validate.processes.sandbox import library_path

Arrays = tuple[NDArray[Any], ...]

ALIGNED = 64  # bytes, so that vector instructions find arrays where they like them
LARGEST_HEADER = 1 << 20
PIPE = 1 << 15  # bytes that a pipe takes for sure before anybody reads them
LARGEST_ARRAY = 1 << 31  # numbers
ELEMENTS = {"float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint32", "uint16", "uint8"}
ENVIRONMENT = (
    *("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH"),
    *("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "NUMBA_CACHE_DIR"),
)
_LENGTH = struct.Struct("<Q")


class ChildGone(Exception):
    """The child ended, or said something that is no message."""


class ChildSilent(Exception):
    """The child gave no answer in the time it had."""


@dataclass(slots=True)
class Channel:
    """One end of a pair of pipes.

    outgoing, incoming : shared memory of either direction, where there is any      slots : that either is divided into
    """

    reader: BinaryIO
    writer: BinaryIO
    outgoing: mmap.mmap | None = None
    incoming: mmap.mmap | None = None
    slots: int = 1
    _sent: int = 0

    def fits(self, header: Mapping[str, Any], arrays: Sequence[NDArray[Any]]) -> bool:
        """Whether this goes out without waiting for the other side to read."""
        return self._places(arrays) is not None and len(json.dumps(header)) + 200 * len(arrays) < PIPE

    def send(self, header: Mapping[str, Any], arrays: Sequence[NDArray[Any]] = ()) -> None:
        """Raises ChildGone when nobody is there any more."""
        described: list[dict[str, Any]] = [{"type": array.dtype.name, "shape": list(array.shape)} for array in arrays]
        shared = self._put(arrays)
        for entry, place in zip(described, shared or (), strict=False):
            entry["at"] = place
        content = json.dumps({"header": header, "arrays": described}, allow_nan=False).encode()
        try:
            self._write(memoryview(_LENGTH.pack(len(content)) + content))
            for array in arrays if shared is None else ():
                self._write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
            self._sent += 1
        except (BrokenPipeError, ValueError) as error:
            raise ChildGone("the other side is gone") from error

    def _put(self, arrays: Sequence[NDArray[Any]]) -> list[int] | None:
        """Where each array now lies in the shared memory; None where they do not fit."""
        places = self._places(arrays)
        if self.outgoing is None or places is None:
            return None
        for array, place in zip(arrays, places, strict=True):
            np.copyto(_view(self.outgoing, array.dtype.name, array.shape, place), array)
        return places

    def _places(self, arrays: Sequence[NDArray[Any]]) -> list[int] | None:
        """Where they would lie in the next slot; None where they do not fit."""
        slot = 0 if self.outgoing is None else len(self.outgoing) // self.slots // ALIGNED * ALIGNED
        begin = end = self._sent % self.slots * slot
        places = []
        for array in arrays:
            places.append(end)
            end += -(-array.nbytes // ALIGNED) * ALIGNED
        return places if self.outgoing is not None and end <= begin + slot else None

    def receive(self, timeout: float | None = None, *, copy: bool = True) -> tuple[dict[str, Any], Arrays]:
        """The next message. copy : False gives arrays that are good until it is answered, and no longer.

        Raises ChildGone at the end of the stream or on nonsense, ChildSilent after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline))
        if length > LARGEST_HEADER:
            raise ChildGone("the other side sent no message")
        try:
            message = json.loads(bytes(self._read(length, deadline)))
            header, described = dict(message["header"]), [_described(entry) for entry in message["arrays"]]
        except (ValueError, KeyError, TypeError) as error:
            raise ChildGone("the other side sent no message") from error
        return header, tuple(self._array(*entry, deadline, copy=copy) for entry in described)

    def _array(
        self, element: str, shape: tuple[int, ...], place: int | None, deadline: float | None, *, copy: bool
    ) -> NDArray[Any]:
        if place is not None:
            try:
                found = _view(self.incoming, element, shape, place)
            except (TypeError, ValueError) as error:
                raise ChildGone("the other side sent no message") from error
            return found.copy() if copy else found
        size = math.prod(shape) * np.dtype(element).itemsize
        return np.frombuffer(self._read(size, deadline), dtype=element).reshape(shape)

    def _write(self, content: memoryview[int]) -> None:
        while content:
            content = content[os.write(self.writer.fileno(), content) :]

    def _read(self, size: int, deadline: float | None) -> bytearray:
        content = bytearray(size)
        view, filled = memoryview(content), 0
        while filled < size:
            if deadline is not None:
                ready, _, _ = select.select([self.reader], [], [], max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise ChildSilent("no answer in time")
            count = os.readv(self.reader.fileno(), [view[filled:]])
            if count == 0:
                raise ChildGone("the other side is gone")
            filled += count
        return content


@dataclass(slots=True)
class Child:
    """A Python process of ours that serves one channel and ends with it."""

    process: subprocess.Popen[bytes]
    channel: Channel = field(repr=False)

    def end(self) -> None:
        """Close the pipes, which is the child's sign to end; kill it if it does not."""
        self._close()
        try:
            self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it now."""
        self.process.kill()
        self.process.wait()
        self._close()

    def _close(self) -> None:
        self.channel.outgoing = self.channel.incoming = None  # unmapped when the last array on it is gone
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def start_child(module: str, *, shared_bytes: int = 0, slots: int = 1, hidden: Sequence[str] = ()) -> Child:
    """Start `module.main()` in a fresh interpreter with our own search path, and no credentials in its environment.

    shared_bytes : of memory for arrays of one message in each direction; it is only taken as it is used
    slots : messages in each direction that may be on their way before the first is answered
    hidden : folders that the child can't read once it is confined (sandbox.hiding)
    """
    memory = [_memory(shared_bytes * slots) for _ in range(2)] if shared_bytes and hasattr(os, "memfd_create") else []
    root = str(Path(__file__).parents[2])
    path = [root, *(entry for entry in library_path() if entry != root)]
    hide = f"from validate.processes.sandbox import hide; hide({list(hidden)!r}); " if hidden else ""
    program = f"import sys; sys.path[:] = {path!r}; {hide}from {module} import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", program, *map(str, [*memory, slots] if memory else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        bufsize=0,
        pass_fds=memory,
        start_new_session=True,  # Ctrl-C is for the parent, which then ends its children
    )
    if process.stdin is None or process.stdout is None:
        raise ChildGone("no pipes")
    maps = _mapped(memory)
    channel = Channel(process.stdout, process.stdin, *maps, slots=slots)  # type: ignore[arg-type, misc]
    return Child(process, channel)


def own_channel() -> Channel:
    """The child's end. Standard output is turned away first, so that no library's chatter breaks the messages."""
    reader, writer = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    incoming = outgoing = None
    if memory := [int(argument) for argument in sys.argv[1:3]]:
        incoming, outgoing = _mapped(memory)
    slots = int(sys.argv[3]) if memory else 1
    return Channel(
        os.fdopen(reader, "rb", buffering=0), os.fdopen(writer, "wb", buffering=0), outgoing, incoming, slots
    )


def _memory(size: int) -> int:
    """A file in memory that nobody can shrink: reading where a child has cut it off would end this process."""
    memory = os.memfd_create("arrays", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(memory, size)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return memory


def _mapped(memory: Sequence[int]) -> list[mmap.mmap]:
    """Mapped, and the file descriptors closed."""
    maps = [mmap.mmap(file, os.fstat(file).st_size) for file in memory]
    for file in memory:
        os.close(file)
    return maps


def _view(memory: mmap.mmap | None, element: str, shape: tuple[int, ...], place: int) -> NDArray[Any]:
    """An array on shared memory. Raises TypeError or ValueError where it would lie outside."""
    if memory is None or place < 0 or place % ALIGNED:
        raise ValueError("no shared memory there")
    return np.frombuffer(memory, element, math.prod(shape), place).reshape(shape)


def _described(entry: Mapping[str, Any]) -> tuple[str, tuple[int, ...], int | None]:
    element, shape = str(entry["type"]), tuple(int(size) for size in entry["shape"])
    if element not in ELEMENTS or any(size < 0 for size in shape) or math.prod(shape) > LARGEST_ARRAY:
        raise ValueError("no array of ours")
    place = entry.get("at")
    return element, shape, None if place is None else int(place)
