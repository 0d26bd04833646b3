"""Both cohorts in one table, the reference first: features one by one, and all that have a number together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.analyses.embeddings import Components, components, embeddings_here, embeddings_of_reference
from validate.analyses.not_compared import lacking, why_not
from validate.analyses.outputs import outputs
from validate.analyses.shift_reference import PREFIX
from validate.analyses.shift_tables import ShiftTables
from validate.analyses.wording import attribute_words, sentence_case
from validate.cohort.manifest import KEYS
from validate.protocol.model import Model
from validate.protocol.shift import ShiftOptions
from validate.stats.multiplicity import holm
from validate.stats.two_samples import (
    Exchange,
    exchange,
    kolmogorov_smirnov,
    maximum_mean_discrepancy,
    total_variation,
)

SEED = 20261122
MOST_ROWS = 800  # of each cohort behind the test of all features together: its work grows with their square
MOST_LEVELS = 40  # of a text attribute; more are names, not groups
FEWEST = 5  # rows with a value, in each cohort
LATENT = 1e-6
WHOLE = {"feature": "output", "label": "Output"}
GROUPS = ("metadata", "images", "outputs", "embedding")
COMPONENT = "component of the embedding "


class TwoCohorts:
    """second : rows of this cohort      patient : numbered over both      columns : name → values, of what both have
    embedding : of a model that declares one, its components; or why they are not compared
    lacking : names of columns that one cohort has alone, with the reason
    """

    def __init__(
        self, options: ShiftOptions, model: Model, units: pa.Table, cases: pa.Table, tables: ShiftTables
    ) -> None:
        told = outputs(units, model.id)
        self.outputs = {one.column(model.id): one for one in told}
        here = _here(cases, tables.here)
        here |= {
            name: [one.values.get(unit) for unit in cases["unit"].to_pylist()] for name, one in self.outputs.items()
        }
        reference = {name: tables.reference[name].to_pylist() for name in tables.reference.column_names}
        for name, one in self.outputs.items():  # a table of one model calls them so
            plain = f"score:{one.name}" if one.name else "score"
            if name not in reference and plain in reference:
                reference[name] = reference[plain]
        self.embedding = _embedding(options, model, units, cases, tables.reference)
        inner = frozenset((model.output.embedding and model.output.embedding.columns) or ())
        before, now = tables.reference.num_rows, cases.num_rows
        self.second: NDArray[np.bool_] = np.repeat([False, True], [before, now])
        patients = [*reference.get("patient", [f"row {place}" for place in range(before)]), *here["patient"]]
        self.patient = np.asarray(np.unique(np.array(patients, np.str_), return_inverse=True)[1], np.int64)
        self.columns = {
            name: [*reference[name], *here[name]]
            for name in here
            if name not in {"patient", options.order_by, *inner} and name in reference and self._wanted(options, name)
        }
        self.lacking = tuple(
            lacking(
                list(here),
                [*reference, *tables.facts.get("not_taken", ())],
                passed={"patient", options.order_by, *inner, *_unknown(here), *_unknown(reference)},
            )
        )
        if isinstance(self.embedding, Components):
            for number, column in enumerate(self.embedding.scores.T.tolist(), start=1):
                self.columns[f"{COMPONENT}{number}"] = [None if math.isnan(value) else value for value in column]
        self.order = here.get(options.order_by or "")

    def group(self, name: str) -> str:
        """One of GROUPS."""
        if name.startswith(COMPONENT):
            return "embedding"
        return "images" if name.startswith(PREFIX) else "outputs" if name in self.outputs else "metadata"

    def feature(self, name: str) -> dict[str, str]:
        """What the column is called in findings and for a reader."""
        if name in self.outputs:
            of = self.outputs[name].name
            return {"feature": f"output:{of}", "label": f"Output, {of.replace('_', ' ')}"} if of else WHOLE
        if name.startswith(COMPONENT):
            number = name.removeprefix(COMPONENT)
            return {"feature": f"embedding:{number}", "label": f"Embedding, component {number}"}
        short = name.removeprefix(PREFIX)
        return {"feature": short, "label": sentence_case(attribute_words(short))}

    def numbers(self) -> dict[str, NDArray[np.float64]]:
        """Features whose values are numbers in both cohorts, NaN where there is none; outputs as logits where they are chances."""
        found = {}
        for name, values in self.columns.items():
            if all(value is None or isinstance(value, int | float) for value in values):
                column = np.array([np.nan if value is None else value for value in values], np.float64)
                known = ~np.isnan(column)
                if min(known[self.second].sum(), known[~self.second].sum()) >= FEWEST:
                    chance = name in self.outputs and self.outputs[name].chance
                    found[name] = _latent(column) if chance else column
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
            and min(_known(side) for side in (values[: -self.second.sum()], values[-self.second.sum() :])) >= FEWEST
        }

    def features(self, options: ShiftOptions) -> list[dict[str, Any]]:
        """One entry a feature, p values adjusted over all of them."""
        exchanged = exchange(self.second, self.patient, permutations=options.permutations, seed=SEED)
        found = list(self._features(exchanged))
        for one, adjusted in zip(found, holm([one["p"] for one in found]).tolist(), strict=True):
            one["adjusted"] = adjusted
            one["shifted"] = adjusted <= options.alpha
        return found

    def _features(self, exchanged: Exchange) -> Iterator[dict[str, Any]]:
        numeric, words = self.numbers(), self.levels()
        for name in self.columns:
            if name in numeric:
                test, kind = kolmogorov_smirnov(numeric[name], exchanged), "ks"
                told = [_middle(numeric[name][side]) for side in (self.second, ~self.second)]
            elif name in words:
                test, kind = total_variation(words[name], exchanged), "total_variation"
                told = [_shares(words[name], side) for side in (self.second, ~self.second)]
            else:
                continue
            yield {
                **self.feature(name), "group": self.group(name), "test": kind, "statistic": test.statistic, "p": test.p,
                "here": told[0], "reference": told[1],
            }  # fmt: skip

    def left_out(self, options: ShiftOptions) -> list[dict[str, str]]:
        """What is not compared, and why."""
        compared = {*self.numbers(), *self.levels()}
        found = [(name, reason) for name, reason in self.lacking if self._wanted(options, name)]
        for name, values in self.columns.items():
            before = int((~self.second).sum())
            if name not in compared and any(value is not None for value in values):
                found.append((name, why_not(values[before:], values[:before], fewest=FEWEST, most_levels=MOST_LEVELS)))
        return [{**self.feature(name), "group": self.group(name), "reason": reason} for name, reason in found]

    def matrix(self, group: str | None = None) -> NDArray[np.float64]:
        """(n, d) standardised by the reference; missing numbers are the mean, with a column that says so; words as 0 and 1.

        group : of these features alone
        """
        parts: list[NDArray[np.float64]] = []
        for name, column in self.numbers().items():
            if group not in (None, self.group(name)):
                continue
            known = ~np.isnan(column)
            centre, spread = column[known & ~self.second].mean(), column[known].std()
            if spread > 0:
                parts.append(np.where(known, (column - centre) / spread, 0.0))
            if 0 < known.sum() < known.size:
                parts.append((~known).astype(np.float64))
        for name, values in self.levels().items():
            if group not in (None, self.group(name)):
                continue
            for level in dict.fromkeys(values):
                hot = np.array([value == level for value in values], np.float64)
                if 0 < hot.sum() < hot.size:
                    parts.append((hot - hot.mean()) / hot.std())
        return np.column_stack(parts) if parts else np.zeros((self.second.size, 0))

    def together(self, options: ShiftOptions) -> dict[str, Any] | None:
        """MMD over everything that has a number, and over each group of features alone, on at most MOST_ROWS of each cohort."""
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
        matrices = {group: self.matrix(group) for group in GROUPS}
        of = {group: maximum_mean_discrepancy(one[kept], exchanged) for group, one in matrices.items() if one.shape[1]}
        adjusted = holm([one.p for one in of.values()]).tolist()
        groups = [
            {"group": group, "statistic": one.statistic, "p": one.p, "adjusted": p}
            for (group, one), p in zip(of.items(), adjusted, strict=True)
        ]
        return {"statistic": found.statistic, "p": found.p, "groups": groups}

    def _wanted(self, options: ShiftOptions, name: str) -> bool:
        if name.startswith(PREFIX):
            return options.images
        return name in self.outputs or not options.metadata or name in options.metadata


def _embedding(
    options: ShiftOptions, model: Model, units: pa.Table, cases: pa.Table, reference: pa.Table
) -> Components | str | None:
    """None of a model that declares none."""
    if model.output.embedding is None:
        return None
    before = embeddings_of_reference(reference, model)
    if before is None:
        return "the reference holds none of this model"
    known = embeddings_here(units, model.id)
    try:
        return components(
            before, [known.get(unit) for unit in cases["unit"].to_pylist()], at_most=options.embedding_components
        )
    except ValueError as reason:
        return str(reason)


def _known(values: Sequence[Any]) -> int:
    return sum(value is not None for value in values)


def _unknown(columns: Mapping[str, Sequence[Any]]) -> list[str]:
    """Names of columns without a value."""
    return [name for name, values in columns.items() if all(value is None for value in values)]


def _here(cases: pa.Table, images: pa.Table) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {"patient": cases["patient"].to_pylist()}
    found |= {name: cases[name].to_pylist() for name in cases.column_names if name not in KEYS}
    pictured: Mapping[str, Mapping[str, Any]] = {row["unit"]: row for row in images.to_pylist()}
    for name in images.column_names:
        if name != "unit":
            found[name] = [pictured.get(unit, {}).get(name) for unit in cases["unit"].to_pylist()]
    return found


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
