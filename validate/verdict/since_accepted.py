"""An acceptance must still stand: the endpoint of this run less that of the accepted one may fall by the tolerance at most.

PASS where the limits of the difference keep to the tolerance, FAIL where they lie wholly beyond it, otherwise INCONCLUSIVE: that no fall
was seen is no evidence that there was none.
"""

from __future__ import annotations

from collections.abc import Sequence

from validate.analyses.still_stands import since_conclusion
from validate.analyses.wording import measure, metric_of, printed_estimate, printed_goal
from validate.estimation.estimate import Estimate
from validate.estimation.shift import SINCE
from validate.protocol.compared import SHIFT
from validate.protocol.model import Model
from validate.protocol.question import Criterion
from validate.protocol.schema import StudyProtocol
from validate.protocol.shift import shift_of
from validate.verdict.limits import why_unreadable
from validate.verdict.verdict import CriterionResult, Outcome, Reason

OUTCOMES: dict[str, tuple[Outcome, Reason]] = {
    "stands": ("PASS", "limit_meets_goal"),
    "fallen": ("FAIL", "limit_misses_goal"),
    "open": ("INCONCLUSIVE", "straddles_goal"),
}


def since_result(
    protocol: StudyProtocol,
    estimates: Sequence[Estimate],
    index: int,
    criterion: Criterion,
    model: Model,
    *,
    locked: bool,
) -> CriterionResult:
    """One criterion with `analysis: shift` and an endpoint, for one model."""
    options = shift_of(protocol)
    tolerance = (None if options is None else options.tolerance_of(criterion.endpoint)) or 0.0
    found = next((e for e in estimates if _meant(e, criterion, model)), None)
    outcome, reason = _judged(found, tolerance)
    better = None if found is None else metric_of(found).better
    falls = better == "higher"
    sentence = _sentence(protocol, criterion, found, outcome, tolerance)
    return CriterionResult(
        id=f"acceptance[{index}]",
        model=model.id,
        endpoint=criterion.endpoint,
        outcome=outcome,
        reason=reason,
        sentence=f"{model.name}: {sentence}" if len(protocol.models) > 1 else sentence,
        goal=-tolerance if falls else tolerance,
        direction="at_least" if falls else "at_most",
        limit="lower" if falls else "upper",
        estimate=None if found is None else found.id,
        estimates=() if found is None else (found.id,),
        locked=locked and (found is None or found.prespecified),
        hypothesis="equivalence" if better == "neither" else None,
        analysis=SHIFT,
    )


def _meant(estimate: Estimate, criterion: Criterion, model: Model) -> bool:
    kind = (estimate.contrast or {}).get("kind")
    return kind == SINCE and estimate.endpoint == criterion.endpoint and estimate.model == model.id


def _judged(found: Estimate | None, tolerance: float) -> tuple[Outcome, Reason]:
    if found is None:
        return "INCONCLUSIVE", "undefined"
    unreadable = why_unreadable(found, min_events=None)
    return OUTCOMES[since_conclusion(found, tolerance)] if unreadable is None else ("INCONCLUSIVE", unreadable)


def _sentence(
    protocol: StudyProtocol, criterion: Criterion, found: Estimate | None, outcome: Outcome, tolerance: float
) -> str:
    if found is None:
        return f"the accepted run has no '{criterion.endpoint}' of this model, so nothing can be decided."
    said = f"{measure(found, protocol)}, this run less the accepted one: {printed_estimate(found)}"
    within = printed_goal(tolerance, found.unit)
    match outcome:
        case "PASS":
            return f"{said}; by its limits it has not fallen by more than {within}: the acceptance still stands here."
        case "FAIL":
            return f"{said}; by its limits it has fallen by more than {within}: the acceptance no longer stands."
    why = (found.reason or f"a fall by {within} lies inside the limits").rstrip(".")
    return f"{said}; {why}, so whether the acceptance still stands is not shown."
