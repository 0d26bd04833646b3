"""The decoding child: reads one image at a time, and takes a crash or a hang of a decoder with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import ValidateError
from validate.imaging import reference_decoder
from validate.imaging.placed import placement_of
from validate.imaging.unfinished import Unfinished, joined, parted
from validate.inference.decode import Decoded, DecodeTask, decode
from validate.inference.held import Held, message_of, volume_from
from validate.inference.view import View, view_of
from validate.models.prediction import Failure
from validate.processes.channel import ChildGone, own_channel
from validate.processes.sandbox import confine


def main() -> None:
    """Serve until the parent closes the pipe."""
    channel = own_channel()
    confine([Path("/")], limit_memory=True)
    reference_decoder.HAS_A_PROCESS = True
    views: tuple[View, ...] = ()
    while True:
        try:
            request, _ = channel.receive()
            if "views" in request:
                views = tuple(view_of(view) for view in request["views"])
            channel.send(*_answer(request, views))
        except ChildGone:
            return


def _answer(request: dict[str, Any], views: tuple[View, ...]) -> tuple[dict[str, Any], list[Any]]:
    task = DecodeTask(
        place=0,
        paths=tuple(Path(path) for path in request["paths"]),
        views=views,
        content=request["content"],
        number=request["number"],
    )
    try:
        decoded = decode(task)
    except ValidateError as error:
        return {"error": str(error)}, []
    return described(decoded)


def described(decoded: Decoded) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    """The header of an answer and its arrays, as `decoded_from` reads them: what it says of each view, in their order."""
    views: list[dict[str, Any]] = []
    arrays: list[NDArray[Any]] = []
    held: dict[int, int] = {}
    for image in decoded.images:
        if isinstance(image, Failure):
            views.append({"failure": {"reason": image.reason, "detail": image.detail}})
        elif isinstance(image, Held):
            if id(image) in held:
                views.append({"same": held[id(image)]})
                continue
            held[id(image)] = len(views)
            header, parts = message_of(image.volume)
            views.append({"held": header, "number": image.number})
            arrays += parts
        elif isinstance(image, Unfinished):
            views.append({"unfinished": parted(image, arrays)})
        else:
            views.append({})
            arrays.append(image)
    return {
        "views": views,
        "places": [None if place is None else place.document() for place in decoded.places],
        "source": dict(decoded.source),
        "seconds": decoded.seconds,
        "stages": dict(decoded.stages),
    }, arrays


def decoded_from(header: Mapping[str, Any], arrays: Sequence[NDArray[Any]], *, content: str) -> Decoded:
    """What a child says that it decoded. Raises LookupError, TypeError, ValueError or StopIteration on nonsense."""
    left = iter(arrays)
    images: list[NDArray[np.float32] | Unfinished | Held | Failure] = []
    for entry in header["views"]:
        if "failure" in entry:
            images.append(Failure(str(entry["failure"]["reason"]), str(entry["failure"]["detail"])))
        elif "same" in entry:
            images.append(images[entry["same"]])
        elif "held" in entry:
            images.append(Held(volume_from(entry["held"], left), content, int(entry["number"])))
        elif "unfinished" in entry:
            images.append(joined(entry["unfinished"], left))
        else:
            images.append(next(left))
    places = tuple(entry and placement_of(entry) for entry in header["places"])
    return Decoded(tuple(images), header["source"], header["seconds"], places, header["stages"])
