"""Net benefit over thresholds, in this sample and at each prevalence."""

from __future__ import annotations

from collections.abc import Iterator

from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import Number


def numbers(finding: Finding) -> Iterator[Number]:
    for c, curve in enumerate(finding.data["curves"]):
        at = {} if curve["prevalence"] is None else {"prevalence": curve["prevalence"]}
        yield from finding.number(f"curves/{c}/share", finding.cases("share", outputs=True, condition=at))
        for place, threshold in enumerate(finding.data["thresholds"]):
            for name in ("net_benefit", "treat_all", "avoided"):
                line = finding.cases(name, outputs=True, condition={**at, "threshold_probability": threshold})
                yield from finding.number(f"curves/{c}/{name}/{place}", line)
