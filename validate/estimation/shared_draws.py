"""Replicates of paired differences, drawn once for all that are asked of the same rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from validate.estimation.pair import Pair
from validate.estimation.replicates import Resampling
from validate.estimation.sample import Sample
from validate.metrics.metric import Values
from validate.metrics.replicates import replicate_values
from validate.protocol.targets import MEASURED


@dataclass(frozen=True, slots=True)
class SharedDraws:
    """Replicates of all resampled differences of one pass and target: what is asked for together is drawn together."""

    resampling: Resampling
    pairs: tuple[Pair, ...]
    kept: dict[Any, dict[str, Values]] = field(default_factory=dict)
    further: list[SharedDraws] = field(default_factory=list)

    def values(self, pair: Pair, samples: tuple[Sample, Sample], rules: Any) -> list[Values]:
        """Of the pair's metric for both models, all endpoints of these models, rules and options in one sweep."""
        found = []
        for model, other, sample in zip((pair.test, pair.reference), (pair.reference, pair.test), samples, strict=True):
            needs = pair.plan.metric.needs if pair.plan.metric.tasks & MEASURED else ()
            partner = other.id if "excluded" in rules[0] or needs else None
            asked = tuple(sorted(pair.plan.options.items())), needs, pair.plan.outputs_only
            key = (model.id, partner, rules, model.id == pair.test.id, asked)
            if key not in self.kept:
                self.kept[key] = self._drawn(pair, sample)
            found.append(self.kept[key][pair.plan.name])
        return found

    def more(self) -> SharedDraws | None:
        """The same with twice the replicates, the first half of them the same; None where the lock allows no more."""
        doubled = self.resampling.doubled()
        if doubled is not None and not self.further:
            self.further.append(SharedDraws(doubled, self.pairs))
        return self.further[0] if self.further else None

    def _drawn(self, pair: Pair, sample: Sample) -> dict[str, Values]:
        alike = {
            one.plan.name: one.plan.metric for one in self.pairs
            if one.method == "bootstrap" and one.plan.options == pair.plan.options
            and (pair.plan.metric.needs == one.plan.metric.needs or not pair.plan.metric.tasks & MEASURED)
            and one.plan.outputs_only == pair.plan.outputs_only and {one.test.id, one.reference.id} & {pair.test.id, pair.reference.id}
        }  # fmt: skip
        values = replicate_values(
            list(alike.values()), sample.rows, cluster=sample.cluster, groups=sample.groups.members,
            weights=self.resampling.weights, workers=self.resampling.workers,
        )  # fmt: skip
        return dict(zip(alike, values, strict=True))
