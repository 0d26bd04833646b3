"""Does an acceptance still stand? Each endpoint of this run beside that of the accepted one, by the limits of the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from validate.analyses.analysis import Evidence
from validate.analyses.wording import measure, metric_of, printed_estimate
from validate.estimation.estimate import Estimate
from validate.protocol.shift import ShiftOptions


def endpoint_since(evidence: Evidence, found: Estimate, options: ShiftOptions) -> dict[str, Any]:
    """Found : this run less the accepted one."""
    return {
        "endpoint": found.endpoint,
        "label": measure(found, evidence.protocol),
        "estimate": found.id,
        "conclusion": since_conclusion(found, options.tolerance_of(found.endpoint) or 0.0),
        "said": printed_estimate(found),
    }


def since_conclusion(found: Estimate, tolerance: float) -> Literal["stands", "fallen", "open"]:
    """Found : this run less the accepted one. "stands" and "fallen" are shown by the limits; all else is "open"."""
    interval, better = found.interval, metric_of(found).better
    if interval is None:
        return "open"
    low, high = (interval.low, interval.high) if better != "lower" else (-interval.high, -interval.low)
    if better == "neither":
        within, beyond = -tolerance <= low and high <= tolerance, low > tolerance or high < -tolerance
    else:
        within, beyond = low >= -tolerance, high < -tolerance
    return "stands" if within else "fallen" if beyond else "open"


def stands(since: Sequence[Mapping[str, Any]]) -> str | None:
    """Of all endpoints: "no" where one has fallen, "open" where one is not shown, None without any."""
    if not since:
        return None
    conclusions = {one["conclusion"] for one in since}
    return "no" if "fallen" in conclusions else "open" if "open" in conclusions else "yes"
