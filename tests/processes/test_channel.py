"""Messages between processes: arrays as they are, and nonsense is a child that is gone."""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from validate.processes.channel import Channel, ChildGone, ChildSilent, _memory


@pytest.fixture
def pipe() -> Iterator[tuple[Channel, int]]:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as read_end, os.fdopen(os.dup(writer), "wb", buffering=0) as write_end:
        yield Channel(read_end, write_end), writer
        os.close(writer)


def test_a_message_arrives_as_it_was_sent(pipe: tuple[Channel, int]) -> None:
    channel, _ = pipe
    arrays = [np.arange(6, dtype=np.float32).reshape(1, 2, 3), np.zeros((0, 4), dtype=np.int64)]
    channel.send({"a": "ü", "b": [1, None]}, arrays)
    header, received = channel.receive(5)
    assert header == {"a": "ü", "b": [1, None]}
    assert all(
        np.array_equal(one, other) and one.dtype == other.dtype for one, other in zip(arrays, received, strict=True)
    )


@pytest.mark.parametrize(
    "message",
    [
        [],
        {"header": {}},
        {"header": {}, "arrays": [{"type": "object", "shape": [1]}]},
        {"header": {}, "arrays": [{"type": "float32", "shape": [-1]}]},
        {"header": {}, "arrays": [{"type": "float32", "shape": [1 << 40]}]},
    ],
)
def test_nonsense_is_a_child_that_is_gone(pipe: tuple[Channel, int], message: Any) -> None:
    channel, writer = pipe
    content = json.dumps(message).encode()
    os.write(writer, struct.pack("<Q", len(content)) + content)
    with pytest.raises(ChildGone, match="sent no message"):
        channel.receive(5)


def test_a_giant_header_is_not_read(pipe: tuple[Channel, int]) -> None:
    channel, writer = pipe
    os.write(writer, struct.pack("<Q", 1 << 50))
    with pytest.raises(ChildGone):
        channel.receive(5)


def test_silence_ends(pipe: tuple[Channel, int]) -> None:
    channel, writer = pipe
    os.write(writer, b"\x01")
    with pytest.raises(ChildSilent):
        channel.receive(0.05)


def test_arrays_go_through_shared_memory_where_they_fit_and_over_the_pipe_where_not(pipe: tuple[Channel, int]) -> None:
    memory = mmap.mmap(-1, 4096)
    channel, _ = pipe
    channel.outgoing = channel.incoming = memory
    small = [np.arange(100, dtype=np.float32), np.arange(6, dtype=np.uint8).reshape(2, 3)]
    channel.send({}, small)
    _, received = channel.receive(5, copy=False)
    assert all(np.array_equal(one, other) for one, other in zip(small, received, strict=True))
    assert received[0].ctypes.data != small[0].ctypes.data and received[0].base is not None
    kept = received[0].copy()
    channel.send({}, [np.zeros(100, np.float32)])
    assert (received[0] == 0).all()  # what was not copied is overwritten by the next message
    assert channel.receive(5)[1][0].sum() == 0 and kept.sum() == 4950
    large = np.arange(5000, dtype=np.uint8)
    channel.send({}, [large])
    assert np.array_equal(channel.receive(5)[1][0], large)


@pytest.mark.parametrize("place", [-64, 1, 4096, 1 << 40])
def test_an_array_outside_the_shared_memory_is_nonsense(pipe: tuple[Channel, int], place: int) -> None:
    channel, writer = pipe
    channel.incoming = mmap.mmap(-1, 4096)
    content = json.dumps({"header": {}, "arrays": [{"type": "float32", "shape": [16], "at": place}]}).encode()
    os.write(writer, struct.pack("<Q", len(content)) + content)
    with pytest.raises(ChildGone, match="sent no message"):
        channel.receive(5)


def test_no_side_can_cut_the_shared_memory_off() -> None:
    memory = _memory(1 << 16)
    with pytest.raises(PermissionError):
        os.ftruncate(memory, 4096)
    os.close(memory)


def test_messages_take_the_slots_of_shared_memory_in_turn() -> None:
    """Two may be under way: neither may overwrite the other before it is read."""
    descriptor, (reader, writer) = _memory(2 * 4096), os.pipe()
    sender = mmap.mmap(descriptor, 2 * 4096)
    with os.fdopen(reader, "rb", buffering=0) as read_end, os.fdopen(writer, "wb", buffering=0) as write_end:
        channel = Channel(read_end, write_end, sender, sender, slots=2)
        large, small = np.arange(1000, dtype=np.float32), np.arange(3, dtype=np.uint8)
        assert channel.fits({}, [large])
        assert not channel.fits({}, [large, large])  # more than one slot
        assert not channel.fits({"text": "x" * 40000}, [small])  # a header that the pipe may not take at once
        for number in range(6):
            channel.send({"number": number}, [large + number])
            channel.send({"number": -number}, [large - number, small][:1])
            first, second = channel.receive(5, copy=False), channel.receive(5, copy=False)
            np.testing.assert_array_equal(first[1][0], large + number)
            np.testing.assert_array_equal(second[1][0], large - number)
        del first, second
    os.close(descriptor)
