"""The four-fold table at the operating point, with failures counted as a rule says."""

from __future__ import annotations

from dataclasses import dataclass

from validate.analyses.metric_rows import flagged_by_rule
from validate.analyses.rows import ModelRows
from validate.protocol.schema import Model


@dataclass(frozen=True, slots=True)
class TwoByTwo:
    """Rows with a reference label; the sums over a class are positives and negatives."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int

    @property
    def positives(self) -> int:
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> int:
        return self.false_positives + self.true_negatives


def two_by_two(rows: ModelRows, model: Model, rule: str) -> TwoByTwo:
    """`rule` is worst_case (a failure is wrong), best_case (right), or exclude_and_report (left out).

    Raises ValueError for a model without an operating point.
    """
    flagged = flagged_by_rule(rows, model, rule)
    kept = rows.labelled & ~rows.failed if rule == "exclude_and_report" else rows.labelled
    positive, negative = kept & rows.positive, kept & ~rows.positive
    return TwoByTwo(
        true_positives=int((positive & flagged).sum()),
        false_negatives=int((positive & ~flagged).sum()),
        false_positives=int((negative & flagged).sum()),
        true_negatives=int((negative & ~flagged).sum()),
    )
