"""The setting child: lays parts of a report out, and numbers them when it is told where they stand."""

from __future__ import annotations

import gc
import logging
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import MissingLibrary
from validate.processes.channel import ChildGone, own_channel
from validate.report.leaves import Leaves
from validate.report.sheet import Sheet
from validate.report.typesetter import Warnings, discard_fonts, weasyprint_here

Arrays = list[NDArray[Any]]
RARELY = 500_000  # new objects between searches for garbage, of which a layout makes next to none


def main() -> None:
    """Serve until the parent closes the pipe."""
    channel = own_channel()
    gc.set_threshold(RARELY)
    heard = Warnings()
    logging.getLogger("weasyprint").addHandler(heard)
    try:
        weasyprint_here()
    except MissingLibrary as error:
        channel.send({"missing": "pango" if isinstance(error.__cause__, OSError) else "weasyprint"})
        return
    channel.send({"ready": True})
    sheets: dict[int, Sheet] = {}
    while True:
        try:
            request, arrays = channel.receive()
            channel.send(*_answered(sheets, request, arrays, heard))
        except ChildGone:
            sheets.clear()
            discard_fonts()
            os._exit(0)  # what a layout is made of takes a second to be taken apart object by object


def _answered(
    sheets: dict[int, Sheet], request: dict[str, Any], arrays: tuple[NDArray[Any], ...], heard: Warnings
) -> tuple[dict[str, Any], Arrays]:
    try:
        return _answer(sheets, request, arrays, heard)
    except Exception as error:  # noqa: BLE001 (the parent says it; a process that died would only be missed)
        return {"failed": f"{type(error).__name__}: {error}"}, []


def _answer(
    sheets: dict[int, Sheet], request: dict[str, Any], arrays: tuple[NDArray[Any], ...], heard: Warnings
) -> tuple[dict[str, Any], Arrays]:
    part = int(request["part"])
    if arrays:
        sheets[part] = Sheet(arrays[0].tobytes().decode())
        anchors = [[one.name, one.page, one.x, one.y] for one in sheets[part].anchors]
        return {"heights": sheets[part].heights, "anchors": anchors}, []
    leaves = sheets.pop(part).numbered(
        part=part, before=request["before"], total=request["total"], folios=request["folios"]
    )
    said, heard.messages = heard.messages, []
    return {"warnings": said}, packed(leaves)


def packed(leaves: Leaves) -> Arrays:
    """As plain arrays: numbers, lengths, and all bytes in a row."""
    pieces: list[bytes] = []
    for head, stream in leaves.objects.values():
        pieces += [head, stream]
    pieces += [leaves.elements, leaves.metadata]
    pieces += [value for _, value in leaves.parents]
    pieces += [dictionary for _, dictionary, _ in leaves.outline]
    pieces += [piece for pair in leaves.places for piece in pair]
    for entries in (leaves.catalog, leaves.info):
        pieces += [piece for key, value in entries.items() for piece in (key.encode(), value)]
    counts = [
        len(leaves.objects), len(leaves.parents), len(leaves.outline), len(leaves.places), len(leaves.catalog),
        len(leaves.info), len(leaves.kids),
    ]  # fmt: skip
    numbers = [
        *leaves.objects, *(key for key, _ in leaves.parents), *(number for number, _, _ in leaves.outline),
        *(count for _, _, count in leaves.outline), *leaves.kids, *leaves.roots,
    ]  # fmt: skip
    return [
        np.array(counts, np.int64), np.array(numbers, np.int64), np.array([len(piece) for piece in pieces], np.int64),
        np.frombuffer(b"".join(pieces), np.uint8),
    ]  # fmt: skip


def unpacked(arrays: tuple[NDArray[Any], ...]) -> Leaves:
    """What `packed` was given."""
    objects, parents, outline, places, catalog, info, kids = (int(count) for count in arrays[0])
    numbers = iter(arrays[1].tolist())
    ends = np.cumsum(arrays[2]).tolist()
    whole = arrays[3].tobytes()
    pieces = (whole[start:end] for start, end in zip([0, *ends], ends, strict=False))
    keys, nums, marks, counts, pages = (
        [next(numbers) for _ in range(size)] for size in (objects, parents, outline, outline, kids)
    )
    return Leaves(
        objects={key: (next(pieces), next(pieces)) for key in keys},
        kids=tuple(pages),
        elements=next(pieces),
        metadata=next(pieces),
        parents=tuple((key, next(pieces)) for key in nums),
        outline=tuple((mark, next(pieces), count) for mark, count in zip(marks, counts, strict=True)),
        places=tuple((next(pieces), next(pieces)) for _ in range(places)),
        catalog={next(pieces).decode(): next(pieces) for _ in range(catalog)},
        info={next(pieces).decode(): next(pieces) for _ in range(info)},
        roots=(next(numbers), next(numbers), next(numbers)),
    )
