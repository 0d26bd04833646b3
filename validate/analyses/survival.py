"""Does a high score go with an earlier event? Kaplan–Meier curves of the flagged and the others, and Harrell's C of the score.

A patient is one row: the highest score of their images, and flagged where one of these is. What happens later decides no
criterion here. Who has no output, or whose follow-up is not known, is left out and counted.

data: {"of", "unit", "level", "patients", "events", "no_output", "no_follow_up", "at": [t], "last",
 "groups": [{"flagged": bool, "label", "patients", "events", "times": [t], "survival": [s], "low": [s], "high": [s],
             "censored": [[t, s]], "at_risk": [n], "read": [{"time", "survival", "low", "high"}], "median", "median_low", "median_high"}],
 "why_no_band", "log_rank": null | {"statistic", "p", "observed", "expected"}, "why_no_test",
 "concordance": null | {"value", "low", "high", "replicates", "reason"}, "why_no_concordance"}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.analyses.analysis import Analysis, Evidence, Finding
from validate.analyses.rows import model_rows
from validate.analyses.wording import count_of, plural, printed
from validate.errors import Undefined
from validate.estimation.adequacy import too_small
from validate.estimation.cluster_words import PATIENT
from validate.estimation.threshold import threshold_of
from validate.protocol.model import Model
from validate.protocol.survival import NAME, SurvivalOptions
from validate.protocol.targets import headline
from validate.results.follow_up import followed
from validate.stats.compiled import LANES
from validate.stats.resample import ClusterWeights, block_count, resampling_key
from validate.stats.survival import Curve, concordance, kaplan_meier, log_rank, number_at_risk

LEVEL = 0.95
MOST_REPLICATES = 2000
TITLE = "Does a high score go with an earlier event?"
SITES = "the protocol resamples sites, and limits of a curve take patients as independent"


@dataclass(frozen=True, slots=True)
class Followed:
    """One row per patient. cluster : number of what is resampled, a patient or a site"""

    score: NDArray[np.float64]
    time: NDArray[np.float64]
    event: NDArray[np.bool_]
    cluster: NDArray[np.int64]
    clusters: int
    no_output: int
    no_follow_up: int


def findings(evidence: Evidence, options: SurvivalOptions) -> tuple[Finding, ...]:
    """One finding per model."""
    return tuple(_finding(evidence, model, options) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model, options: SurvivalOptions) -> Finding:
    rows = _followed(evidence, model, options)
    counts = {"no_output": rows.no_output, "no_follow_up": rows.no_follow_up}
    least = evidence.protocol.cohort.suppress_below or 1
    if rows.time.size < max(2, least):
        return _not_available(
            model, f"{count_of(rows.time.size, 'patient')} with an output and a known follow-up: too few to tell of."
        )
    threshold = threshold_of(model, headline(evidence.protocol).name)
    flagged = None if threshold is None else threshold.flags(rows.score)
    if flagged is not None and any(0 < size < least for size in (int(flagged.sum()), int((~flagged).sum()))):
        return _not_available(model, f"A group has fewer than {least} patients, of whom the protocol tells nothing.")
    banded = evidence.protocol.cohort.cluster != "site"
    groups = [] if flagged is None else [_group(rows, side, options, banded=banded) for side in _sides(flagged)]
    test, why_no_test = _test(rows, flagged, banded=banded)
    found, why_not = _concordance(evidence, rows)
    data: dict[str, Any] = {
        "of": options.of,
        "unit": options.unit,
        "level": LEVEL,
        "patients": rows.time.size,
        "events": int(rows.event.sum()),
        **counts,
        "at": list(options.at),
        "last": float(rows.time.max()),
        "groups": groups,
        "why_no_groups": "the protocol states no operating point for this model" if flagged is None else "",
        "why_no_band": "" if banded else SITES,
        "log_rank": test,
        "why_no_test": why_no_test,
        "concordance": found,
        "why_no_concordance": why_not,
    }
    return Finding(
        id=f"survival/{model.id}", analysis=NAME, model=model.id, title=TITLE, statement=_statement(data), data=data
    )


def _not_available(model: Model, why: str) -> Finding:
    return Finding(
        id=f"survival/{model.id}", analysis=NAME, model=model.id, title=TITLE, statement=why, status="not_available"
    )


def _followed(evidence: Evidence, model: Model, options: SurvivalOptions) -> Followed:
    """Patients in table order: their highest score, and what became of them."""
    rows = model_rows(evidence.units, model.id)
    later = followed(options, evidence.cases)
    codes = {name: place for place, name in enumerate(dict.fromkeys(evidence.units["cluster"].to_pylist()))}
    best: dict[str, float] = {}
    cluster: dict[str, int] = {}
    for patient, of, score, failed in zip(
        rows.text("patient"), rows.text("cluster"), rows.table["score"].to_pylist(), rows.failed, strict=True
    ):
        name = str(patient)
        cluster.setdefault(name, codes[of])
        if not failed and score is not None:
            best[name] = max(best.get(name, -np.inf), float(score))
    known = [name for name in cluster if name in best and name in later]
    by_patient = evidence.protocol.cohort.cluster in {"study", "unit"}  # a patient has several; one row is resampled
    return Followed(
        score=np.array([best[name] for name in known], np.float64),
        time=np.array([later[name][0] for name in known], np.float64),
        event=np.array([later[name][1] for name in known], np.bool_),
        cluster=np.arange(len(known)) if by_patient else np.array([cluster[name] for name in known], np.int64),
        clusters=len(known) if by_patient else len(codes),
        no_output=sum(name not in best for name in cluster),
        no_follow_up=sum(name in best and name not in later for name in cluster),
    )


def _sides(flagged: NDArray[np.bool_]) -> list[tuple[bool, NDArray[np.bool_]]]:
    return [(side, members) for side, members in ((False, ~flagged), (True, flagged)) if members.any()]


def _group(
    rows: Followed, side: tuple[bool, NDArray[np.bool_]], options: SurvivalOptions, *, banded: bool
) -> dict[str, Any]:
    flagged, members = side
    time, event = rows.time[members], rows.event[members]
    curve = kaplan_meier(time, event, level=LEVEL)
    half = curve.median()
    leaving = np.unique(time[~event])
    return {
        "flagged": flagged,
        "label": "flagged" if flagged else "not flagged",
        "patients": int(members.sum()),
        "events": int(event.sum()),
        "times": curve.times.tolist(),
        "survival": curve.survival.tolist(),
        "low": curve.low.tolist() if banded else [],
        "high": curve.high.tolist() if banded else [],
        "censored": [[float(t), curve.at(float(t))[0]] for t in leaving],
        "at_risk": number_at_risk(time, (0.0, *options.at)).tolist(),
        "read": [_read(curve, t, banded=banded) for t in options.at],
        "median": half[0],
        "median_low": half[1] if banded else None,
        "median_high": half[2] if banded else None,
    }


def _read(curve: Curve, time: float, *, banded: bool) -> dict[str, Any]:
    share, low, high = curve.at(time)
    return {"time": time, "survival": share, "low": low if banded else None, "high": high if banded else None}


def _test(rows: Followed, flagged: NDArray[np.bool_] | None, *, banded: bool) -> tuple[dict[str, float] | None, str]:
    if flagged is None:
        return None, "there are no two groups"
    if not banded:
        return None, SITES
    try:
        found = log_rank(rows.time, rows.event, flagged)
    except Undefined as error:
        return None, str(error)
    return {"statistic": found.statistic, "p": found.p, "observed": found.observed, "expected": found.expected}, ""


def _concordance(evidence: Evidence, rows: Followed) -> tuple[dict[str, Any] | None, str]:
    """With percentile limits from whole clusters drawn again; none where over 1% of the draws leave it undefined."""
    value = float(concordance(rows.time, rows.event, rows.score)[0])
    if np.isnan(value):
        return None, "no pair of patients is known to have the event one before the other"
    replicates = min(evidence.protocol.resampling.replicates, MOST_REPLICATES)
    found: dict[str, Any] = {"value": value, "low": None, "high": None, "replicates": replicates, "reason": ""}
    who = PATIENT if evidence.protocol.cohort.cluster != "site" else "site"  # a patient is never parted
    why = too_small(clusters=int(np.unique(rows.cluster).size), who=who) or too_small(of_a_class=int(rows.event.sum()))
    if why is not None:
        return {**found, "reason": why}, ""
    drawn = concordance(rows.time, rows.event, rows.score, _weights(evidence, rows, replicates))
    defined = drawn[~np.isnan(drawn)]
    if defined.size < 0.99 * replicates:
        return {**found, "reason": "over 1% of the resamples leave it undefined."}, ""
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if not low < high:
        return {**found, "reason": "every resample gives the same value."}, ""
    return {**found, "low": float(low), "high": float(high)}, ""


def _weights(evidence: Evidence, rows: Followed, replicates: int) -> NDArray[np.uint8]:
    """(replicates, patients): the stream that all limits of this run are drawn from, where clusters are no smaller than patients."""
    source = ClusterWeights(rows.clusters, replicates, resampling_key(evidence.protocol.seed, evidence.cohort_digest))
    block = np.zeros((rows.clusters, LANES), np.uint8)
    drawn = np.empty((block_count(source) * LANES, rows.time.size), np.uint8)
    for number in range(block_count(source)):
        source.fill(number, block)
        drawn[number * LANES : (number + 1) * LANES] = block[rows.cluster].T
    return drawn[:replicates]


def _statement(data: Mapping[str, Any]) -> str:
    found, test = data["concordance"], data["log_rank"]
    said = [f"{count_of(data['events'], 'patient')} of {data['patients']:,} had the event ({data['of']})."]
    left = data["no_output"] + data["no_follow_up"]
    if left:
        said.append(
            f"{count_of(left, 'patient')} without an output or a known follow-up {plural(left, 'is')} left out."
        )
    said.append(_ordered(found) if found else f"Harrell's C is not defined: {data['why_no_concordance']}.")
    if test is not None:
        apart = (
            "differ beyond chance"
            if test["p"] < 1 - LEVEL
            else "do not differ beyond chance, which does not prove them equal"
        )
        said.append(f"The curves of flagged and other patients {apart}.")
    return " ".join(said)


def _ordered(found: Mapping[str, Any]) -> str:
    limits = f"no limits: {found['reason'].rstrip('.')}"
    if found["low"] is not None:
        limits = f"{found['low']:.3f}–{found['high']:.3f}"
    share = printed(found["value"], "proportion")
    return (
        f"Of two patients whose order is known, the one with the higher score had it first in {share} of pairs: Harrell's C "
        f"{found['value']:.3f} ({limits})."
    )


ANALYSIS = Analysis(
    OPTIONS=SurvivalOptions, findings=findings, order=65, tasks=frozenset({"classification", "multilabel"})
)
