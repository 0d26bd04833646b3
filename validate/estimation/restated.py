"""PPV and NPV at the prevalences that the protocol states, from sensitivity and specificity of the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from validate.estimation.estimate import Interval
from validate.estimation.estimator import Numbers
from validate.estimation.fit import distinct, proportion_fit
from validate.estimation.sample import Sample
from validate.metrics.metric import Fraction
from validate.stats.predictive import Accuracy, Restated, npv_at, ppv_at

METHOD = "mercaldo_logit"
RESTATED: dict[str, Callable[..., Restated]] = {"ppv": ppv_at, "npv": npv_at}


def restated(short_name: str, sample: Sample, *, prevalence: float, level: float) -> Numbers:
    """Over all cases. Each of sensitivity and specificity enters with its effective n."""
    members = sample.groups.members[0]
    positive, flagged = sample.rows["positive"], sample.rows["flagged"]
    concerned = flagged if short_name == "ppv" else ~flagged
    counts = Numbers(
        n_cases=int(members.sum()), n_patients=distinct(sample.patient[members]), n_events=int(concerned.sum())
    )
    if not positive.any() or positive.all():
        reason = "a predictive value at another prevalence needs positive and negative cases: there is one class only."
        return replace(counts, reason=reason)
    if not concerned.any():
        what = "flagged" if short_name == "ppv" else "left unflagged"
        return replace(counts, reason=f"no case is {what}, so there is no predictive value.")
    found = RESTATED[short_name](prevalence, _accuracy(sample, level), level=level)
    interval = Interval(float(found.limits.low), float(found.limits.high), level, METHOD)
    return replace(counts, value=found.value, interval=interval, status="ok")


def _accuracy(sample: Sample, level: float) -> Accuracy:
    positive, flagged = sample.rows["positive"], sample.rows["flagged"]
    everyone = np.ones(positive.size, np.bool_)
    found = []
    for fraction in (Fraction(positive & flagged, positive), Fraction(~positive & ~flagged, ~positive)):
        fit = proportion_fit(fraction, sample.cluster, everyone, method="wilson_effective_n", level=level)
        assert fit.effective_n is not None
        found.append((float(fraction.numerator.sum() / fraction.denominator.sum()), fit.effective_n))
    return Accuracy(found[0][0], found[0][1], found[1][0], found[1][1])
