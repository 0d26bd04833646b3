"""The four-fold table at the operating point, with failures counted as a rule says."""

from __future__ import annotations

from dataclasses import dataclass

from validate.estimation.sample import Sample


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


def two_by_two(sample: Sample) -> TwoByTwo:
    """Counts of a sample of a model with an operating point."""
    positive, flagged = sample.rows["positive"], sample.rows["flagged"]
    return TwoByTwo(
        true_positives=int((positive & flagged).sum()),
        false_negatives=int((positive & ~flagged).sum()),
        false_positives=int((~positive & flagged).sum()),
        true_negatives=int((~positive & ~flagged).sum()),
    )
