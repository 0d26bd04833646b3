"""PPV and NPV restated at a prevalence that the study did not have: Bayes' rule, with both uncertainties carried along.

Mercaldo, Lau & Zhou 2007, doi:10.1002/sim.2677: intervals on the logit scale, where
logit PPV = log(prevalence · Se / ((1 - prevalence)(1 - Sp))) and logit NPV = log((1 - prevalence) · Sp / (prevalence (1 - Se))).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from validate.stats.limits import Array, Limits, normal_quantile


@dataclass(frozen=True, slots=True)
class Restated:
    """A predictive value at a stated prevalence."""

    value: float
    limits: Limits


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Sensitivity and specificity with the n behind each: rows, or the effective n of clustered rows."""

    sensitivity: float
    positives: float
    specificity: float
    negatives: float

    def __post_init__(self) -> None:
        for name, share in (("sensitivity", self.sensitivity), ("specificity", self.specificity)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is {share}; expected 0 to 1")
        if not (0 < self.positives < np.inf and 0 < self.negatives < np.inf):
            raise ValueError(f"got n {self.positives} and {self.negatives}; both must be above 0, and finite")


def ppv_at(prevalence: float, accuracy: Accuracy, *, level: float = 0.95) -> Restated:
    """Positive predictive value. Raises ValueError unless 0 < prevalence < 1."""
    odds = _odds(prevalence)
    true_flags, false_flags = prevalence * accuracy.sensitivity, (1 - prevalence) * (1 - accuracy.specificity)
    settled = _away_from_edges(accuracy, level)
    centre = np.log(odds * settled.sensitivity / (1 - settled.specificity))
    variance = _log_variance(settled.sensitivity, settled.positives) + _log_variance(
        1 - settled.specificity, settled.negatives
    )
    return _restated(true_flags, false_flags, float(centre), variance, level)


def npv_at(prevalence: float, accuracy: Accuracy, *, level: float = 0.95) -> Restated:
    """Negative predictive value. Raises ValueError unless 0 < prevalence < 1."""
    odds = _odds(prevalence)
    true_clear, false_clear = (1 - prevalence) * accuracy.specificity, prevalence * (1 - accuracy.sensitivity)
    settled = _away_from_edges(accuracy, level)
    centre = np.log(settled.specificity / (odds * (1 - settled.sensitivity)))
    variance = _log_variance(settled.specificity, settled.negatives) + _log_variance(
        1 - settled.sensitivity, settled.positives
    )
    return _restated(true_clear, false_clear, float(centre), variance, level)


def _restated(right: float, wrong: float, centre: float, variance: float, level: float) -> Restated:
    if right + wrong == 0:
        raise ValueError("with sensitivity 0 and specificity 1 nothing is flagged (or the reverse): there is no value")
    half = normal_quantile(level) * np.sqrt(variance)
    value, low, high = right / (right + wrong), _expit(centre - half), _expit(centre + half)
    return Restated(value, Limits(np.minimum(low, value), np.maximum(high, value)))


def _away_from_edges(accuracy: Accuracy, level: float) -> Accuracy:
    """The same, or both shrunken by z²/2 successes and failures where one is exactly 0 or 1 (Mercaldo's adjusted logit)."""
    if 0 < accuracy.sensitivity < 1 and 0 < accuracy.specificity < 1:
        return accuracy
    extra = normal_quantile(level) ** 2
    positives, negatives = accuracy.positives + extra, accuracy.negatives + extra
    return Accuracy(
        (accuracy.sensitivity * accuracy.positives + extra / 2) / positives,
        positives,
        (accuracy.specificity * accuracy.negatives + extra / 2) / negatives,
        negatives,
    )


def _log_variance(share: float, n: float) -> float:
    return (1 - share) / (share * n)


def _odds(prevalence: float) -> float:
    if not 0 < prevalence < 1:
        raise ValueError(f"the prevalence is {prevalence}; expected a number between 0 and 1")
    return prevalence / (1 - prevalence)


def _expit(x: float) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))
