"""Would acting on the model help more than acting on everybody, or on nobody? Net benefit over a range of thresholds.

data: {
 "thresholds": [t], "level", "replicates", "method",
 "curves": [{"prevalence": null | p, "main": bool, "label", "net_benefit": [k], "low": [k], "high": [k], "treat_all": [k],
             "avoided": [k]}]}          avoided: interventions saved per 100 cases at no net loss against treating all
The first curve is at this sample's own prevalence; the others at those that the protocol states, the middle one being the
main. On outputs only, and only where the model promises a probability: a threshold is the risk from which one would act
(Vickers & Elkin 2006, doi:10.1177/0272989X06295361).
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from validate.analyses.analysis import Analysis, Evidence, Finding
from validate.analyses.samples import ModelSamples, model_samples
from validate.analyses.wording import listed, printed
from validate.protocol.model import Model
from validate.stats.kernel import tally
from validate.stats.resample import AsObserved, Weights
from validate.stats.tallies.tally import Binned

LEVEL = 0.95
METHOD = "percentile bootstrap of the declared clusters, at each threshold by itself"
TITLE = "Would acting on it help more than acting on everybody, or on nobody?"
FEWEST = 10
Array = NDArray[np.float64]


class Options(BaseModel):
    """low, high : risks between which one might act, as the clinic sees it; points : thresholds between them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float = Field(default=0.05, gt=0, lt=1)
    high: float = Field(default=0.50, gt=0, lt=1)
    points: int = Field(default=46, ge=2, le=200)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"got low {self.low} and high {self.high}, expected low < high")
        return self


def findings(evidence: Evidence, options: Options) -> tuple[Finding, ...]:
    """One finding per model; "not_available" where its output is a score."""
    return tuple(_finding(evidence, model, options) for model in evidence.protocol.models)


def net_benefit(hits: Array, alarms: Array, thresholds: Array, *, prevalence: float | Array) -> Array:
    """Hits : sensitivity      alarms : false positive rate, each (…, k)      thresholds : (k,), in (0, 1)"""
    return np.asarray(hits * prevalence - alarms * (1 - prevalence) * thresholds / (1 - thresholds))


def _finding(evidence: Evidence, model: Model, options: Options) -> Finding:
    if model.output.kind != "probability":
        return _not_available(model, "The output is a score and no probability, so no threshold of risk applies to it.")
    samples = model_samples(evidence, model)
    rows = samples.outputs_only().rows
    positives = int(rows["positive"].sum()) if len(rows) else 0
    if positives in (0, len(rows)):
        return _not_available(model, "Net benefit needs outputs of cases with and without the finding.")
    thresholds = np.round(np.linspace(options.low, options.high, options.points), 10)
    once = _rates(samples, thresholds, AsObserved(samples.weights.clusters))
    many = _rates(samples, thresholds, samples.weights)
    stated = evidence.protocol.cohort.prevalence
    own = positives / len(rows)
    curves = [_curve(None, own, "this sample", once, many, thresholds)]
    for value in stated.values if stated is not None else ():
        label = f"a prevalence of {printed(value, 'proportion')}"
        curves += [_curve(value, value, label, once, many, thresholds)] if 0 < value < 1 else []
    main = 1 + (len(curves) - 1) // 2 if len(curves) > 1 else 0
    curves = [{**curve, "main": place == main} for place, curve in enumerate(curves)]
    return Finding(
        id=f"decision_curve/{model.id}",
        analysis="decision_curve",
        model=model.id,
        title=TITLE,
        statement=_statement(curves, thresholds),
        data={
            "thresholds": thresholds.tolist(),
            "level": LEVEL,
            "replicates": samples.weights.replicates,
            "method": METHOD,
            "curves": curves,
        },
    )


def _not_available(model: Model, why: str) -> Finding:
    return Finding(
        id=f"decision_curve/{model.id}", analysis="decision_curve", model=model.id, title=TITLE, statement=why,
        status="not_available",
    )  # fmt: skip


class _Rates:
    """Sensitivity, false positive rate and share of positives: (replicate, k), (replicate, k), (replicate, 1)."""

    def __init__(self, counts: Array, size: int) -> None:
        # (replicate, 2, k + 1) counts by class and by how many thresholds the probability reaches
        by_class = counts.reshape(-1, 2, size)
        reached = np.flip(np.cumsum(np.flip(by_class, axis=2), axis=2), axis=2)[:, :, 1:]
        totals = by_class.sum(axis=2)
        self.defined = (totals > 0).all(axis=1)
        safe = np.maximum(totals, 1.0)
        self.alarms, self.hits = reached[:, 0] / safe[:, :1], reached[:, 1] / safe[:, 1:]
        self.share = totals[:, 1:] / np.maximum(totals.sum(axis=1, keepdims=True), 1.0)


def _rates(samples: ModelSamples, thresholds: Array, weights: Weights) -> _Rates:
    """All thresholds from one pass of the kernel."""
    sample = samples.outputs_only()
    size = thresholds.size + 1
    level = np.searchsorted(thresholds, sample.rows["score"] + 1e-12, side="right")
    code = (sample.rows["positive"] * size + level).astype(np.int32)
    everybody = np.ones((1, len(sample.rows)), np.bool_)
    (sums,) = tally(
        [Binned(np.ones(code.size), code, 2 * size)], cluster=sample.cluster, groups=everybody, weights=weights
    )
    return _Rates(sums[:, 0, :], size)


def _curve(
    prevalence: float | None, share: float, label: str, once: _Rates, many: _Rates, thresholds: Array
) -> dict[str, Any]:
    """At a stated prevalence it is given; in this sample it is resampled with the rest."""
    found = net_benefit(once.hits[0], once.alarms[0], thresholds, prevalence=share)
    shares = many.share if prevalence is None else prevalence
    band = net_benefit(many.hits, many.alarms, thresholds, prevalence=shares)[many.defined]
    everybody = share - (1 - share) * thresholds / (1 - thresholds)
    wide = band.shape[0] >= 0.99 * many.defined.size and band.shape[0] >= FEWEST
    low, high = (np.quantile(band, q, axis=0) for q in ((1 - LEVEL) / 2, (1 + LEVEL) / 2)) if wide else (None, None)
    return {
        "prevalence": prevalence,
        "share": share,
        "label": label,
        "net_benefit": found.tolist(),
        "low": None if low is None else low.tolist(),
        "high": None if high is None else high.tolist(),
        "treat_all": everybody.tolist(),
        "avoided": ((found - everybody) / (thresholds / (1 - thresholds)) * 100).tolist(),
    }


def _statement(curves: list[dict[str, Any]], thresholds: Array) -> str:
    """In which parts of the range the limits lie above the better of both simple policies, and in which below it; at the main
    prevalence.
    """
    curve = next(one for one in curves if one["main"])
    if curve["low"] is None:
        return "There are too few cases for a band around the net benefit, so nothing is said about it."
    best = np.maximum(np.array(curve["treat_all"]), 0.0)
    ahead, behind = np.array(curve["low"]) > best, np.array(curve["high"]) < best
    where = f"at {curve['label']}" if curve["prevalence"] is not None else "in this sample"
    if ahead.all():
        return f"Over the whole range of thresholds, {where}, acting on the model helps more than acting on everybody or nobody."
    found = (
        f"At thresholds of {_spans(ahead, thresholds)}, {where}, acting on the model helps more than acting on everybody or nobody, "
        "beyond chance."
        if ahead.any()
        else f"At no threshold of the range, {where}, is it beyond chance that acting on the model helps more than acting on "
        "everybody or nobody."
    )
    if behind.any():
        found += f" At {_spans(behind, thresholds)} it helps less than the better of these two, beyond chance."
    rest = ~(ahead | behind)
    return f"{found} At the others neither is shown." if rest.any() and (ahead.any() or behind.any()) else found


def _spans(chosen: NDArray[np.bool_], thresholds: Array) -> str:
    """As in "7% to 8% and 46% to 50%": the stretches of neighbouring thresholds that are chosen."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    ends = [(thresholds[start], thresholds[stop - 1]) for start, stop in edges.reshape(-1, 2)]
    told = [
        printed(float(low), "proportion")
        if low == high
        else f"{printed(float(low), 'proportion')} to {printed(float(high), 'proportion')}"
        for low, high in ends
    ]
    return listed(told)


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, order=55)
