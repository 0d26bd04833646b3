"""What a flag and its absence mean where the finding is as common as in practice, and what it means for 1,000.

data: {
 "unit", "sampling", "enriched": bool, "study_prevalence": share | null, "source",
 "sensitivity": id, "specificity": id, "limits": in words,
 "prevalences": [{"prevalence", "main": bool, "ppv": id | null, "npv": id | null, "statement",
   "per_thousand": {"prevalence", "positive", "negative", "flagged", "alarms_per_found", "alarms_per_found_limits": BETWEEN | null,
                    "number_needed_to_predict", "number_needed_to_predict_limits": BETWEEN | null,
                    "found": COUNT, "missed": COUNT, "false_alarms": COUNT, "left_alone": COUNT},
   "alert_load": {"per_day", "flags", "false_flags", "missed", "low", "high"} | null}]}      of the protocol's volume a day
COUNT is {"expected", "low", "high"}, whole numbers; BETWEEN is {"low", "high"}, high null where there is no end to it. "main" is the
middle one of the protocol's prevalences. Counts are of the study's unit: of images where rows are images, since a rate per image
is none per patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict

from validate.analyses.analysis import Analysis, Evidence, Finding
from validate.analyses.per_thousand import LIMITS, AlertLoad, Count, PerThousand, alert_load, per_thousand
from validate.analyses.rows import model_rows
from validate.analyses.selection import about_headline
from validate.analyses.wording import plural, printed
from validate.estimation.estimate import Estimate
from validate.protocol.model import Model

ENRICHED = (
    "Positive cases are enriched in this study, so the share of flags that are right here is not that of practice; "
    "it is restated at the prevalences that the protocol names."
)


class Options(BaseModel):
    """There is nothing to choose: the prevalences are the protocol's."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def findings(evidence: Evidence, _options: Options) -> tuple[Finding, ...]:
    """One finding per model."""
    return tuple(_finding(evidence, model) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model) -> Finding:
    selection = about_headline(evidence.protocol, evidence.estimates)
    rates = {name: selection.of_metric(f"classification.{name}", model.id) for name in ("sensitivity", "specificity")}
    share = _study_prevalence(evidence, model)
    source, values = _prevalences(evidence, share)
    why = _why_not(model, rates, values)
    if why is not None:
        return _named(evidence, model, statement=why, status="not_available")
    assert rates["sensitivity"] is not None and rates["specificity"] is not None
    entries = [
        _entry(
            evidence,
            model,
            per_thousand(value, sensitivity=rates["sensitivity"], specificity=rates["specificity"]),
            main=index == len(values) // 2,
            load=_load(evidence, value, rates),
        )
        for index, value in enumerate(values)
    ]
    enriched = evidence.protocol.cohort.sampling == "enriched"
    told = next(entry["statement"] for entry in entries if entry["main"])
    named = [rates["sensitivity"].id, rates["specificity"].id]
    named += [entry[name] for entry in entries for name in ("ppv", "npv") if entry[name] is not None]
    return _named(
        evidence,
        model,
        statement=f"{told} {ENRICHED}" if enriched else told,
        data={
            "unit": evidence.protocol.cohort.unit,
            "sampling": evidence.protocol.cohort.sampling,
            "enriched": enriched,
            "study_prevalence": share,
            "source": source,
            "volume": None if evidence.protocol.cohort.volume is None else evidence.protocol.cohort.volume.model_dump(),
            "sensitivity": rates["sensitivity"].id,
            "specificity": rates["specificity"].id,
            "limits": LIMITS,
            "prevalences": entries,
        },
        estimates=tuple(named),
    )


def _named(
    evidence: Evidence,
    model: Model,
    *,
    statement: str,
    status: str = "ok",
    data: Mapping[str, Any] | None = None,
    estimates: tuple[str, ...] = (),
) -> Finding:
    return Finding(
        id=f"prevalence/{model.id}",
        analysis="prevalence",
        model=model.id,
        title=f"Of 1,000 {plural(2, evidence.protocol.cohort.unit)} like ours",
        statement=statement,
        data=data or {},
        estimates=estimates,
        status=status,
    )


def _study_prevalence(evidence: Evidence, model: Model) -> float | None:
    rows = model_rows(evidence.units, model.id)
    labelled = int(rows.labelled.sum())
    return int(rows.positive.sum()) / labelled if labelled else None


def _prevalences(evidence: Evidence, share: float | None) -> tuple[str, tuple[float, ...]]:
    """Those of the protocol; without them the study's own, but only where its cases stand for the clinic's."""
    stated = evidence.protocol.cohort.prevalence
    if stated is not None:
        return stated.source, tuple(sorted(value for value in stated.values if 0 < value < 1))
    own = share is not None and 0 < share < 1 and evidence.protocol.cohort.sampling in ("consecutive", "random")
    return "this study", (share,) if own and share is not None else ()


def _why_not(model: Model, rates: Mapping[str, Estimate | None], values: tuple[float, ...]) -> str | None:
    if model.operating_point is None:
        return "The protocol states no operating point, so nothing is flagged or left alone."
    for name, estimate in rates.items():
        if estimate is None or estimate.value is None:
            reason = f" ({estimate.reason.rstrip('.')})" if estimate is not None and estimate.reason else ""
            return f"The {name} is not defined{reason}, so nothing can be said of 1,000."
    if not values:
        return (
            "The protocol states no prevalence, and the cases were not chosen as they come, so the share of flags that "
            "are right in practice can't be told."
        )
    return None


def _load(evidence: Evidence, prevalence: float, rates: Mapping[str, Estimate | None]) -> AlertLoad | None:
    volume, sensitivity, specificity = evidence.protocol.cohort.volume, rates["sensitivity"], rates["specificity"]
    if volume is None or sensitivity is None or specificity is None:
        return None
    return alert_load(volume.per_day, prevalence, sensitivity=sensitivity, specificity=specificity)


def _entry(
    evidence: Evidence, model: Model, counts: PerThousand, *, main: bool, load: AlertLoad | None
) -> dict[str, Any]:
    selection = about_headline(evidence.protocol, evidence.estimates)
    found = {name: selection.restated(f"classification.{name}", model.id, counts.prevalence) for name in ("ppv", "npv")}
    return {
        "prevalence": counts.prevalence,
        "main": main,
        "ppv": found["ppv"].id if found["ppv"] is not None else None,
        "npv": found["npv"].id if found["npv"] is not None else None,
        "statement": _statement(evidence, counts),
        "per_thousand": asdict(counts),
        "alert_load": None if load is None else asdict(load),
    }


def _statement(evidence: Evidence, counts: PerThousand) -> str:
    unit = evidence.protocol.cohort.unit
    share = printed(counts.prevalence, "proportion").replace(".0%", "%")
    found, missed, alarms = counts.found.expected, counts.missed.expected, counts.false_alarms.expected
    return (
        f"Of 1,000 {plural(2, unit)} at a prevalence of {share}, {counts.positive:,} {plural(counts.positive, 'is')} "
        f"positive: {found:,} {plural(found, 'is')} found and {missed:,}{_between(counts.missed)} missed. {alarms:,}"
        f"{_between(counts.false_alarms)} {plural(alarms, 'is')} flagged without the finding{_each(counts)}."
    )


def _between(count: Count) -> str:
    """Such as " (7 to 12)"."""
    return f" ({count.low:,} to {count.high:,})" if count.low is not None and count.high is not None else ""


def _each(counts: PerThousand) -> str:
    """Such as ": about one false alarm for each found"."""
    ratio = counts.alarms_per_found
    if ratio is None or counts.false_alarms.expected == 0 or counts.found.expected == 0:
        return ""
    if ratio < 0.75:
        return f": about one false alarm for every {max(round(1 / ratio), 2):,} found"
    number = round(ratio)
    return f": about {'one' if number == 1 else f'{number:,}'} false {plural(number, 'alarm')} for each found"


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, always=True, order=60)
