"""One slice as the report keeps it: grey values, and the borders drawn into it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Borders = Sequence[Sequence[int]]  # sides of pixels: [x, y, across, down], from (x, y) on


def slice_picture(
    grey: NDArray[np.float64],
    *,
    place: int,
    slices: int,
    spacing: Sequence[float],
    window: Any,
    reference: Borders = (),
    prediction: Borders = (),
) -> dict[str, Any]:
    """As plain JSON.

    grey : (y, x), 0 black to 1 white      place : of the slice, from 0      spacing : of what is shown, (y, x)
    window : what is black and what is white, [low, high], or in words      reference, prediction : in pixels of what is shown
    """
    return {
        "schema_version": "1",
        "slice": place + 1,
        "slices": slices,
        "rows": int(grey.shape[0]),
        "columns": int(grey.shape[1]),
        "spacing": [float(step) for step in spacing],
        "window": window,
        "pixels": base64.b64encode(np.rint(grey * 255).astype(np.uint8).tobytes()).decode(),
        "reference": reference,
        "prediction": prediction,
    }


def between(shown: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Grey values of what is shown: black at `low` and under it, white at `high` and over it."""
    return np.clip((shown - low) / max(high - low, 1e-9), 0, 1)
