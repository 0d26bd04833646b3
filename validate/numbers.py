"""Everything that is computed from the results table: estimates, findings, verdict. And all of it once more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from validate.analyses.analysis import Evidence
from validate.analyses.document import to_document as findings_document
from validate.analyses.run import required_passes, run_analyses
from validate.analyses.shift import shift_estimates
from validate.analyses.shift_tables import read_shift_tables
from validate.cohort.identified import FILE as IDENTIFIED
from validate.cohort.manifest import read_cohort
from validate.errors import EvidenceError
from validate.estimation.document import to_document as estimates_document
from validate.estimation.marked import Tables
from validate.estimation.run import estimate_all
from validate.inference.store import read_inference
from validate.lock.stored import confirmatory_run
from validate.protocol.load import from_resolved
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import MEASURED
from validate.results.join import join_units
from validate.results.marked import read_marked
from validate.results.store import read_units
from validate.verdict.decide import decide
from validate.verdict.document import to_document as verdict_document
from validate.verdict.verdict import Verdict

MEASURES = "casewise/measures.parquet"  # what was measured of each case, where a task measures


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything that is computed from the results table."""

    estimates: tuple[Any, ...]
    findings: tuple[Any, ...]
    verdict: Verdict

    def documents(self) -> dict[str, dict[str, Any]]:
        """The run folder's files by name."""
        return {
            "estimates.json": estimates_document(self.estimates),
            "findings.json": findings_document(self.findings),
            "verdict.json": verdict_document(self.verdict),
        }


def computed(folder: Path, protocol: StudyProtocol, *, locked: bool) -> Numbers:
    """Estimates, findings and verdict from the tables of a run folder, and from nothing else."""
    cohort = read_cohort(folder / "cohort")
    units = read_units(folder / "results/units.parquet")
    marked = Tables(*read_marked(folder)) if protocol.task == "detection" else None
    estimates = estimate_all(protocol, units, cohort_digest=cohort.digest, marked=marked)
    cases, tables = pq.read_table(folder / "cohort/cases.parquet"), read_shift_tables(folder)
    estimates = (*estimates, *shift_estimates(protocol, estimates, units, cases, tables))
    evidence = Evidence(
        protocol=protocol,
        estimates=estimates,
        units=units,
        cases=cases,
        cohort_digest=cohort.digest,
        flow=cohort.flow,
        marked=marked,
        shift=tables,
        identified=pq.read_table(listed) if (listed := folder / IDENTIFIED).is_file() else None,
    )
    return Numbers(estimates, run_analyses(evidence), decide(protocol, estimates, locked=locked))


def join_folder(folder: Path, protocol: StudyProtocol) -> pa.Table:
    """The results table from a run folder's cohort, labels and outputs."""
    return join_units(
        protocol,
        pq.read_table(folder / "cohort/cases.parquet"),
        pq.read_table(folder / "cohort/reference.parquet"),
        read_inference(folder / "inference"),
        passes=required_passes(protocol),
        measures=pq.read_table(folder / MEASURES) if protocol.task in MEASURED else None,
    )


def recomputation(folder: Path) -> dict[str, Any]:
    """Every number of a run folder once more, from its tables: what `verify` compares with.

    Raises EvidenceError where the results table is not what cohort, labels and outputs give.
    """
    try:
        stored = yaml.safe_load((folder / "protocol.yaml").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise EvidenceError(f"protocol.yaml: can't be read: {error}") from error
    protocol = from_resolved(stored)
    joined, units = join_folder(folder, protocol), read_units(folder / "results/units.parquet")
    if not joined.replace_schema_metadata(None).equals(units):
        raise EvidenceError("results/units.parquet: is not what cohort, reference and inference give when joined again")
    return computed(folder, protocol, locked=confirmatory_run(folder)).documents()
