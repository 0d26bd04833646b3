"""Declared comparisons × paired differences → outcomes. Limits decide here too; the family's rule has the last word.

For every hypothesis the lower (upper) limit at level 1 - 2·alpha is held against the margin: non-inferior where it is at or
above -margin, superior where it lies above the margin (0 unless given), equivalent where both limits lie within ± margin
(two one-sided tests). Of a family, Holm's and Benjamini–Hochberg's adjusted p must reach alpha as well, and in a fixed sequence
every earlier comparison must have been met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from validate.analyses.wording import measure, printed_estimate, printed_goal
from validate.estimation.estimate import Estimate
from validate.metrics.metric import Metric
from validate.protocol.passes import CLEAN
from validate.protocol.question import Comparison
from validate.protocol.schema import StudyProtocol
from validate.registry import load
from validate.stats.multiplicity import benjamini_hochberg, holm
from validate.verdict.limits import why_unreadable
from validate.verdict.verdict import CriterionResult, Outcome, Reason

ADJUSTED = {"holm": holm, "benjamini_hochberg": benjamini_hochberg}
NAMES = {"holm": "Holm", "benjamini_hochberg": "Benjamini–Hochberg", "fixed_sequence": "the fixed sequence"}
CLAIM = {
    "superiority": ("is better than", "is not better than", "is better than"),
    "noninferiority": ("is not inferior to", "is inferior to", "is no worse than"),
    "equivalence": ("is equivalent to", "is not equivalent to", "is equivalent to"),
}  # shown, refuted, left open


def compared(protocol: StudyProtocol, estimates: Sequence[Estimate], *, locked: bool) -> tuple[CriterionResult, ...]:
    """One result for each declared comparison, in the protocol's order."""
    found = [_estimate(comparison, estimates) for comparison in protocol.comparisons]
    results = [
        _result(protocol, index, comparison, estimate, locked=locked)
        for index, (comparison, estimate) in enumerate(zip(protocol.comparisons, found, strict=True))
    ]
    return tuple(_within_family(protocol, results, found))


def _estimate(comparison: Comparison, estimates: Sequence[Estimate]) -> Estimate | None:
    """The overall difference under the locked rule."""
    wanted = {"kind": "difference", "against": comparison.reference}
    return next(
        (
            e
            for e in estimates
            if e.endpoint == comparison.endpoint and e.model == comparison.test and e.contrast is not None
            and dict(e.contrast) == wanted and not e.stratum and e.pass_id == CLEAN.id and "/missing=" not in e.id
        ),
        None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Region:
    """Differences that the claim allows: from low to high, the open ends infinite; strict: the end itself is not one."""

    low: float
    high: float
    strict: bool

    def holds(self, low: float, high: float) -> bool:
        return (low > self.low if self.strict else low >= self.low) and (
            high < self.high if self.strict else high <= self.high
        )

    def excludes(self, low: float, high: float) -> bool:
        return high < self.low or low > self.high or (self.strict and (high <= self.low or low >= self.high))

    @property
    def goal(self) -> float:
        return self.low if self.low != float("-inf") else self.high


def _region(comparison: Comparison, metric: Metric) -> _Region:
    margin, infinite = comparison.margin or 0.0, float("inf")
    if comparison.hypothesis == "equivalence":
        return _Region(-margin, margin, strict=False)
    edge = -margin if comparison.hypothesis == "noninferiority" else margin
    strict = comparison.hypothesis == "superiority" and margin == 0
    return _Region(edge, infinite, strict) if metric.better != "lower" else _Region(-infinite, -edge, strict)


def _result(
    protocol: StudyProtocol, index: int, comparison: Comparison, estimate: Estimate | None, *, locked: bool
) -> CriterionResult:
    endpoint = next(e for e in protocol.endpoints if e.id == comparison.endpoint)
    metric: Metric = load("metrics", endpoint.metric)
    region = _region(comparison, metric)
    outcome, reason = _judge(region, estimate)
    lower = region.low != float("-inf")
    return CriterionResult(
        id=f"comparisons[{index}]",
        model=comparison.test,
        endpoint=comparison.endpoint,
        outcome=outcome,
        reason=reason,
        sentence=_sentence(protocol, comparison, estimate, reason),
        goal=region.goal,
        direction="at_least" if lower else "at_most",
        limit="lower" if lower else "upper",
        estimate=estimate.id if estimate is not None else None,
        estimates=(estimate.id,) if estimate is not None else (),
        locked=locked and (estimate is None or estimate.prespecified),
        hypothesis=comparison.hypothesis,
        against=comparison.reference,
        role=comparison.role,
    )


def _judge(region: _Region, estimate: Estimate | None) -> tuple[Outcome, Reason]:
    unreadable = why_unreadable(estimate, min_events=None)
    if unreadable is not None or estimate is None or estimate.interval is None:
        return "INCONCLUSIVE", unreadable or "undefined"
    low, high = estimate.interval.low, estimate.interval.high
    if region.holds(low, high):
        return "PASS", "limit_meets_goal"
    if region.excludes(low, high):
        return "FAIL", "limit_misses_goal"
    return "INCONCLUSIVE", "straddles_goal"


def _within_family(
    protocol: StudyProtocol, results: list[CriterionResult], found: Sequence[Estimate | None]
) -> list[CriterionResult]:
    family = protocol.multiplicity
    if family is None:
        return results
    places = [next(i for i, r in enumerate(results) if r.endpoint == name) for name in family.order]
    if family.method == "fixed_sequence":
        stopped: str | None = None
        for place in places:
            if stopped is not None and results[place].outcome == "PASS":
                why = f"It comes after '{stopped}' in the fixed sequence, which was not met, so it decides nothing."
                results[place] = _undecided(results[place], "earlier_not_met", why)
            if results[place].outcome != "PASS" and stopped is None:
                stopped = results[place].endpoint
        return results
    tested = [place for place in places if _p(found[place]) is not None]
    adjusted = ADJUSTED[family.method]([_p(found[place]) or 0.0 for place in tested])
    for place, p in zip(tested, adjusted.tolist(), strict=True):
        alpha = protocol.comparisons[place].alpha_one_sided
        if results[place].outcome == "PASS" and p > alpha:
            why = (
                f"Of {len(places)} comparisons {NAMES[family.method]} asks for more: the adjusted one-sided p is {p:.4f}, "
                f"above {alpha:g}."
            )
            results[place] = _undecided(results[place], "adjusted_p_too_large", why)
    return results


def _p(estimate: Estimate | None) -> float | None:
    return None if estimate is None or estimate.test is None else estimate.test.p


def _undecided(result: CriterionResult, reason: Reason, why: str) -> CriterionResult:
    return replace(result, outcome="INCONCLUSIVE", reason=reason, sentence=f"{result.sentence} {why}")


def _sentence(protocol: StudyProtocol, comparison: Comparison, estimate: Estimate | None, reason: Reason) -> str:
    test, reference = _names(protocol, comparison)
    if estimate is None:
        return f"'{comparison.endpoint}' of {test} and {reference} was not compared, so nothing can be decided."
    margin = comparison.margin or 0.0
    within = f" (margin {printed_goal(margin, estimate.unit)})" if margin else ""
    shown, refuted, open_ = (f"{test} {claim} {reference}{within}" for claim in CLAIM[comparison.hypothesis])
    found = f"{measure(estimate, protocol)}, {test} less {reference}: {printed_estimate(estimate)}"
    aside = "" if comparison.role == "primary" else " It is secondary and takes no part in the verdict."
    if reason == "limit_meets_goal":
        return f"{found}; {shown}.{aside}"
    if reason == "limit_misses_goal":
        return f"{found}; {refuted}.{aside}"
    if reason == "straddles_goal":
        edge = "the margin" if margin else "no difference"
        return f"{found}; whether {open_} is left open: the limits reach across {edge}.{aside}"
    why = f" ({estimate.reason.rstrip('.')})" if estimate.reason else ""
    return f"{found}; limits that can be trusted are missing{why}, so nothing is decided."


def _names(protocol: StudyProtocol, comparison: Comparison) -> tuple[str, str]:
    """The models' names, with their versions where the names alone are the same."""
    models = {model.id: model for model in protocol.models}
    test, reference = models[comparison.test], models[comparison.reference]
    if test.name != reference.name:
        return test.name, reference.name
    return f"{test.name} {test.version}", f"{reference.name} {reference.version}"
