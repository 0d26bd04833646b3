"""evidence/statement.json: which models were tested under which lock, and how it ended, as an in-toto statement.

Nobody signed it yet: `validate sign` puts its digest, with all others of the manifest, into a signed DSSE envelope. Numbers do not
fit the predicate (https://in-toto.io/attestation/test-result/v0.1), so it names the files that hold them by digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from validate.canonical import file_digest
from validate.evidence.seal import read_document
from validate.provenance.dsse import statement

STATEMENT = "evidence/statement.json"
KIND = "https://in-toto.io/attestation/test-result/v0.1"
CONFIGURATION = ("lock.json", "protocol.yaml", "cohort/cases.parquet", "cohort/reference.parquet")
RESULTS = ("results/units.parquet", "estimates.json", "findings.json", "verdict.json")
PASSED, WARNED, FAILED = "PASSED", "WARNED", "FAILED"
OF_OUTCOME = {"PASS": PASSED, "FAIL": FAILED}  # what decides nothing, or was not promised beforehand, is a warning


def statement_document(folder: Path) -> dict[str, Any]:
    """Of the files that lie in this run folder, and of nothing else."""
    verdict = read_document(folder, "verdict.json")
    exploratory = bool(verdict.get("exploratory"))
    models = read_document(folder, "evidence/models.json")["models"]
    named: dict[str, list[str]] = {PASSED: [], WARNED: [], FAILED: []}
    for criterion in verdict.get("criteria") or ():
        after = exploratory or not criterion.get("locked", True)
        named[_result(criterion.get("outcome"), exploratory=after)].append(_name(criterion))
    predicate = {
        "result": _result(verdict.get("outcome"), exploratory=exploratory),
        "configuration": _files(folder, CONFIGURATION),
        "passedTests": named[PASSED],
        "warnedTests": named[WARNED],
        "failedTests": named[FAILED],
        "evidence": _files(folder, RESULTS),
    }
    return statement({name: one["digest"] for name, one in models.items()}, predicate_type=KIND, predicate=predicate)


def _result(outcome: Any, *, exploratory: bool) -> str:
    return WARNED if exploratory else OF_OUTCOME.get(str(outcome), WARNED)


def _name(criterion: Mapping[str, Any]) -> str:
    return " ".join(str(criterion[name]) for name in ("id", "endpoint", "model") if name in criterion)


def _files(folder: Path, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {"name": name, "digest": {"sha256": file_digest(folder / name)}} for name in names if (folder / name).is_file()
    ]
