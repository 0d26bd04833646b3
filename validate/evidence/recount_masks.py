"""What is said of a measure over all cases, by the textbook, from the column of the measure.

The measure of a single case was taken from its mask, which stays at the site: that is for `validate replay` to do again.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from validate.evidence.recount_quantile import quantile as type_7
from validate.evidence.recount_yes_no import Found

Columns = Sequence[Sequence[float]]  # of each case the values that the statistic needs
Condition = Mapping[str, float]


def mean(cases: Columns, _condition: Condition) -> Found:
    return Found(math.fsum(case[0] for case in cases) / len(cases) if cases else math.nan)


def median(cases: Columns, _condition: Condition) -> Found:
    return Found(statistics.median(case[0] for case in cases) if cases else math.nan)


def quantile(cases: Columns, condition: Condition) -> Found:
    return Found(type_7((case[0] for case in cases), condition["share"]) if cases else math.nan)


def at_least(cases: Columns, condition: Condition) -> Found:
    hits = sum(case[0] >= condition["goal"] for case in cases)
    return Found(hits / len(cases) if cases else math.nan, hits, len(cases))


def at_most(cases: Columns, condition: Condition) -> Found:
    hits = sum(case[0] <= condition["goal"] for case in cases)
    return Found(hits / len(cases) if cases else math.nan, hits, len(cases))


def lesion_sensitivity(cases: Columns, _condition: Condition) -> Found:
    there = sum(case[1] for case in cases)
    return Found(sum(case[0] for case in cases) / there if there else math.nan)


def limit_of_agreement(sign: int) -> Callable[[Columns, Condition], Found]:
    """Mean ± 1.96 standard deviations (Bland and Altman)."""

    def value(cases: Columns, _condition: Condition) -> Found:
        values = [case[0] for case in cases]
        if len(values) < 2:
            return Found(math.nan)
        return Found(
            statistics.fmean(values) + sign * statistics.NormalDist().inv_cdf(0.975) * statistics.stdev(values)
        )

    return value


def concordance(cases: Columns, _condition: Condition) -> Found:
    """Of two columns (Lin): twice what they share, over both spreads and the distance of the means."""
    if len(cases) < 2:
        return Found(math.nan)
    x, y = ([case[side] for case in cases] for side in (0, 1))
    a, b = statistics.fmean(x), statistics.fmean(y)
    shared = math.fsum((one - a) * (other - b) for one, other in zip(x, y, strict=True)) / len(cases)
    below = statistics.pvariance(x, a) + statistics.pvariance(y, b) + (a - b) ** 2
    return Found(2 * shared / below if below else math.nan)


STATISTICS: Mapping[str, Callable[[Columns, Condition], Found]] = {
    "mean": mean, "median": median, "quantile": quantile, "at_least": at_least, "at_most": at_most,
    "lesion_sensitivity": lesion_sensitivity, "concordance": concordance, "low": limit_of_agreement(-1), "high": limit_of_agreement(1),
}  # fmt: skip
LESIONS = ("lesions_found", "lesions_reference")
VOLUMES = ("volume_reference", "volume_prediction")
AT_THE_WORST = {"diagonal": "case.diagonal"}  # a failed case's distance: from one end of the image to the other


def statistic(metric: str) -> tuple[str, tuple[str, ...]] | None:
    """Name and columns: "segmentation.mean.dice" → mean, (dice,); None for one that is not counted here."""
    parts = metric.split(".")
    if parts == ["segmentation", "lesion_sensitivity"]:
        return "lesion_sensitivity", LESIONS
    if parts == ["segmentation", "volume_concordance"]:
        return "concordance", VOLUMES
    if parts[:2] == ["segmentation", "lesion_sensitivity_of_size"] and len(parts) == 3:
        return "lesion_sensitivity", tuple(f"{name}_{parts[2].removeprefix('size_')}" for name in LESIONS)
    if len(parts) == 4 and parts[:2] == ["segmentation", "limits_of_agreement"] and parts[3] in STATISTICS:
        return parts[3], (parts[2],)
    known = len(parts) == 3 and parts[0] == "segmentation" and parts[1] in STATISTICS
    return (parts[1], (parts[2],)) if known else None


def counted(column: str, row: Mapping[str, object], rule: str | None, worst: str | None, best: float) -> float | None:
    """The value of one case; of a failed one what the rule makes of it. None where it has none.

    rule : None where the case did not fail      worst : "zero" or "diagonal"; None for a measure without a worst value
    """
    found, reference = LESIONS
    if column.startswith(reference) or rule is None:
        return _number(row.get(f"case.{column}"))
    if column.startswith(found):
        there = _number(row.get(f"case.{column.replace(found, reference)}"))
        return None if there is None or rule == "excluded" else 0.0 if rule == "worst_case" else there
    if worst is None or rule == "excluded":
        return None
    least = 0.0 if worst == "zero" else _number(row.get(AT_THE_WORST[worst]))
    if least is None:
        return None
    return least if rule == "worst_case" else best


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
