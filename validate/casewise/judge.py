"""One kind of lesion in one case: which mark hits which lesion, and what each mark counts as."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.casewise.lesion_source import Truth
from validate.casewise.mark_source import Marks
from validate.casewise.objects import fit
from validate.protocol.detection import Detection
from validate.stats.detection.hits import NONE, assign


@dataclass(frozen=True, slots=True)
class Judged:
    """scores, verdicts, lesion, fits : (marks,); scores None where the case has no output
    best : (lesions,) score of the mark that hit it, NaN where none did
    """

    scores: NDArray[np.float64] | None
    verdicts: NDArray[Any]
    lesion: NDArray[np.int64]
    fits: NDArray[np.float64]
    best: NDArray[np.float64]

    def mark_rows(self, marks: Marks | None) -> Iterator[dict[str, Any]]:
        """As casewise.marked_tables.MARKS has them, without keys."""
        if marks is None:
            return
        places = marks.objects.geometry.tolist()
        for number, score in enumerate(marks.scores.tolist()):
            hit = int(self.lesion[number])
            yield {
                "mark": number,
                "score": score,
                "verdict": str(self.verdicts[number]),
                "lesion": None if hit == NONE else hit,
                "fit": None if hit == NONE else float(self.fits[number]),
                "shape": marks.objects.shape,
                "geometry": places[number],
            }

    def lesion_rows(self, truth: Truth) -> Iterator[dict[str, Any]]:
        """As casewise.marked_tables.LESIONS has them, without keys."""
        for number, place in enumerate(truth.objects.geometry.tolist()):
            size, best = float(truth.objects.size[number]), float(self.best[number])
            yield {
                "lesion": number,
                "ignore": bool(truth.ignore[number]),
                "score": None if np.isnan(best) else best,
                "size": None if np.isnan(size) else size,
                "shape": truth.objects.shape,
                "geometry": place,
                **truth.rows[number],
            }


def judged(block: Detection, marks: Marks | None, truth: Truth | None) -> Judged:
    """Marks None : the case failed. truth None : it has no reference, and marks are not judged."""
    lesions = 0 if truth is None else len(truth.objects)
    best = np.full(lesions, np.nan)
    if marks is None:
        nobody = np.zeros(0)
        return Judged(None, np.zeros(0, "U8"), nobody.astype(np.int64), nobody, best)
    verdicts = np.full(len(marks.scores), "unjudged", "U8")
    lesion, fits = np.full(len(marks.scores), NONE, np.int64), np.full(len(marks.scores), np.nan)
    if truth is None:
        return Judged(marks.scores, verdicts, lesion, fits, best)
    closeness = fit(marks.objects, truth.objects, block.hit)
    hits = assign(marks.scores, closeness, truth.ignore)
    again = "false" if block.repeated_hits == "false_mark" else "repeated"
    verdicts[:] = np.select(
        [hits.lesion != NONE, hits.repeated, hits.ignored], ["hit", again, "ignored"], default="false"
    )
    lesion = hits.lesion
    found = np.flatnonzero(lesion != NONE)
    fits[found] = closeness[found, lesion[found]]
    best[lesion[found]] = marks.scores[found]
    return Judged(marks.scores, verdicts, lesion, fits, best)
