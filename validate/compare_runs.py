"""Finished runs of the same cases, side by side: what they share is compared pair by pair, and nothing decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from validate.cohort.manifest import read_cohort
from validate.errors import DataError, EvidenceError
from validate.estimation.estimate import Estimate
from validate.estimation.estimates import Estimates
from validate.estimation.run import estimate_all
from validate.protocol.load import from_resolved
from validate.protocol.model import Model
from validate.protocol.question import Endpoint
from validate.protocol.schema import StudyProtocol
from validate.results.store import read_units
from validate.results.units import STRATUM_PREFIX

CASE = ("unit", "cluster", "patient", "label_status", "label")


@dataclass(frozen=True, slots=True)
class Compared:
    """models : display name by id; an id that two runs share gets the run's name      endpoints : those all runs have

    differences : paired, each model less each earlier one; exploratory, since nothing was locked before looking
    """

    models: dict[str, str]
    endpoints: tuple[str, ...]
    values: Estimates
    differences: Estimates


@dataclass(frozen=True, slots=True)
class _Run:
    folder: Path
    protocol: StudyProtocol
    units: pa.Table
    cohort: str


def compare_runs(folders: Sequence[Path]) -> Compared:
    """Folders : two or more run folders, the one to compare with first.

    Raises DataError where the runs do not have the same cases, labels and rows, or share no endpoint; EvidenceError where
    a folder holds no finished run.
    """
    if len(folders) < 2:
        raise DataError(f"compare: got {len(folders)} run, expected two or more finished run folders.")
    runs = [_read(folder) for folder in folders]
    first = runs[0]
    for other in runs[1:]:
        _refuse_other_cases(first, other)
    models, tables = _renamed(runs)
    endpoints = _shared_endpoints(runs)
    strata = [name for name in first.protocol.strata if all(name in run.protocol.strata for run in runs)]
    protocol = first.protocol.model_copy(
        update={
            "models": tuple(models.values()), "endpoints": endpoints, "strata": tuple(strata), "analyses": (),
            "acceptance": (), "comparisons": (), "multiplicity": None,
        }
    )  # fmt: skip
    found = estimate_all(protocol, pa.concat_tables(tables), cohort_digest=first.cohort)
    asked = {endpoint.id for endpoint in endpoints}
    overall = [e for e in found if e.endpoint in asked and not e.stratum and "/missing=" not in e.id]
    return Compared(
        models=_titles(models),
        endpoints=tuple(asked),
        values=Estimates(tuple(e for e in overall if e.contrast is None and "prevalence" not in e.condition)),
        differences=Estimates(tuple(_exploratory(e) for e in found if e.contrast is not None)),
    )


def _read(folder: Path) -> _Run:
    try:
        stored = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
        units = read_units(folder / "results/units.parquet")
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise EvidenceError(
            f"{folder}: no finished run ({error}). Expected protocol.yaml and results/units.parquet."
        ) from error
    clean = units.filter(pc.equal(units["pass"], "clean"))
    return _Run(folder, from_resolved(stored), clean, read_cohort(folder / "cohort").digest)


def _refuse_other_cases(one: _Run, other: _Run) -> None:
    first, second = (run.units.filter(pc.equal(run.units["model"], run.protocol.models[0].id)) for run in (one, other))
    mine, theirs = first["unit"].to_pylist(), second["unit"].to_pylist()
    if mine != theirs:
        both = len(set(mine) & set(theirs))
        raise DataError(
            f"compare: {one.folder} has {len(mine):,} rows and {other.folder} {len(theirs):,}, of which {both:,} are the same. "
            "A paired comparison needs the very same cases in the same order: run both protocols on one cohort, with the same "
            "rules, on the same machine (pseudonyms are made with the site's key)."
        )
    for column in CASE[1:]:
        if not first[column].equals(second[column]):
            raise DataError(
                f"compare: the '{column}' of the cases differs between {one.folder} and {other.folder}. "
                "Both runs must have read the same reference."
            )


def _renamed(runs: Sequence[_Run]) -> tuple[dict[str, Model], list[pa.Table]]:
    """Every model under an id of its own: its own where it is free, else with the run folder's name."""
    models: dict[str, Model] = {}
    tables = []
    shared = [f"{STRATUM_PREFIX}{name}" for name in runs[0].protocol.strata]
    for place, run in enumerate(runs, start=1):
        for model in run.protocol.models:
            name = model.id if model.id not in models else f"{model.id}@{run.folder.name}"
            name = name if name not in models else f"{name}-{place}"
            models[name] = model.model_copy(update={"id": name})
            rows = run.units.filter(pc.equal(run.units["model"], model.id))
            named = pa.array([name] * rows.num_rows, pa.string())
            rows = rows.set_column(rows.column_names.index("model"), rows.schema.field("model"), named)
            kept = [c for c in rows.column_names if not c.startswith(STRATUM_PREFIX) or (
                c in shared and all(c in other.units.column_names for other in runs))]  # fmt: skip
            tables.append(rows.select(kept))
    return models, tables


def _titles(models: dict[str, Model]) -> dict[str, str]:
    """Name and version; with the id too where two models bear the same."""
    plain = {name: f"{model.name} {model.version}" for name, model in models.items()}
    titles = list(plain.values())
    return {name: title if titles.count(title) == 1 else f"{title} ({name})" for name, title in plain.items()}


def _shared_endpoints(runs: Sequence[_Run]) -> tuple[Endpoint, ...]:
    def what(endpoint: Endpoint) -> tuple[str, str]:
        return endpoint.metric, repr(sorted(endpoint.options.items()))

    others = [{what(endpoint) for endpoint in run.protocol.endpoints} for run in runs[1:]]
    shared = tuple(e for e in runs[0].protocol.endpoints if all(what(e) in known for known in others))
    if not shared:
        raise DataError("compare: the runs share no endpoint, so there is nothing to compare.")
    return shared


def _exploratory(estimate: Estimate) -> Estimate:
    return replace(estimate, role="exploratory", prespecified=False)
