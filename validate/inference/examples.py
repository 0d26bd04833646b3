"""One case as each disturbance leaves it, small: pixels leave the site with the report, so a protocol must ask for them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.canonical import pretty_json, write_atomically
from validate.cohort.case import Case
from validate.imaging.perturb.grey import ends
from validate.imaging.resize import resized
from validate.imaging.volume import DecodeFailure, Volume
from validate.inference.view import transform_of
from validate.protocol.passes import Pass
from validate.protocol.robustness import severity_of
from validate.registry import load

FOLDER = "pictures/robustness"
SIDE = 96  # pixels of the longer side
TRIES = 20  # cases that may fail to decode before there is no picture


def write_examples(folder: Path, cases: Iterable[Case], passes: Sequence[Pass]) -> int:
    """FOLDER/CAUSE.json, the image as it is and at each severity; returns how many causes. The first case that can be read is shown."""
    volume, case = _first(cases)
    if volume is None or case is None:
        return 0
    by_cause: dict[str, list[tuple[int, Pass]]] = {}
    for one in passes:
        found = severity_of(one.id)
        if found is not None and one.volume_transform is not None:
            by_cause.setdefault(found[0], []).append((found[1], one))
    clean = picture(volume, volume)
    for cause, steps in by_cause.items():
        pictures = [clean, *(_disturbed(volume, case, one) for _, one in sorted(steps, key=lambda step: step[0]))]
        document = {"schema_version": "1", "severities": [0, *sorted(step for step, _ in steps)], "pictures": pictures}
        write_atomically(folder / FOLDER / f"{cause}.json", pretty_json(document))
    return len(by_cause)


def _first(cases: Iterable[Case]) -> tuple[Volume | None, Case | None]:
    from validate.imaging.image import read_image

    for case in list(cases)[:TRIES]:
        try:
            path = case.files[0]
            volume = read_image(path)
            ends(volume)
        except (DecodeFailure, LookupError):
            continue
        return volume, case
    return None, None


def _disturbed(volume: Volume, case: Case, one: Pass) -> Mapping[str, Any] | None:
    transform = transform_of(one.volume_transform, one.id)
    assert transform is not None
    try:
        changed = load("perturbations", transform.name)(
            volume, dict(transform.options), transform.generator(case.digest, 0)
        )
    except DecodeFailure:
        return None
    return picture(changed, volume)


def picture(volume: Volume, like: Volume) -> Mapping[str, Any]:
    """{"rows", "columns", "colour", "pixels": base64 of uint8}: the middle slice, in the window of `like`, made small."""
    low, high = ends(like)
    plane = np.asarray(volume.voxels[volume.voxels.shape[0] // 2], np.float32)
    channels = np.moveaxis(plane, -1, 0) if plane.ndim == 3 else plane[None]
    scale = SIDE / max(channels.shape[1:])
    size = max(round(channels.shape[1] * scale), 1), max(round(channels.shape[2] * scale), 1)
    small = resized(np.ascontiguousarray(channels), size, method="bilinear", antialias=True) if scale < 1 else channels
    grey: NDArray[Any] = np.rint(np.clip((small - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    colour = grey.shape[0] == 3
    pixels = np.moveaxis(grey, 0, -1) if colour else grey[0]
    return {
        "rows": int(pixels.shape[0]),
        "columns": int(pixels.shape[1]),
        "colour": colour,
        "pixels": base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode(),
    }
