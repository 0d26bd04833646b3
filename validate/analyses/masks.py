"""How close predicted masks come to the reference: each structure's cases, the worst of them, and how volumes agree.

data: {
 "rules": {"boundary", "empty_reference", "empty_prediction", "grid", "rule"},
 "structures": [{"name", "words", "tolerance": mm, "cases", "failed",
   "empty": {"reference", "prediction", "both"},                      cases whose masks hold none of it, failed ones apart
   "measures": [{"measure", "title", "unit", "better", "values": [n], "groups": [n], "cases", "without_value",
                 "least", "lower_quartile", "median", "upper_quartile", "most",
                 "axis": {"low", "high", "below", "above", "counts": [BINS]} | null}]}],      counts of equal bins of the axis
 "group_by": attribute | null, "group_names": [level],                "groups" are places in it
 "worst": [{"case", "structure", "measure", "title", "unit", "value": number, "failed", "levels": {attribute: level},
            "also": [{"measure", "title", "unit", "value": number | null}]}],
 "agreement": [{"structure", "words", "measure", "title", "unit", "points": [[mean, difference]], "bias": id | null,
                "low": id | null, "high": id | null, "limits": {"bias", "low", "high"}}],
 "lesion_sizes": [{"structure", "words", "bands": [{"size", "low": mm, "high": mm | null, "words", "lesions", "found", "cases",
                   "estimate": id | null}]}],      of cases with an output: what lesions there are, and how many of them are found
 "endpoints": [{"endpoint", "label", "role", "target", "estimate": id}]}
Values are as they count: failed cases and empty masks by the locked rules. What has no value is left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from validate.analyses.analysis import Analysis, Evidence, Finding
from validate.analyses.mask_rows import MaskRows, mask_rows
from validate.analyses.selection import Selection
from validate.analyses.wording import count_of, measure, printed, printed_estimate
from validate.casewise.measure import FOUND, MEASURES, THERE
from validate.estimation.estimate import Estimate
from validate.metrics.segmentation.limits_of_agreement import WIDTH
from validate.protocol.model import Model
from validate.protocol.segmentation import band_words
from validate.protocol.segmentation_problems import OF_SIZE
from validate.protocol.targets import Target, headline, targets_of

WORST = 10
BINS = 28
FAR = 6.0  # quartile ranges from the quartile beyond which a case lies outside the plot
MOST_MEASURES = 4
# difference → what it is plotted against, reference and prediction
PAIRS = {
    "volume_difference": ("volume_reference", "volume_prediction"),
    "ejection_fraction_difference": ("ejection_fraction_reference", "ejection_fraction_prediction"),
}


class Options(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def findings(evidence: Evidence, _options: Options) -> tuple[Finding, ...]:
    """One finding per model."""
    return tuple(_finding(evidence, model) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model) -> Finding:
    protocol, selection = evidence.protocol, Selection(evidence.estimates)
    found = [(e, selection.overall(e.id, model.id)) for e in protocol.endpoints]
    present = [(endpoint, estimate) for endpoint, estimate in found if estimate is not None]
    rows = {target.name: mask_rows(evidence, model, target.name) for target in targets_of(protocol)}
    shown = _shown(evidence)
    block = protocol.segmentation
    assert block is not None
    group_by = protocol.strata[0] if protocol.strata else None
    names = sorted({level for one in rows.values() for level in one.levels.get(group_by or "", ())})
    return Finding(
        id=f"masks/{model.id}",
        analysis="masks",
        model=model.id,
        title="How close its outlines come",
        statement=_statement(evidence, [e for endpoint, e in present if endpoint.role == "primary"], rows),
        data={
            "rules": {
                "boundary": block.boundary,
                "empty_reference": block.empty_reference,
                "empty_prediction": block.empty_prediction,
                "grid": block.grid,
                "rule": protocol.inference.on_failure,
            },
            "structures": [
                _structure(evidence, target, rows[target.name], shown, group_by, names)
                for target in targets_of(protocol)
            ],
            "group_by": group_by,
            "group_names": names,
            "worst": _worst(evidence, rows, shown),
            "agreement": [
                one
                for target in targets_of(protocol)
                for name in PAIRS
                if (one := _agreement(target, rows[target.name], name, [e for _, e in present])) is not None
            ],
            "lesion_sizes": [
                _sizes(evidence, target, rows[target.name], [e for _, e in present]) for target in targets_of(protocol)
            ]
            if block.lesions is not None and block.lesions.size_limits is not None
            else [],
            "endpoints": [
                {
                    "endpoint": endpoint.id,
                    "label": measure(estimate, protocol),
                    "role": endpoint.role,
                    "target": estimate.target,
                    "estimate": estimate.id,
                }
                for endpoint, estimate in present
            ],
        },
        estimates=tuple(estimate.id for _, estimate in present),
    )


def _shown(evidence: Evidence) -> list[str]:
    """Measures that endpoints are of, in their order and without volumes; the Dice coefficient where there is none."""
    asked = [endpoint.metric.split(".")[-1] for endpoint in evidence.protocol.endpoints]
    fitting = [name for name in dict.fromkeys(asked) if name in MEASURES and not MEASURES[name].of_volumes]
    return fitting[:MOST_MEASURES] or ["dice"]


def _structure(
    evidence: Evidence, target: Target, rows: MaskRows, shown: Sequence[str], group_by: str | None, names: Sequence[str]
) -> dict[str, Any]:
    block = evidence.protocol.segmentation
    assert block is not None
    levels = rows.levels.get(group_by or "", ())
    groups = np.array([names.index(level) for level in levels] or [0] * len(rows), np.int64)
    empty = [rows.empty[place] for place in range(len(rows))]
    return {
        "name": target.name,
        "words": target.words,
        "tolerance": block.tolerance_of(target.name),
        "cases": len(rows),
        "failed": int(rows.failed.sum()),
        "empty": {kind: empty.count(kind) for kind in ("reference", "prediction", "both")},
        "measures": [_measure(name, rows.values(name), groups) for name in shown],
    }


def _measure(name: str, values: NDArray[np.float64], groups: NDArray[np.int64]) -> dict[str, Any]:
    known = ~np.isnan(values)
    found = values[known]
    told = np.quantile(found, (0, 0.25, 0.5, 0.75, 1)).tolist() if found.size else [None] * 5
    axis = _axis(name, found, told)
    keys = ("least", "lower_quartile", "median", "upper_quartile", "most")
    return {
        "measure": name,
        "title": MEASURES[name].title,
        "unit": MEASURES[name].unit,
        "better": MEASURES[name].better,
        "values": found.tolist(),
        "groups": groups[known].tolist(),
        "cases": int(known.sum()),
        "without_value": int((~known).sum()),
        **dict(zip(keys, told, strict=True)),
        "axis": axis,
    }


def _axis(name: str, values: NDArray[np.float64], told: Sequence[float | None]) -> dict[str, Any] | None:
    """Where a plot of the cases begins and ends: far ones are counted and not let squeeze the others together."""
    least, lower, _, upper, most = told
    if least is None or lower is None or upper is None or most is None:
        return None
    reach = FAR * max(upper - lower, 1e-3 * max(abs(upper), abs(lower), 1e-9))
    low, high = max(least, lower - reach), min(most, upper + reach)
    if MEASURES[name].bounds == (0.0, 1.0) and high > 0.5:
        high = 1.0
    if not low < high:
        low, high = low - reach, high + reach
    inside = values[(values >= low) & (values <= high)]
    return {
        "low": low,
        "high": high,
        "below": int((values < low).sum()),
        "above": int((values > high).sum()),
        "counts": np.histogram(inside, bins=BINS, range=(low, high))[0].tolist(),
    }


def _worst(evidence: Evidence, rows: Mapping[str, MaskRows], shown: Sequence[str]) -> list[dict[str, Any]]:
    """Of the headline structure first by the first measure shown; ties in the order of the cohort."""
    target = headline(evidence.protocol)
    own, first = rows[target.name], MEASURES[shown[0]]
    values = own.values(first.name)
    order = np.argsort(
        np.where(np.isnan(values), np.inf, values if first.better == "higher" else -values), kind="stable"
    )
    found = []
    for place in order[:WORST].tolist():
        if np.isnan(values[place]):
            continue
        others = [name for name in (*shown[1:], "volume_difference") if name != first.name]
        found.append(
            {
                "case": own.units[place],
                "structure": target.name,
                "measure": first.name,
                "title": first.title,
                "unit": first.unit,
                "value": float(values[place]),
                "failed": bool(own.failed[place]),
                "levels": {name: levels[place] for name, levels in own.levels.items()},
                "also": [_also(own, name, place) for name in others],
            }
        )
    return found


def _also(rows: MaskRows, name: str, place: int) -> dict[str, Any]:
    value = rows.values(name)[place]
    told = MEASURES[name]
    return {"measure": name, "title": told.title, "unit": told.unit, "value": None if np.isnan(value) else float(value)}


def _agreement(target: Target, rows: MaskRows, name: str, estimates: Sequence[Estimate]) -> dict[str, Any] | None:
    """Bland–Altman points of outputs, where an endpoint is of this difference."""
    own = {e.metric.removeprefix("segmentation."): e for e in estimates if e.target == target.name}
    ids = {
        "bias": own.get(f"mean.{name}"),
        "low": own.get(f"limits_of_agreement.{name}.low"),
        "high": own.get(f"limits_of_agreement.{name}.high"),
    }
    reference, prediction = (rows.output(side) for side in PAIRS[name])
    known = ~(np.isnan(reference) | np.isnan(prediction))
    if not any(ids.values()) or known.sum() < 2:
        return None
    difference = prediction[known] - reference[known]
    bias, spread = float(difference.mean()), float(difference.std(ddof=1))
    return {
        "structure": target.name,
        "words": target.words,
        "measure": name,
        "title": MEASURES[name].title,
        "unit": MEASURES[name].unit,
        "points": np.column_stack([(prediction[known] + reference[known]) / 2, difference]).tolist(),
        **{key: None if estimate is None else estimate.id for key, estimate in ids.items()},
        "limits": {"bias": bias, "low": bias - WIDTH * spread, "high": bias + WIDTH * spread},
    }


def _sizes(evidence: Evidence, target: Target, rows: MaskRows, estimates: Sequence[Estimate]) -> dict[str, Any]:
    """Lesions by the bands of the protocol, counted in the outputs as they are; the estimate where an endpoint asks for it."""
    block, bands = evidence.protocol.segmentation, []
    assert block is not None and block.lesions is not None
    own = {e.metric: e.id for e in estimates if e.target == target.name}
    for size, (low, high) in enumerate(block.lesions.size_bands, start=1):
        there, found = (rows.output(f"{name}_{size}") for name in (THERE, FOUND))
        bands.append(
            {
                "size": size,
                "low": low,
                "high": high,
                "words": band_words(low, high),
                "lesions": int(np.nansum(there)),
                "found": int(np.nansum(found)),
                "cases": int(np.nansum(there > 0)),
                "estimate": own.get(f"{OF_SIZE}.size_{size}"),
            }
        )
    return {"structure": target.name, "words": target.words, "bands": bands}


def _statement(evidence: Evidence, estimates: Sequence[Estimate], rows: Mapping[str, MaskRows]) -> str:
    """The primary endpoints, and how many masks are not there or empty."""
    sentences = [f"{measure(estimate, evidence.protocol)}: {printed_estimate(estimate)}." for estimate in estimates]
    unit = evidence.protocol.cohort.unit
    for target in targets_of(evidence.protocol):
        own = rows[target.name]
        missed = sum(kind == "prediction" for kind in own.empty)
        if missed:
            share = printed(missed / len(own), "proportion")
            sentences.append(
                f"Of {count_of(len(own), unit)}, {missed:,} ({share}) {'has' if missed == 1 else 'have'} no predicted "
                f"{target.words} where the reference has one."
            )
    return " ".join(sentences) or "No endpoint is primary."


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, always=True, order=32, tasks=frozenset({"segmentation"}))
