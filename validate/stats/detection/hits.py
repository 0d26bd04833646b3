"""Which mark hits which lesion, once it is said how well each fits: the highest score chooses first, each lesion is hit once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NONE = -1


@dataclass(frozen=True, slots=True)
class Hits:
    """lesion : (marks,), the lesion that each hits, or -1      repeated : (marks,) hits only what a higher mark has hit already
    ignored : (marks,) hits nothing that counts, but a place that is to be ignored
    """

    lesion: NDArray[np.int64]
    repeated: NDArray[np.bool_]
    ignored: NDArray[np.bool_]

    @property
    def false(self) -> NDArray[np.bool_]:
        """(marks,) hits nothing at all."""
        return np.asarray((self.lesion == NONE) & ~self.repeated & ~self.ignored)


def assign(scores: NDArray[np.float64], fit: NDArray[np.float64], ignore: NDArray[np.bool_]) -> Hits:
    """In order of falling scores, equal ones as they stand, each mark takes the lesion it fits best among those still free.

    fit : (marks, lesions), higher is closer, -inf where the mark does not hit the lesion
    ignore : (lesions,) places where marks count neither as hits nor as false, however many there are
    """
    marks = scores.size
    lesion = np.full(marks, NONE, np.int64)
    repeated, ignored = np.zeros(marks, np.bool_), np.zeros(marks, np.bool_)
    free = ~ignore
    for mark in np.argsort(-scores, kind="stable").tolist():
        hit = fit[mark] > -np.inf
        if not hit.any():
            continue
        open_ = hit & free
        if open_.any():
            best = int(np.where(open_, fit[mark], -np.inf).argmax())
            lesion[mark], free[best] = best, False
        elif (hit & ~ignore).any():
            repeated[mark] = True
        else:
            ignored[mark] = True
    return Hits(lesion, repeated, ignored)
