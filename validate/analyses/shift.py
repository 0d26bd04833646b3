"""Is this still the cohort that it was accepted on? Metadata, images and outputs against a reference, and the chart over time.

data: {"reference": {"kind", "sha256", "cases", "outcome"}, "patients_in_both",
 "alpha", "permutations",
 "features": [{"feature", "label", "group": "metadata" | "images" | "outputs", "test": "ks" | "total_variation", "statistic", "p",
   "adjusted", "here": text, "reference": text, "shifted": bool}],
 "together": {"statistic", "p"} | null,                MMD over all numeric features
 "classifier": id,
 "chart": {"order_by", "allowance", "decision", "points": [{"when", "cases", "z", "upper", "lower"}], "alarm": when | null,
   "run_length"} | null,
 "input_charts": [{"feature", "label", "group", …as chart}],   of numbers in metadata and images
 "since": [{"endpoint", "label", "estimate": id, "conclusion": "stands" | "fallen" | "open"}],
 "stands": "yes" | "no" | "open" | null}
p : by exchanging patients; adjusted : Holm's, over all features of this table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.analyses.analysis import EVERY_TASK, Analysis, Evidence, Finding
from validate.analyses.shift_tables import PREFIX, SCORE, ShiftTables
from validate.analyses.wording import (
    attribute_words,
    listed,
    measure,
    metric_of,
    plural,
    printed_estimate,
    sentence_case,
)
from validate.cohort.manifest import KEYS
from validate.estimation.estimate import Estimate
from validate.estimation.shift import CHECK, SINCE, since_accepted, told_apart
from validate.protocol.compared import SHIFT
from validate.protocol.passes import CLEAN
from validate.protocol.schema import Model, StudyProtocol
from validate.protocol.shift import ShiftOptions, shift_of
from validate.stats.cusum import cusum, run_length
from validate.stats.multiplicity import holm
from validate.stats.two_samples import (
    Exchange,
    exchange,
    kolmogorov_smirnov,
    maximum_mean_discrepancy,
    total_variation,
)

TITLE = "Is this still the cohort that it was accepted on?"
SEED = 20261122
MOST_ROWS = 800  # of each cohort behind the test of all features together: its work grows with their square
MOST_LEVELS = 40  # of a text attribute; more are names, not groups
FEWEST = 5  # rows with a value, in each cohort
LATENT = 1e-6


def shift_estimates(
    protocol: StudyProtocol, estimates: Sequence[Estimate], units: pa.Table, cases: pa.Table, tables: ShiftTables | None
) -> Iterator[Estimate]:
    """The domain classifier of each model, and its endpoints less those of the accepted run."""
    options = shift_of(protocol)
    if options is None or tables is None:
        return
    for model in protocol.models:
        both = _Both(options, model, units, cases, tables)
        yield told_apart(model.id, both.matrix(), both.second, both.patient)
    yield from since_accepted(options, estimates, tables.facts["estimates"])


def findings(evidence: Evidence, options: ShiftOptions) -> tuple[Finding, ...]:
    """One finding per model."""
    tables = cast("ShiftTables | None", evidence.shift)
    return tuple(_finding(evidence, model, options, tables) for model in evidence.protocol.models)


def _finding(evidence: Evidence, model: Model, options: ShiftOptions, tables: ShiftTables | None) -> Finding:
    if tables is None:
        return Finding(
            id=f"{SHIFT}/{model.id}", analysis=SHIFT, model=model.id, title=TITLE, status="not_available",
            statement="The run folder holds no reference cohort, so nothing was compared.",
        )  # fmt: skip
    assert evidence.every is not None
    both = _Both(options, model, evidence.every, evidence.cases, tables)
    exchanged = exchange(both.second, both.patient, permutations=options.permutations, seed=SEED)
    features = list(both.features(exchanged))
    for feature, adjusted in zip(features, holm([feature["p"] for feature in features]).tolist(), strict=True):
        feature["adjusted"] = adjusted
        feature["shifted"] = adjusted <= options.alpha
    mine = [e for e in evidence.estimates if e.model == model.id and e.contrast is not None]
    classifier = next((e for e in mine if e.id == f"{SHIFT}/{model.id}/{CHECK}"), None)
    since = [_since(evidence, e, options) for e in mine if (e.contrast or {})["kind"] == SINCE]
    stands = _stands(since)
    chart, inputs = both.chart(options), list(both.input_charts(options))
    shared = int(np.intersect1d(both.patient[both.second], both.patient[~both.second]).size)
    return Finding(
        id=f"{SHIFT}/{model.id}",
        analysis=SHIFT,
        model=model.id,
        title=TITLE,
        statement=_statement(features, classifier, chart, inputs, since, stands) + _shared(shared),
        data={
            "reference": {key: tables.facts[key] for key in ("kind", "sha256", "cases", "outcome")},
            "patients_in_both": shared,
            "alpha": options.alpha,
            "permutations": options.permutations,
            "features": features,
            "together": both.together(options),
            "classifier": classifier.id if classifier is not None else None,
            "chart": chart,
            "input_charts": inputs,
            "since": since,
            "stands": stands,
        },
        estimates=tuple(e.id for e in mine if (e.contrast or {})["kind"] in {SINCE, SHIFT}),
    )


class _Both:
    """Both cohorts in one table: the reference first."""

    def __init__(
        self, options: ShiftOptions, model: Model, units: pa.Table, cases: pa.Table, tables: ShiftTables
    ) -> None:
        here = _here(model, units, cases, tables.here)
        reference = {name: tables.reference[name].to_pylist() for name in tables.reference.column_names}
        if SCORE + model.id not in reference and "score" in reference:
            reference[SCORE + model.id] = reference["score"]
        before, now = tables.reference.num_rows, cases.num_rows
        self.second: NDArray[np.bool_] = np.repeat([False, True], [before, now])
        patients = [*reference.get("patient", [f"row {place}" for place in range(before)]), *here["patient"]]
        self.patient = np.asarray(np.unique(np.array(patients, np.str_), return_inverse=True)[1], np.int64)
        self.columns = {
            name: [*reference[name], *here[name]]
            for name in here
            if name != "patient" and name in reference and _wanted(options, name, model)
        }
        self.score = SCORE + model.id
        self.order = here.get(options.order_by or "")

    def groups(self) -> dict[str, str]:
        """Feature → metadata, images or outputs."""
        return {
            name: "images" if name.startswith(PREFIX) else "outputs" if name == self.score else "metadata"
            for name in self.columns
        }

    def numbers(self) -> dict[str, NDArray[np.float64]]:
        """Features whose values are numbers in both cohorts, NaN where there is none; outputs as logits where they are chances."""
        found = {}
        for name, values in self.columns.items():
            if all(value is None or isinstance(value, int | float) for value in values):
                column = np.array([np.nan if value is None else value for value in values], np.float64)
                known = ~np.isnan(column)
                if min(known[self.second].sum(), known[~self.second].sum()) >= FEWEST:
                    found[name] = _latent(column) if name == self.score else column
        return found

    def levels(self) -> dict[str, list[str | None]]:
        """Features that are words, with few enough of them."""
        numeric = self.numbers()
        return {
            name: [None if value is None else str(value) for value in values]
            for name, values in self.columns.items()
            if name not in numeric
            and any(isinstance(value, str) for value in values)
            and len(set(values)) <= MOST_LEVELS
        }

    def features(self, exchanged: Exchange) -> Iterator[dict[str, Any]]:
        """One entry a feature, without what depends on all of them."""
        groups, numeric, words = self.groups(), self.numbers(), self.levels()
        for name in self.columns:
            if name in numeric:
                test = kolmogorov_smirnov(numeric[name], exchanged)
                told = [_middle(numeric[name][side]) for side in (self.second, ~self.second)]
                kind = "ks"
            elif name in words:
                test = total_variation(words[name], exchanged)
                told = [_shares(words[name], side) for side in (self.second, ~self.second)]
                kind = "total_variation"
            else:
                continue
            short = name.removeprefix(PREFIX).removeprefix(SCORE)
            label = "Output" if name == self.score else sentence_case(attribute_words(short))
            yield {
                "feature": short if name != self.score else "output", "label": label, "group": groups[name], "test": kind,
                "statistic": test.statistic, "p": test.p, "here": told[0], "reference": told[1],
            }  # fmt: skip

    def matrix(self) -> NDArray[np.float64]:
        """(n, d) standardised by the reference; missing numbers are the mean, with a column that says so; words as 0 and 1."""
        parts: list[NDArray[np.float64]] = []
        for column in self.numbers().values():
            known = ~np.isnan(column)
            centre, spread = column[known & ~self.second].mean(), column[known].std()
            if spread > 0:
                parts.append(np.where(known, (column - centre) / spread, 0.0))
            if 0 < known.sum() < known.size:
                parts.append((~known).astype(np.float64))
        for values in self.levels().values():
            for level in dict.fromkeys(values):
                hot = np.array([value == level for value in values], np.float64)
                if 0 < hot.sum() < hot.size:
                    parts.append((hot - hot.mean()) / hot.std())
        return np.column_stack(parts) if parts else np.zeros((self.second.size, 0))

    def together(self, options: ShiftOptions) -> dict[str, float] | None:
        """MMD over everything that has a number, on at most MOST_ROWS of each cohort."""
        features = self.matrix()
        if features.shape[1] == 0:
            return None
        chosen: list[NDArray[np.int64]] = []
        for side in (~self.second, self.second):
            rows = np.flatnonzero(side)
            order = np.random.Generator(np.random.Philox(key=SEED)).permutation(rows.size)[:MOST_ROWS]
            chosen.append(np.sort(rows[order]))
        kept = np.concatenate(chosen)
        exchanged = exchange(
            self.second[kept], self.patient[kept], permutations=min(options.permutations, 499), seed=SEED + 1
        )
        found = maximum_mean_discrepancy(features[kept], exchanged)
        return {"statistic": found.statistic, "p": found.p}

    def chart(self, options: ShiftOptions) -> dict[str, Any] | None:
        """Mean output of each step of time against the reference, in its own standard errors."""
        numeric = self.numbers()
        return self._chart(numeric[self.score], options) if self.score in numeric else None

    def input_charts(self, options: ShiftOptions) -> Iterator[dict[str, Any]]:
        """The same of each number in the metadata and the images, but of the order itself."""
        groups = self.groups()
        for name, column in self.numbers().items():
            if name not in {self.score, options.order_by} and (found := self._chart(column, options)) is not None:
                short = name.removeprefix(PREFIX)
                label = sentence_case(attribute_words(short))
                yield {"feature": short, "label": label, "group": groups[name], **found}

    def _chart(self, column: NDArray[np.float64], options: ShiftOptions) -> dict[str, Any] | None:
        if self.order is None:
            return None
        reference, here = column[~self.second], column[self.second]
        reference = reference[~np.isnan(reference)]
        spread = float(reference.std(ddof=1)) if reference.size > 1 else 0.0
        if spread == 0:
            return None
        steps = sorted({str(value) for value in self.order if value is not None})
        when = np.array([str(value) for value in self.order])
        z, counts = [], []
        for step in steps:
            values = here[(when == step) & ~np.isnan(here)]
            if values.size:
                z.append(float((values.mean() - reference.mean()) / (spread / np.sqrt(values.size))))
                counts.append((step, int(values.size)))
        if not z:
            return None
        found = cusum(np.array(z), allowance=options.allowance, decision=options.decision)
        return {
            "order_by": options.order_by, "allowance": options.allowance, "decision": options.decision,
            "points": [
                {"when": step, "cases": count, "z": one, "upper": float(up), "lower": float(down)}
                for (step, count), one, up, down in zip(counts, z, found.upper, found.lower, strict=True)
            ],
            "alarm": None if found.alarm is None else counts[found.alarm][0],
            "run_length": run_length(allowance=options.allowance, decision=options.decision),
        }  # fmt: skip


def _here(model: Model, units: pa.Table, cases: pa.Table, images: pa.Table) -> dict[str, list[Any]]:
    order = cases["unit"].to_pylist()
    found: dict[str, list[Any]] = {"patient": cases["patient"].to_pylist()}
    found |= {name: cases[name].to_pylist() for name in cases.column_names if name not in KEYS}
    pictured = {row["unit"]: row for row in images.to_pylist()}
    for name in images.column_names:
        if name != "unit":
            found[name] = [pictured.get(unit, {}).get(name) for unit in order]
    scores: dict[str, float | None] = {}
    for row in units.select(["unit", "model", "pass", "score"]).to_pylist():
        if row["model"] == model.id and row["pass"] == CLEAN.id:
            scores.setdefault(row["unit"], row["score"])
    found[SCORE + model.id] = [scores.get(unit) for unit in order]
    return found


def _wanted(options: ShiftOptions, name: str, model: Model) -> bool:
    if name.startswith(PREFIX):
        return options.images
    if name.startswith(SCORE):
        return name == SCORE + model.id
    return not options.metadata or name in options.metadata


def _latent(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logits where all values are chances; else the values themselves."""
    known = column[~np.isnan(column)]
    if known.size == 0 or known.min() < 0 or known.max() > 1:
        return column
    inside = np.clip(column, LATENT, 1 - LATENT)
    return np.log(inside / (1 - inside))


def _middle(column: NDArray[np.float64]) -> str:
    low, middle, high = np.percentile(column[~np.isnan(column)], (25, 50, 75))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def _shares(values: Sequence[str | None], side: NDArray[np.bool_]) -> str:
    mine = [value for value, inside in zip(values, side.tolist(), strict=True) if inside]
    count = {level: mine.count(level) for level in dict.fromkeys(mine)}
    largest = sorted(count, key=lambda level: (-count[level], str(level)))[:3]
    return ", ".join(f"{'missing' if level is None else level} {count[level] / len(mine):.0%}" for level in largest)


def _since(evidence: Evidence, found: Estimate, options: ShiftOptions) -> dict[str, Any]:
    tolerance, interval = options.tolerance or 0.0, found.interval
    better = metric_of(found).better
    conclusion = "open"
    if interval is not None:
        low, high = (interval.low, interval.high) if better != "lower" else (-interval.high, -interval.low)
        if better == "neither":
            conclusion = "stands" if -tolerance <= low and high <= tolerance else "open"
            conclusion = "fallen" if low > tolerance or high < -tolerance else conclusion
        else:
            conclusion = "stands" if low >= -tolerance else "fallen" if high < -tolerance else "open"
    return {
        "endpoint": found.endpoint, "label": measure(found, evidence.protocol), "estimate": found.id, "conclusion": conclusion,
        "said": printed_estimate(found),
    }  # fmt: skip


def _stands(since: Sequence[Mapping[str, Any]]) -> str | None:
    if not since:
        return None
    conclusions = {one["conclusion"] for one in since}
    return "no" if "fallen" in conclusions else "open" if "open" in conclusions else "yes"


def _statement(
    features: Sequence[Mapping[str, Any]], classifier: Estimate | None, chart: Mapping[str, Any] | None,
    inputs: Sequence[Mapping[str, Any]], since: Sequence[Mapping[str, Any]], stands: str | None,
) -> str:  # fmt: skip
    sentences = []
    if stands is not None:
        sentences.append(
            {
                "yes": "The acceptance still stands: no endpoint has fallen by more than the tolerance, by its limits.",
                "no": "The acceptance no longer stands.",
                "open": "Whether the acceptance still stands is not shown: the tolerance lies inside the limits.",
            }[stands]
        )
    sentences += [f"{one['label']} less that of the accepted run: {one['said']}." for one in since]
    shifted = [feature["label"] for feature in features if feature["shifted"]]
    if shifted:
        sentences.append(
            f"Shifted against the reference, allowing for all {len(features)} that were looked at: {listed(shifted)}."
        )
    elif features:
        sentences.append(f"None of {len(features)} features is shown to have shifted; that is no proof that none has.")
    if classifier is not None and classifier.value is not None:
        sentences.append(
            f"A classifier tells the two cohorts apart with an AUROC of {printed_estimate(classifier)}; 0.5 is not at all."
        )
    if chart is not None and chart["alarm"] is not None:
        sentences.append(f"The chart of the output over time raises an alarm at {chart['alarm']}.")
    raised = [f"{one['label']} at {one['alarm']}" for one in inputs if one["alarm"] is not None]
    if raised:
        sentences.append(f"Alarms among {len(inputs)} charts of what goes in: {listed(raised)}.")
    return " ".join(sentences) or "There was nothing that both cohorts have."


def _shared(patients: int) -> str:
    if not patients:
        return ""
    return f" {patients:,} {plural(patients, 'patient')} are in both cohorts: they can't tell them apart, and are not exchanged."


ANALYSIS = Analysis(OPTIONS=ShiftOptions, findings=findings, order=47, tasks=EVERY_TASK)
