"""How well two cohorts can be told apart, and how far an accepted endpoint has moved: the estimates of `analyses: shift`.

A classifier learns from half-told features (metadata, image statistics, outputs) which cohort a case is of, by patients it has not
seen (five folds); the AUROC of what it says has Obuchowski's limits by patient. 0.5: can't be told apart. Two runs are of other patients,
so a difference of their estimates has limits by recovering variances from both intervals (MOVER; Zou & Donner 2008,
doi:10.1002/sim.3095).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.estimation.estimate import Estimate, Interval
from validate.protocol.compared import SHIFT
from validate.protocol.passes import CLEAN
from validate.protocol.shift import ShiftOptions
from validate.stats.logistic import coefficients, probability
from validate.stats.obuchowski import clustered_auroc, obuchowski_limits

FOLDS = 5
FEWEST = 20  # patients of each cohort, under which no classifier is made
LEVEL = 0.95
SINCE = "since_accepted"
CHECK = "domain_classifier"


def told_apart(
    model: str, features: NDArray[np.float64], second: NDArray[np.bool_], patient: NDArray[np.int64]
) -> Estimate:
    """Features : (n, d) standardised      second : rows of this cohort      patient : numbered over both."""
    patients = [int(np.unique(patient[side]).size) for side in (~second, second)]
    value, interval, reason = None, None, None
    if min(patients) < FEWEST:
        reason = f"{min(patients)} patients in one of the cohorts, fewer than {FEWEST}."
    elif features.shape[1] == 0:
        reason = "the two cohorts have no feature in common."
    else:
        try:
            found = clustered_auroc(_out_of_fold(features, second, patient), second, patient)
            limits = obuchowski_limits(found)
            value = float(found.auroc)
            interval = Interval(
                float(limits.low), float(limits.high), LEVEL, "obuchowski", simultaneous_low=float(limits.low),
                simultaneous_high=float(limits.high),
            )  # fmt: skip
        except (Undefined, ValueError) as error:
            reason = f"{error}."
    return Estimate(
        id=f"{SHIFT}/{model}/{CHECK}",
        endpoint=SHIFT,
        metric=f"{SHIFT}.{CHECK}",
        model=model,
        pass_id=CLEAN.id,
        target="all",
        contrast={"kind": SHIFT, "against": "reference", "check": CHECK},
        value=value,
        interval=interval,
        n_cases=int(second.sum()),
        n_patients=patients[1],
        n_events=min(patients),
        unit="index",
        role="secondary",
        status="undefined" if value is None else "ok",
        reason=reason,
    )


def _out_of_fold(
    features: NDArray[np.float64], second: NDArray[np.bool_], patient: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n,) logit of being of this cohort, by a model of the other folds. Patients are dealt to folds apart in each cohort.

    Within each fold the intercept is that of its own model; ranks over all folds are those of the logits.
    """
    fold = np.zeros(len(second), np.int64)
    for side in (False, True):
        of_side = np.unique(patient[second == side])
        deal = np.random.Generator(np.random.Philox(key=20261122 + side)).permutation(of_side.size) % FOLDS
        fold[second == side] = deal[np.searchsorted(of_side, patient[second == side])]
    # A patient in both cohorts must not be learned from in one fold and asked about in another.
    for one in np.intersect1d(patient[second], patient[~second]):
        fold[patient == one] = int(one) % FOLDS
    said = np.zeros(len(second))
    for number in range(FOLDS):
        held = fold == number
        if not held.any():
            continue
        rest = ~held
        weight = (
            np.where(second[rest], 0.5 / max(second[rest].sum(), 1), 0.5 / max((~second[rest]).sum(), 1)) * rest.sum()
        )
        beta = coefficients(features[rest], second[rest].astype(np.float64), weight, ridge=1e-2)
        chance = probability(features[held], beta)
        said[held] = np.log(chance / (1 - chance))
    return said


def since_accepted(
    options: ShiftOptions, estimates: Sequence[Estimate], accepted: Sequence[Mapping[str, Any]]
) -> Iterator[Estimate]:
    """This run's locked estimate less the accepted run's, for each endpoint of the options and each model that both have."""
    before = {(one["endpoint"], one["model"], one["metric"]): one for one in accepted}
    for now in estimates:
        if now.endpoint not in options.endpoints or now.contrast is not None or now.stratum or now.pass_id != CLEAN.id:
            continue
        if "missing=" in now.id or "prevalence" in now.condition:
            continue
        was = before.get((now.endpoint, now.model, now.metric))
        if was is not None:
            yield _difference(now, was)


def _difference(now: Estimate, was: Mapping[str, Any]) -> Estimate:
    value, interval, reason = None, None, now.reason or was.get("reason") or "one of the two has no value."
    if now.value is not None and was["value"] is not None:
        value = float(now.value - was["value"])
        limits = was["interval"]
        if now.interval is not None and limits is not None and now.interval.level == limits["level"]:
            down = np.hypot(now.value - now.interval.low, limits["high"] - was["value"])
            up = np.hypot(now.interval.high - now.value, was["value"] - limits["low"])
            interval = Interval(float(value - down), float(value + up), now.interval.level, "mover")
        elif now.interval is not None and limits is not None:
            reason = "the two runs have limits of different levels."
    return Estimate(
        id=f"{now.endpoint}/{now.model}/{CLEAN.id}/since=accepted",
        endpoint=now.endpoint,
        metric=now.metric,
        model=now.model,
        pass_id=CLEAN.id,
        target=now.target,
        contrast={"kind": SINCE, "against": "accepted run"},
        condition=dict(now.condition),
        missing_rule=now.missing_rule,
        value=value,
        interval=interval,
        n_cases=now.n_cases,
        n_patients=now.n_patients,
        n_events=now.n_events,
        unit=f"{now.unit}_difference",
        role="secondary",
        prespecified=now.prespecified,
        status="undefined" if value is None else "too_few" if interval is None else "ok",
        reason=None if interval is not None else reason,
    )
