"""Two models and an endpoint: what is compared, and what the protocol declares of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from validate.estimation.plan import Plan
from validate.protocol.model import Model
from validate.protocol.question import Comparison
from validate.protocol.schema import StudyProtocol

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models and an endpoint, with what the protocol declares of them, or None where it only shows them together."""

    test: Model
    reference: Model
    plan: Plan
    declared: Comparison | None

    @property
    def level(self) -> float:
        """Two-sided level of the limits: 1 - 2 · alpha."""
        return LEVEL if self.declared is None else 1.0 - 2.0 * self.declared.alpha_one_sided

    @property
    def method(self) -> str:
        """As declared; else Obuchowski for an AUROC and the bootstrap for all else. Never chosen from the data."""
        if self.declared is not None and self.declared.interval is not None:
            return self.declared.interval
        return "obuchowski" if "obuchowski" in self.plan.metric.intervals else "bootstrap"


def pairs_of(protocol: StudyProtocol, plans: Sequence[Plan]) -> tuple[Pair, ...]:
    """The declared comparisons in their order, then every other pair of models for every endpoint of the protocol.

    What is not declared of two models is taken in the direction of the first comparison that is, else the later less the earlier.
    """
    models = {model.id: model for model in protocol.models}
    by_endpoint = {plan.endpoint: plan for plan in plans if plan.role != "supporting"}
    declared = [
        Pair(models[one.test], models[one.reference], by_endpoint[one.endpoint], one) for one in protocol.comparisons
    ]
    taken = {(frozenset((pair.test.id, pair.reference.id)), pair.plan.endpoint) for pair in declared}
    ways = {frozenset((one.test, one.reference)): one for one in reversed(protocol.comparisons)}
    others = []
    for plan in by_endpoint.values():
        for first, second in combinations(protocol.models, 2):
            pair = frozenset((first.id, second.id))
            if (pair, plan.endpoint) not in taken:
                way = ways.get(pair)
                test, reference = (models[way.test], models[way.reference]) if way is not None else (second, first)
                others.append(Pair(test, reference, plan, None))
    return (*declared, *others)


def nulls(pair: Pair) -> list[tuple[float, bool]]:
    """(shift, upward): the nulls to refute are "difference ≤ -shift" (upward) or "difference ≥ -shift"."""
    assert pair.declared is not None
    margin, higher = pair.declared.margin or 0.0, pair.plan.metric.better != "lower"
    if pair.declared.hypothesis == "equivalence":
        return [(margin, True), (-margin, False)]
    shift = margin if pair.declared.hypothesis == "noninferiority" else -margin
    return [(shift, True)] if higher else [(-shift, False)]
