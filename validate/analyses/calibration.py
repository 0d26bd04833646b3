"""Can a stated probability be taken at its word? On outputs only, and only where the model promises a probability.

data: {
 "cases", "positives", "patients", "without_output",
 "binning": {"kind": "mass"|"width", "bins": asked for, "words"}, "bin_limits": how, "level",
 "bins": [{"start", "end", "cases", "positives", "stated", "observed", "low", "high"}],      null where empty
 "histogram": {"edges": [n + 1], "counts": [n]},
 "measures": [{"id", "label", "value", "low", "high", "ideal", "method", "level", "estimate": id | null, "reason"}],
 "curve": {"points": [[stated, observed, low | null, high | null]], "method", "replicates", "undefined_replicates"} | null,
 "tests": [{"id", "label", "statistic", "degrees", "p", "reason"}],                          shown; they never decide
 "shifted": [{"prevalence", "intercept", "observed_over_expected"}],     measures, were the probabilities made for it
 "groups": [{"attribute", "label", "levels": [{"level", "cases", "patients", "positives", "measures": [...]}]}]}
A measure that is an endpoint names its estimate, and its numbers are those. Measures: intercept, slope,
observed_over_expected, ici, e50, e90, emax, brier, scaled_brier, ece, squared_ece_debiased.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from validate.analyses.analysis import Analysis, Evidence, Finding
from validate.analyses.calibration_measures import (
    LEVEL,
    calibration_by_group,
    calibration_tests,
    logistic_measures,
    measure,
    shifted_measures,
)
from validate.analyses.differences import group_values
from validate.analyses.reliability import METHOD as BIN_METHOD
from validate.analyses.reliability import reliability_bins
from validate.analyses.samples import ModelSamples, model_samples
from validate.analyses.selection import about_headline
from validate.analyses.smooth import METHOD as SMOOTH_METHOD
from validate.analyses.smooth import NAMES, Smooth, smooth_curve
from validate.analyses.wording import count_of, number_word, printed, printed_limits, sentence_case
from validate.estimation.estimate import Estimate
from validate.metrics.metric import Metric
from validate.protocol.model import Model
from validate.registry import load

HISTOGRAM = 20
MOST_UNDEFINED = 0.01
IDEAL = {"scaled_brier": 1.0}
TITLE = "Can a stated probability be taken at its word?"


class Options(BaseModel):
    """bins, binning : of the reliability curve; equal counts ("mass") or equal parts of 0 to 1 ("width")."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bins: int = Field(default=10, ge=2, le=50)
    binning: Literal["mass", "width"] = "mass"


def findings(evidence: Evidence, options: Options) -> tuple[Finding, ...]:
    """One finding per model; "not_available" where its output is a score, which is never rescaled to look like one."""
    return tuple(_finding(evidence, model, options) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model, options: Options) -> Finding:
    if model.output.kind != "probability":
        return _not_available(model, "The output is a score and no probability, so there is nothing to be calibrated.")
    samples = model_samples(evidence, model)
    sample = samples.outputs_only()
    score, positive = sample.rows["score"], sample.rows["positive"]
    if len(score) == 0:
        return _not_available(model, "No case has both an output and a reference label.")
    smooth = smooth_curve(sample, samples.weights)
    measures = [*logistic_measures(sample), *_smooth_measures(smooth), *_resampled(evidence, samples)]
    bins = reliability_bins(score, positive, cluster=sample.cluster, bins=options.bins, binning=options.binning)
    edges = np.linspace(0.0, 1.0, HISTOGRAM + 1)
    data = {
        "cases": len(score),
        "positives": int(positive.sum()),
        "patients": len(np.unique(sample.patient)),
        "without_output": int(samples.cases.failed.sum()),
        "binning": {"kind": options.binning, "bins": options.bins, "words": _binning_words(options, len(bins))},
        "bin_limits": BIN_METHOD,
        "level": LEVEL,
        "bins": [asdict(entry) for entry in bins],
        "histogram": {"edges": edges.tolist(), "counts": np.histogram(score, bins=edges)[0].tolist()},
        "measures": measures,
        "curve": None if smooth is None else _curve(smooth),
        "tests": calibration_tests(sample),
        "shifted": shifted_measures(evidence, sample),
        "groups": calibration_by_group(sample, suppress_below=evidence.protocol.cohort.suppress_below),
    }
    return Finding(
        id=f"calibration/{model.id}",
        analysis="calibration",
        model=model.id,
        title=TITLE,
        statement=_statement(evidence, data),
        data=data,
        estimates=tuple(measure["estimate"] for measure in measures if measure["estimate"]),
    )


def _not_available(model: Model, why: str) -> Finding:
    return Finding(
        id=f"calibration/{model.id}",
        analysis="calibration",
        model=model.id,
        title=TITLE,
        statement=why,
        status="not_available",
    )


def _smooth_measures(smooth: Smooth | None) -> list[dict[str, Any]]:
    method = "loess; clustered bootstrap, BCa"
    if smooth is None:
        reason = "a smooth curve needs both classes and three different probabilities"
        return [{**measure(name, label, 0.0, method), "reason": reason} for name, label in NAMES.items()]
    return [{**measure(name, label, 0.0, method), **smooth.measures[name]} for name, label in NAMES.items()]


def _curve(smooth: Smooth) -> dict[str, Any]:
    bands = [smooth.low, smooth.high] if smooth.low.size else [[None] * smooth.places.size] * 2
    points = zip(smooth.places.tolist(), smooth.curve.tolist(), *(list(band) for band in bands), strict=True)
    return {
        "points": [[None if v is None else float(v) for v in point] for point in points],
        "method": SMOOTH_METHOD,
        "replicates": smooth.replicates,
        "undefined_replicates": smooth.undefined,
    }


def _resampled(evidence: Evidence, samples: ModelSamples) -> list[dict[str, Any]]:
    """Brier score and calibration error: the endpoint's estimate where it is one, else from the run's resamples."""
    measures = []
    for name in ("brier", "scaled_brier", "ece", "squared_ece_debiased"):
        metric: Metric = load("metrics", f"classification.{name}")
        known = _as_endpoint(evidence, samples.model, f"classification.{name}")
        if known is not None:
            measures.append({**_of_estimate(name, metric, known), "ideal": IDEAL.get(name, 0.0)})
            continue
        entry = measure(name, metric.title, IDEAL.get(name, 0.0), "clustered bootstrap, percentile")
        measures.append({**entry, **_bootstrap(metric, samples)})
    return measures


def _bootstrap(metric: Metric, samples: ModelSamples) -> dict[str, Any]:
    sample = samples.outputs_only()
    everybody = np.ones((1, len(sample.rows)), np.bool_)
    (found,) = group_values([metric], sample, everybody, weights=samples.weights)
    if found is None or not found.defined[0]:
        return {"reason": "not defined on these cases"}
    value, known = float(found.value[0]), found.replicate_defined[:, 0]
    if (~known).mean() > MOST_UNDEFINED:
        return {"value": value, "reason": "too few: undefined in over 1% of the resamples"}
    low, high = (float(x) for x in np.quantile(found.replicate[known, 0], [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    if low == high:
        return {"value": value, "reason": "too few: every resample gives the same"}
    return {"value": value, "low": low, "high": high}


def _as_endpoint(evidence: Evidence, model: Model, metric: str) -> Estimate | None:
    selection = about_headline(evidence.protocol, evidence.estimates)
    asked = (endpoint for endpoint in evidence.protocol.endpoints if endpoint.metric == metric and not endpoint.options)
    return next((e for endpoint in asked if (e := selection.overall(endpoint.id, model.id)) is not None), None)


def _of_estimate(name: str, metric: Metric, estimate: Estimate) -> dict[str, Any]:
    interval = estimate.interval
    return {
        **measure(name, metric.title, 0.0, interval.method if interval is not None else ""),
        "value": estimate.value,
        "low": interval.low if interval is not None else None,
        "high": interval.high if interval is not None else None,
        "level": interval.level if interval is not None else LEVEL,
        "estimate": estimate.id,
        "reason": estimate.reason,
    }


def _binning_words(options: Options, bins: int) -> str:
    if options.binning == "width":
        return f"{options.bins} bins of equal width"
    kept = f"; equal outputs stay together, which leaves {number_word(bins)}" if bins < options.bins else ""
    return f"{options.bins} bins of equal counts{kept}"


def _statement(evidence: Evidence, data: dict[str, Any]) -> str:
    measures = {measure["id"]: measure for measure in data["measures"]}
    outputs = count_of(data["cases"], evidence.protocol.cohort.unit)
    sentences = [f"On {outputs} with an output and a reference label."]
    ratio = measures["observed_over_expected"]
    if ratio["value"] is not None:
        mean = sum(b["stated"] * b["cases"] for b in data["bins"] if b["cases"]) / data["cases"]
        observed = printed(data["positives"] / data["cases"], "proportion")
        sentences.append(f"Stated on average {printed(mean, 'proportion')}, observed {observed}{_direction(ratio)}.")
    slope = measures["slope"]
    if slope["value"] is not None and slope["low"] is not None:
        limits = printed_limits(slope["low"], slope["high"], "index")
        sentences.append(f"Calibration slope {printed(slope['value'], 'index')} ({limits}): {_spread(slope)}.")
    elif slope["reason"] is not None:
        sentences.append(sentence_case(f"{slope['reason'].rstrip('.')}."))
    if data["without_output"]:
        sentences.append(f"{count_of(data['without_output'], 'case')} without an output can't be part of this.")
    if evidence.protocol.cohort.sampling == "enriched":
        sentences.append("Positive cases are enriched here, so the average says little about practice.")
    return " ".join(sentences)


def _direction(ratio: dict[str, Any]) -> str:
    if ratio["low"] is None:
        return ""
    if ratio["low"] > 1:
        return ": the probabilities are too low on average"
    return ": the probabilities are too high on average" if ratio["high"] < 1 else ": no clear difference on average"


def _spread(slope: dict[str, Any]) -> str:
    if slope["high"] < 1:
        return "high probabilities are too high and low ones too low"
    if slope["low"] > 1:
        return "high probabilities are too low and low ones too high"
    return "no clear sign that they are too extreme or too timid"


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, order=50)
