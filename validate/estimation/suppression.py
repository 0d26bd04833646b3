"""Groups too small to be shown at all: no value, no limits, and the reason; their counts stay, so that sums add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from validate.estimation.estimate import Estimate
from validate.protocol.schema import StudyProtocol


def why_suppressed(protocol: StudyProtocol, stratum: Mapping[str, str], patients: int) -> str | None:
    """The reason in words, or None where the group may be shown."""
    least = protocol.cohort.suppress_below
    if least is None or not stratum or patients >= least:
        return None
    return f"suppressed: {patients} patient{'' if patients == 1 else 's'}, fewer than the {least} of cohort.suppress_below."


def suppressed(protocol: StudyProtocol, estimate: Estimate) -> Estimate:
    """The estimate, or its name and counts alone."""
    reason = why_suppressed(protocol, estimate.stratum, estimate.n_patients)
    if reason is None:
        return estimate
    return replace(
        estimate,
        value=None,
        interval=None,
        numerator=None,
        denominator=None,
        status="undefined",
        reason=reason,
        test=None,
        flags=(),
    )
