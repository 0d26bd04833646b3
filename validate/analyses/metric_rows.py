"""The columns a metric reads, from one model's rows, with failures counted as the lock says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.analyses.rows import ModelRows
from validate.metrics.metric import Metric, Rows
from validate.protocol.schema import Endpoint, Model


@dataclass(frozen=True, slots=True)
class MetricRows:
    """rows : what the metric reads    kept : the rows of the model's table they are, in the same order"""

    rows: Rows
    kept: ModelRows


def metric_rows(rows: ModelRows, model: Model, endpoint: Endpoint, metric: Metric, *, rule: str) -> MetricRows | None:
    """`rule` is inference.on_failure; None where the metric needs an operating point and the model has none."""
    outputs_only = metric.failures == "outputs_only" or rule == "exclude_and_report"
    kept = rows.where(rows.labelled & ~rows.failed if outputs_only else rows.labelled)
    columns = {"score": ranked_scores(kept, rule), "positive": kept.positive}
    condition = {name: float(x) for name, x in endpoint.options.items() if isinstance(x, int | float)}
    if model.operating_point is not None:
        columns["flagged"] = flagged_by_rule(kept, model, rule)
        condition["threshold"] = model.operating_point.threshold
    elif "flagged" in metric.needs:
        return None
    return MetricRows(Rows(columns, condition), kept)


def ranked_scores(rows: ModelRows, rule: str) -> NDArray[np.float64]:
    """Scores with each failure at the end of the scale where the rule puts it: a wrong positive lowest, and so on."""
    wrong = np.where(rows.positive, -np.inf, np.inf)
    return np.where(rows.failed, wrong if rule == "worst_case" else -wrong, rows.score)


def flagged_by_rule(rows: ModelRows, model: Model, rule: str) -> NDArray[np.bool_]:
    """Which rows are flagged; a failure as the rule says: worst_case is wrong, best_case is right."""
    wrong = ~rows.positive
    return np.where(rows.failed, wrong if rule == "worst_case" else ~wrong, rows.flagged(model))
