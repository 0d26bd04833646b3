"""Does it hold in every group? Each endpoint in each level, its difference from all others, and whether levels differ.

data: {"endpoints": [{
 "endpoint", "label", "role", "unit", "overall": id, "goal": GOAL | null, "statement",
 "claimed": [{"attribute", "level"}],            levels worse than all others, allowing for every level looked at
 "worst": {"attribute", "level", "estimate": id} | null,
 "compared": number of levels that the simultaneous limits allow for,
 "groups": [{
   "attribute", "label", "goal": GOAL | null,
   "heterogeneity": {"levels", "statistic", "p", "i_squared", "i_squared_low", "i_squared_high", "between_sd", "method",
                     "reason"},
   "gap": {"value", "highest", "lowest"} | null,          the largest less the smallest: descriptive, it never decides
   "rows": [{"level", "estimate": id, "greyed": bool, "why_greyed", "n_patients", "n_events",
             "difference": {"value", "low", "high", "level", "simultaneous_low", "simultaneous_high", "method",
                            "undefined_replicates", "excludes_zero", "reason"} | null}]}]}]}
GOAL is {"value", "direction", "criterion": "acceptance[0]"}. "excludes_zero" is by the simultaneous limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict

from validate.analyses.analysis import EVERY_TASK, Analysis, Evidence, Finding
from validate.analyses.differences import LEVEL
from validate.analyses.heterogeneity import METHOD as HETEROGENEITY_METHOD
from validate.analyses.heterogeneity import Heterogeneity, heterogeneity
from validate.analyses.level_rows import LevelRow, LevelTable, level_tables
from validate.analyses.strata_words import endpoint_statement
from validate.analyses.wording import attribute_words, measure, sentence_case
from validate.protocol.model import Model
from validate.protocol.question import Endpoint
from validate.results.join import stratum_attributes

METHOD = "clustered bootstrap, percentile; simultaneous limits by the largest |t|"


class Options(BaseModel):
    """There is nothing to choose: the groups are the protocol's strata."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def findings(evidence: Evidence, _options: Options) -> tuple[Finding, ...]:
    """One finding per model; none where the protocol groups by nothing."""
    if not stratum_attributes(evidence.protocol):
        return ()
    return tuple(_finding(evidence, model) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model) -> Finding:
    tables = level_tables(evidence, model)
    entries = [
        _endpoint(evidence, model, endpoint, tables[endpoint.id])
        for endpoint in evidence.protocol.endpoints
        if endpoint.id in tables
    ]
    told = [entry for entry in entries if entry["role"] == "primary"] or entries[:1]
    return Finding(
        id=f"strata/{model.id}",
        analysis="strata",
        model=model.id,
        title="Does it hold in every group?",
        statement=" ".join(entry["statement"] for entry in told) or "Nothing was estimated by group.",
        data={"endpoints": entries},
        estimates=tuple(row["estimate"] for entry in entries for group in entry["groups"] for row in group["rows"]),
        status="ok" if entries else "not_available",
    )


def _endpoint(evidence: Evidence, model: Model, endpoint: Endpoint, table: LevelTable) -> dict[str, Any]:
    label, worst = measure(table.overall, evidence.protocol), table.worst
    attributes = dict.fromkeys(row.attribute for row in table.rows)
    return {
        "endpoint": endpoint.id,
        "label": label,
        "role": endpoint.role,
        "unit": table.overall.unit,
        "overall": table.overall.id,
        "goal": _goal(evidence, model, endpoint, None),
        "statement": endpoint_statement(label, table),
        "claimed": [{"attribute": row.attribute, "level": row.level} for row in table.claimed],
        "worst": {"attribute": worst.attribute, "level": worst.level, "estimate": worst.estimate.id} if worst else None,
        "compared": table.compared,
        "groups": [_group(evidence, model, endpoint, table, attribute) for attribute in attributes],
    }


def _group(evidence: Evidence, model: Model, endpoint: Endpoint, table: LevelTable, attribute: str) -> dict[str, Any]:
    values = table.readable_values(attribute)
    test = Heterogeneity(0, reason="this measure can't be resampled")
    if values is not None:
        test = heterogeneity(values, table.readable_patients(attribute))
    return {
        "attribute": attribute,
        "label": sentence_case(attribute_words(attribute)),
        "goal": _goal(evidence, model, endpoint, attribute),
        "heterogeneity": {**asdict(test), "method": HETEROGENEITY_METHOD},
        "gap": _gap(table.of(attribute)),
        "rows": [_row(row) for row in table.of(attribute)],
    }


def _gap(rows: Sequence[LevelRow]) -> dict[str, Any] | None:
    """Of levels that can be read. No limits: its resamples exclude 0 even where all levels are equal."""
    found = [
        (row.estimate.value, row.level) for row in rows if row.why_greyed is None and row.estimate.value is not None
    ]
    if len(found) < 2:
        return None
    highest, lowest = max(found), min(found)
    return {"value": highest[0] - lowest[0], "highest": highest[1], "lowest": lowest[1]}


def _row(row: LevelRow) -> dict[str, Any]:
    found = row.difference
    difference = None
    if found is not None:
        difference = {**asdict(found), "level": LEVEL, "method": METHOD, "excludes_zero": found.clear != 0}
    return {
        "level": row.level,
        "estimate": row.estimate.id,
        "greyed": row.why_greyed is not None,
        "why_greyed": row.why_greyed,
        "n_patients": row.estimate.n_patients,
        "n_events": row.estimate.n_events,
        "difference": difference,
    }


def _goal(evidence: Evidence, model: Model, endpoint: Endpoint, attribute: str | None) -> dict[str, Any] | None:
    """The goal of a criterion on this endpoint over all cases, or on every level of this attribute."""
    for index, criterion in enumerate(evidence.protocol.acceptance):
        concerned = criterion.endpoint == endpoint.id and criterion.model in (None, model.id) and criterion.plain
        if concerned and criterion.worst_of == attribute:
            lower = criterion.at_least is not None
            return {
                "value": criterion.at_least if lower else criterion.at_most,
                "direction": "at_least" if lower else "at_most",
                "criterion": f"acceptance[{index}]",
            }
    return None


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, always=True, order=40, tasks=EVERY_TASK)
