"""What a model sees of a case in one pass: how its files are read, disturbed and preprocessed. Plain data, equal or not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.random import Generator, Philox

from validate.canonical import canonical_json
from validate.imaging.chosen import Choice, choice_of

Steps = tuple[Mapping[str, Mapping[str, Any]], ...]
Reader = Literal["image", "series"]


@dataclass(frozen=True, slots=True)
class Transform:
    """One disturbance. stream : what the noise of a case is drawn from besides the seed and the case."""

    name: str
    options: Mapping[str, Any]
    seed: int
    stream: str

    def generator(self, content: str, number: int) -> Generator:
        """The generator of image `number` of this case: the same at any site that has these files, whatever else runs.

        content : the digest of its files. A pseudonym won't do: it hangs on the key of the site, so that nobody else could
            draw this noise again.
        """
        key = hashlib.sha256(canonical_json([self.seed, self.stream, content, number])).digest()[:16]
        return Generator(Philox(key=int.from_bytes(key, "little")))


@dataclass(frozen=True, slots=True)
class View:
    """
    steps : preprocessing      reader : "image", each file by itself; "series", all files of the case as one volume
    geometry : of a series, what may be done where its slices make no regular box (protocol/geometry.py)
    choice : of one of several named inputs, which of the case's files it is; None where all are given
    on_device : whether the arithmetic of the steps is left to the model's device (imaging/unfinished.py)
    """

    steps: Steps
    reader: Reader = "image"
    geometry: Mapping[str, Any] = field(default_factory=dict)
    file_transform: Transform | None = None
    volume_transform: Transform | None = None
    choice: Choice | None = None
    on_device: bool = False

    @property
    def key(self) -> bytes:
        """Equal for views that show the same."""
        return canonical_json(self.document())

    def document(self) -> dict[str, Any]:
        """As plain JSON, for a decoding child."""
        return {
            "steps": [dict(step) for step in self.steps],
            "reader": self.reader,
            "geometry": dict(self.geometry),
            "file_transform": _document(self.file_transform),
            "volume_transform": _document(self.volume_transform),
            "choice": None if self.choice is None else self.choice.document(),
            "on_device": self.on_device,
        }


def view_of(document: Mapping[str, Any]) -> View:
    """The view that `document` describes."""
    return View(
        tuple(document["steps"]),
        document["reader"],
        document["geometry"],
        _transform(document["file_transform"]),
        _transform(document["volume_transform"]),
        None if document["choice"] is None else choice_of(document["choice"]),
        bool(document["on_device"]),
    )


def transform_of(said: Mapping[str, Any] | None, pass_id: str) -> Transform | None:
    """As a pass says it (protocol/passes.py)."""
    if said is None:
        return None
    stream = str(said.get("stream", pass_id))
    return Transform(str(said["name"]), dict(said.get("options", {})), int(said.get("seed", 0)), stream)


def _document(transform: Transform | None) -> dict[str, Any] | None:
    if transform is None:
        return None
    return {
        "name": transform.name,
        "options": dict(transform.options),
        "seed": transform.seed,
        "stream": transform.stream,
    }


def _transform(document: Mapping[str, Any] | None) -> Transform | None:
    return None if document is None else Transform(**document)
