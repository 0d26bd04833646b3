"""Centreline Dice: whether each mask's centreline runs inside the other (Shit et al. 2021, doi:10.1109/CVPR46437.2021.01629)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined


def centreline_dice(reference: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> float:
    """Harmonic mean of the shares of each skeleton that lie inside the other mask, in [0, 1].

    reference, prediction : (y, x) or (z, y, x) bool, of one shape. Skeletons by scikit-image (Zhang & Suen 1984 in a
    plane, Lee et al. 1994 in a volume): thinning by topology, so the spacing does not enter.
    Raises Undefined where a mask is empty.
    """
    from skimage.morphology import skeletonize

    if not reference.any() or not prediction.any():
        empty = "reference" if not reference.any() else "prediction"
        raise Undefined(f"centreline Dice needs both masks: the {empty} is empty")
    box = _box(reference | prediction)
    one, other = reference[box], prediction[box]
    thinned: Callable[[NDArray[np.bool_]], Any] = skeletonize
    skeletons = [np.asarray(thinned(mask), np.bool_) for mask in (one, other)]
    sensitivity = float((skeletons[0] & other).sum()) / float(skeletons[0].sum())
    precision = float((skeletons[1] & one).sum()) / float(skeletons[1].sum())
    if sensitivity + precision == 0:
        return 0.0
    return 2 * precision * sensitivity / (precision + sensitivity)


def _box(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    """Around all that is inside, with a margin of one voxel where there is room."""
    found = []
    for axis in range(mask.ndim):
        along = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        found.append(slice(max(int(along[0]) - 1, 0), int(along[-1]) + 2))
    return tuple(found)
