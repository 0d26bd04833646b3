"""Images whose preprocessing is left to a model's process: how they are sent, and how it makes one batch of them.

Alike images go as one array in their own type, half of what single precision takes on its way to a GPU, or less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.device_steps import finished, sent
from validate.imaging.unfinished import Unfinished, steps_of


def message(images: Sequence[Unfinished], size: int) -> tuple[dict[str, Any], list[NDArray[Any]]]:
    """A header and arrays; `batch` reads them in the model's process. size : of the batch, filled up with zeros."""
    groups: dict[Any, list[int]] = {}
    for place, image in enumerate(images):
        groups.setdefault(image.alike, []).append(place)
    told, arrays = [], list[NDArray[Any]]()
    for places in groups.values():
        some = [images[place] for place in places]
        first = some[0]
        arrays += [
            np.stack([sent(one.pixels) for one in some]),
            np.array([one.numbers for one in some], np.float64),
            *([] if first.table is None else [first.table]),
        ]
        told.append(
            {
                "places": places,
                "type": first.pixels.dtype.name,
                "steps": [list(step) for step in first.steps],
                "table": first.table is not None,
            }
        )
    return {"left": told, "size": size, "shape": list(images[0].shape)}, arrays


def batch(torch: Any, header: Mapping[str, Any], arrays: Sequence[Any]) -> Any:
    """(size, channel, y, x) float32 on the device that `arrays`, tensors, lie on."""
    left = iter(arrays)
    parts = [
        (
            group["places"],
            finished(
                torch,
                next(left),
                str(group["type"]),
                steps_of(group["steps"]),
                next(left),
                next(left) if group["table"] else None,
            ),
        )
        for group in header["left"]
    ]
    size = int(header["size"])
    if len(parts) == 1 and len(parts[0][0]) == size:
        return parts[0][1].contiguous()
    whole = torch.zeros((size, *header["shape"]), dtype=torch.float32, device=parts[0][1].device)
    for places, part in parts:
        whole[torch.tensor(places, device=whole.device)] = part
    return whole
