"""Who and what was tested: every attribute with its levels, the scanners, what is missing, how cases were chosen.

data: {
 "unit", "sampling", "counts": {"images", "studies", "patients", "positives", "negatives", "no_label", "failed"},
 "prevalence": {"positives", "labelled", "share"},        share is null where nothing is labelled
 "attributes": [{"attribute", "label", "kind": "text"|"number", "missing", "missing_share", "summary", "levels"}],
 "scanners": [{"manufacturer", "model_name", "site", …counts}],
 "crossings": [{"rows": attribute, "columns": attribute, "row_levels", "column_levels", "images": [[n]], "positives"}]}
Counts of a level are the same keys as "counts"; "failed" maps each model to its cases without output. "images" counts
rows, whatever the unit of the study is. "summary" is {"of": "patients"|"images", "count", "least", "lower_quartile",
"median", "upper_quartile", "most"}, or null for text; "levels" is null where there are too many to show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from validate.analyses.analysis import EVERY_TASK, Analysis, Evidence, Finding
from validate.analyses.rows import model_rows
from validate.analyses.wording import attribute_words, count_of, listed, number_word, plural, printed, sentence_case
from validate.protocol.targets import MEASURED, headline
from validate.results.join import KEYS
from validate.results.levels import MISSING, MOST_NUMBERS, level_text

MOST_LEVELS = 30  # a text attribute with more is described by its missing values only
OLDEST_SHOWN = 90.0  # an age over 89 can identify: 45 CFR 164.514(b)(2)(i)(C); 90 stands for 90 and over
SCANNER = {"manufacturer": "manufacturer", "model_name": "model", "site": "site"}  # as called here: the attribute
GROUPS = ("sex", "age_band", "race", "ethnicity")
SAMPLING = {
    "consecutive": "Cases are consecutive.",
    "random": "Cases are a random sample.",
    "enriched": "Positive cases are enriched: their share here is not that of the clinic.",
    "convenience": "Cases are a convenience sample: nobody knows how well they stand for the clinic's.",
}


class Options(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class _Population:
    """Columns of the cases, in case order, with what the units table says of them."""

    cases: pa.Table
    positive: NDArray[np.bool_]
    labelled: NDArray[np.bool_]
    failed: Mapping[str, NDArray[np.bool_]]

    def counts(self, keep: NDArray[np.bool_]) -> dict[str, Any]:
        return {
            "images": int(keep.sum()),
            "studies": self._distinct("study", keep),
            "patients": self._distinct("patient", keep),
            "positives": int((keep & self.positive).sum()),
            "negatives": int((keep & self.labelled & ~self.positive).sum()),
            "no_label": int((keep & ~self.labelled).sum()),
            "failed": {model: int((keep & failed).sum()) for model, failed in self.failed.items()},
        }

    def levels(self, attribute: str) -> NDArray[np.object_]:
        return np.array([level_text(value) for value in self.cases[attribute].to_pylist()], dtype=np.object_)

    def _distinct(self, column: str, keep: NDArray[np.bool_]) -> int:
        return len({value for value, inside in zip(self.cases[column].to_pylist(), keep, strict=True) if inside})


def findings(evidence: Evidence, _options: Options) -> tuple[Finding, ...]:
    """One finding: the same cases go through every model."""
    population = _population(evidence)
    whole = population.counts(np.ones(evidence.cases.num_rows, np.bool_))
    labelled = whole["positives"] + whole["negatives"]
    attributes = [name for name in evidence.cases.column_names if name not in KEYS]
    data = {
        "unit": evidence.protocol.cohort.unit,
        "sampling": evidence.protocol.cohort.sampling,
        "counts": whole,
        "prevalence": {
            "positives": whole["positives"],
            "labelled": labelled,
            "share": whole["positives"] / labelled if labelled else None,
        },
        "attributes": [_attribute(population, name) for name in attributes],
        "scanners": _scanners(population),
        "crossings": _crossings(population, evidence.protocol.strata),
    }
    return (
        Finding(
            id="population",
            analysis="population",
            model=None,
            title="Who and what was tested",
            statement=_statement(evidence, data),
            data=data,
        ),
    )


def _population(evidence: Evidence) -> _Population:
    models = [model.id for model in evidence.protocol.models]
    rows = {model: model_rows(evidence.units, model) for model in models}
    first = rows[models[0]]
    return _Population(
        evidence.cases, first.positive, first.labelled, {model: found.failed for model, found in rows.items()}
    )


def _attribute(population: _Population, attribute: str) -> dict[str, Any]:
    values, levels = population.cases[attribute].to_pylist(), population.levels(attribute)
    missing = int((levels == MISSING).sum())
    numeric = pa.types.is_floating(population.cases[attribute].type) or pa.types.is_integer(
        population.cases[attribute].type
    )
    present = _ordered(set(levels) - {MISSING})
    shown = attribute != "age" and len(present) <= (MOST_NUMBERS if numeric else MOST_LEVELS)
    order = [*present, *([MISSING] if missing else [])]
    return {
        "attribute": attribute,
        "label": sentence_case(attribute_words(attribute)),
        "kind": "number" if numeric else "text",
        "missing": missing,
        "missing_share": missing / len(values) if values else None,
        "summary": _summary(population, attribute, values) if numeric else None,
        "levels": [{"level": level, **population.counts(levels == level)} for level in order] if shown else None,
    }


def _summary(population: _Population, attribute: str, values: Sequence[Any]) -> dict[str, Any] | None:
    """Five numbers; of an age, one per patient (the first image's), and none above 90."""
    known = [
        (patient, value)
        for patient, value in zip(population.cases["patient"].to_pylist(), values, strict=True)
        if value is not None
    ]
    of = "patients" if attribute == "age" else "images"
    kept = (
        [min(value, OLDEST_SHOWN) for value in dict(reversed(known)).values()]
        if of == "patients"
        else [value for _, value in known]
    )
    if not kept:
        return None
    numbers = np.quantile(np.array(kept, dtype=np.float64), [0, 0.25, 0.5, 0.75, 1])
    names = ("least", "lower_quartile", "median", "upper_quartile", "most")
    return {"of": of, "count": len(kept), **{name: float(x) for name, x in zip(names, numbers, strict=True)}}


def _scanners(population: _Population) -> list[dict[str, Any]]:
    known = {name: attribute for name, attribute in SCANNER.items() if attribute in population.cases.column_names}
    if not known:
        return []
    keys = list(zip(*(population.levels(attribute) for attribute in known.values()), strict=True))
    rows = []
    for key in sorted(set(keys)):
        keep = np.array([other == key for other in keys], dtype=np.bool_)
        rows.append({**dict(zip(known, key, strict=True)), **population.counts(keep)})
    return rows


def _crossings(population: _Population, strata: Sequence[str]) -> list[dict[str, Any]]:
    """Groups of patients against scanners and sites: whether a gap between groups could be one between scanners."""
    columns = population.cases.column_names
    groups = [name for name in GROUPS if name in columns]
    places = [name for name in ("manufacturer", "site") if name in columns]
    extra = [name for name in strata if name in columns and name not in (*groups, *places, *SCANNER.values())]
    return [_crossing(population, row, column) for row in [*groups, *extra] for column in places]


def _crossing(population: _Population, row: str, column: str) -> dict[str, Any]:
    rows, columns = population.levels(row), population.levels(column)
    row_levels, column_levels = _ordered(set(rows)), _ordered(set(columns))
    cells = [[(rows == r) & (columns == c) for c in column_levels] for r in row_levels]
    return {
        "rows": row,
        "columns": column,
        "row_levels": row_levels,
        "column_levels": column_levels,
        "images": [[int(cell.sum()) for cell in line] for line in cells],
        "positives": [[int((cell & population.positive).sum()) for cell in line] for line in cells],
    }


def _ordered(levels: Iterable[str]) -> list[str]:
    """By number where all are numbers, else by letter; what is missing comes last."""
    present = [level for level in levels if level != MISSING]
    try:
        present.sort(key=float)
    except ValueError:
        present.sort()
    return [*present, *([MISSING] if MISSING in levels else [])]


def _are_positive(evidence: Evidence, count: int) -> str:
    """Such as "are positive", or of masks "hold the left ventricle"."""
    if evidence.protocol.task in MEASURED:
        return f"{'holds' if count == 1 else 'hold'} the {headline(evidence.protocol).words}"
    return f"{plural(count, 'is')} positive"


def _statement(evidence: Evidence, data: Mapping[str, Any]) -> str:
    counts, unit = data["counts"], evidence.protocol.cohort.unit
    parts = [f"{count_of(counts['images'], unit)} of {count_of(counts['patients'], 'patient')}"]
    for attribute, noun in (("manufacturer", "maker of scanner"), ("site", "site")):
        levels = [level for level in _levels(data, attribute) if level != MISSING]
        if levels:
            first, *rest = noun.split(" ")
            parts.append(" ".join([number_word(len(levels)), plural(len(levels), first), *rest]))
    prevalence = data["prevalence"]
    sentences = [sentence_case(f"{', '.join(parts)}.")]
    if prevalence["labelled"]:
        sentences.append(
            f"{prevalence['positives']:,} of the {prevalence['labelled']:,} with a reference label "
            f"{_are_positive(evidence, prevalence['positives'])} ({printed(prevalence['share'], 'proportion')})."
        )
    sentences.append(SAMPLING[evidence.protocol.cohort.sampling])
    missing = [
        f"{entry['label'].lower()} ({entry['missing']:,})"
        for entry in data["attributes"]
        if entry["missing"] and entry["attribute"] in evidence.protocol.strata
    ]
    if missing:
        sentences.append(f"Not always known: {listed(missing)}.")
    if len(_levels(data, "site")) == 1:
        sentences.append("All cases come from a single site, so the result speaks for this site only.")
    return " ".join(sentences)


def _levels(data: Mapping[str, Any], attribute: str) -> list[str]:
    found = next((entry for entry in data["attributes"] if entry["attribute"] == attribute), None)
    return [level["level"] for level in (found or {}).get("levels") or []]


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, always=True, order=20, tasks=EVERY_TASK)
