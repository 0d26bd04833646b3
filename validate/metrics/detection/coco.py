"""COCO's average precision and recall of boxes, as pycocotools counts them: one metric for each of its twelve numbers.

Of several classes together it is the mean over those that have lesions to find, as pycocotools prints it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.metrics.detection.rows import TASKS, refuse_none
from validate.metrics.metric import Metric, Rows
from validate.stats.detection.coco import MOST, THRESHOLDS, average

EVERY = tuple(range(THRESHOLDS.size))
RANGES = {
    "small": "of boxes under 32² pixels",
    "medium": "of boxes of 32² to 96² pixels",
    "large": "of boxes over 96² pixels",
}
SOURCE = "Lin et al. 2014, doi:10.1007/978-3-319-10602-1_48, as in pycocotools"


def coco(
    title: str,
    symbol: str,
    *,
    recall: bool = False,
    thresholds: tuple[int, ...] = EVERY,
    most: int = MOST[-1],
    area: int = 0,
) -> Metric:
    """Thresholds : places in THRESHOLDS that are averaged    most : marks of a case that count    area : place in AREAS."""

    def value(rows: Rows, weights: NDArray[np.int64]) -> float:
        wanted = weights * rows["counted"][:, area]
        refuse_none(title, lesion=int(wanted.sum()))
        chosen = np.flatnonzero(rows["mark"] & (rows["rank"] < most))
        order = chosen[np.lexsort((rows["place"][chosen], -rows["score"][chosen]))]
        of_class = []
        for number, lesions in enumerate(np.bincount(rows["class"], wanted).tolist()):
            if lesions:
                found = average(
                    order[rows["class"][order] == number], rows["matched"][:, area], rows["ignored"][:, area], weights,
                    lesions, thresholds=np.asarray(thresholds, np.int64),
                )  # fmt: skip
                of_class.append(float(found[1 if recall else 0].mean()))
        return float(np.mean(of_class))

    return Metric(
        title=title,
        symbol=symbol,
        tasks=TASKS,
        needs=("mark", "counted", "matched", "ignored", "rank", "place", "score", "class"),
        value=value,
        intervals=("bootstrap",),
        prevalence_dependent=not recall,
        explanation=(
            "The highest share of lesions that boxes find at all"
            if recall
            else "Precision averaged over all shares of lesions found, from none to all of them"
        )
        + (", averaged over overlaps of 0.50 to 0.95 that make a hit." if len(thresholds) > 1 else "."),
        source=SOURCE,
    )


METRICS = {
    "ap": coco("Average precision at IoU 0.50 to 0.95 (COCO)", "AP"),
    "ap50": coco("Average precision at IoU 0.50 (COCO)", "AP50", thresholds=(0,)),
    "ap75": coco("Average precision at IoU 0.75 (COCO)", "AP75", thresholds=(5,)),
    **{
        f"ap_{name}": coco(f"Average precision {words} (COCO)", f"AP {name}", area=place)
        for place, (name, words) in enumerate(RANGES.items(), start=1)
    },
    **{
        f"ar{most}": coco(f"Average recall with {most} boxes a case (COCO)", f"AR{most}", recall=True, most=most)
        for most in MOST
    },
    **{
        f"ar_{name}": coco(f"Average recall {words} (COCO)", f"AR {name}", recall=True, area=place)
        for place, (name, words) in enumerate(RANGES.items(), start=1)
    },
}
