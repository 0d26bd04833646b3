"""The decoding child: reads one image at a time, and takes a crash or a hang of a decoder with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from validate.errors import ValidateError
from validate.inference.decode import Decoded, DecodeTask, decode
from validate.inference.view import View, view_of
from validate.models.channel import ChildGone, own_channel
from validate.models.prediction import Failure
from validate.models.sandbox import confine


def main() -> None:
    """Serve until the parent closes the pipe."""
    channel = own_channel()
    confine([Path("/")], limit_memory=True)
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
        unit=request["unit"],
        number=request["number"],
    )
    try:
        decoded = decode(task)
    except ValidateError as error:
        return {"error": str(error)}, []
    return described(decoded), [image for image in decoded.images if not isinstance(image, Failure)]


def described(decoded: Decoded) -> dict[str, Any]:
    """The header of an answer; images that exist follow as arrays, in order."""
    failures = [
        {"reason": image.reason, "detail": image.detail} if isinstance(image, Failure) else None
        for image in decoded.images
    ]
    places = [None if place is None else place.document() for place in decoded.places]
    return {
        "failures": failures,
        "places": places,
        "source": dict(decoded.source),
        "seconds": decoded.seconds,
        "stages": dict(decoded.stages),
    }
