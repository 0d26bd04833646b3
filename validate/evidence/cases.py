"""The Merkle root over the cases of a run, and the proof that one case is among them."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from validate.errors import CommandError, EvidenceError
from validate.evidence.merkle import Proof, case_leaf, proof, proven_root, root

UNITS = "results/units.parquet"


def cases_document(folder: Path) -> dict[str, Any]:
    """evidence/cases.json: how many cases, and the root over them in the order they first appear."""
    rows = _rows(folder)
    leaves = [_leaf(rows[name]) for name in rows]
    return {"schema_version": "1", "table": UNITS, "cases": len(leaves), "root": root(leaves).hex()}


def inclusion(folder: Path, case: str) -> dict[str, Any]:
    """The rows of one case with the proof that leads to the root: enough for somebody who may not see the other cases.

    Raises CommandError where there is no such case.
    """
    rows = _rows(folder)
    names = list(rows)
    if case not in rows:
        raise CommandError(
            f"{folder / UNITS}: no case {case!r}; its {len(names):,} cases have names such as {names[0]!r}"
        )
    leaves = [_leaf(rows[name]) for name in names]
    shown = proof(leaves, names.index(case))
    return {
        "schema_version": "1",
        "case": case,
        "rows": _with_words(rows[case]),
        "index": shown.index,
        "cases": shown.size,
        "path": [base64.b16encode(step).decode().lower() for step in shown.path],
        "root": root(leaves).hex(),
    }


def read_inclusion(path: Path) -> dict[str, Any]:
    """The document that `inclusion` wrote. Raises EvidenceError for what is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EvidenceError(f"{path}: not the proof of one case: {type(error).__name__}") from error
    if not isinstance(document, dict) or not {"case", "rows", "index", "cases", "path"} <= document.keys():
        raise EvidenceError(f"{path}: not the proof of one case, as `validate bundle RUN FILE --case CASE` writes it")
    return document


def check_inclusion(document: Mapping[str, Any], trusted_root: str) -> None:
    """Raises EvidenceError where these rows are not those of a case under this root.

    trusted_root : as the reader knows it, from a signed manifest or the report; the document's own is not believed
    """
    try:
        shown = Proof(
            int(document["index"]), int(document["cases"]), tuple(bytes.fromhex(step) for step in document["path"])
        )
        rows = document["rows"]
        named = all(row["unit"] == document["case"] for row in rows)
        led = proven_root(case_leaf(rows), shown).hex()
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError(f"inclusion proof: can't be read: {type(error).__name__}") from error
    if led != trusted_root or not named or not rows:
        raise EvidenceError(
            f"inclusion proof: leads to {led}, expected {trusted_root}; this case is not in that evidence"
        )


def _rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of the results table by case, in the order in which cases first appear."""
    try:
        table = pq.read_table(folder / UNITS)
    except (OSError, pa.ArrowException) as error:
        raise EvidenceError(f"{UNITS}: can't be read: {error}") from error
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        rows.setdefault(str(row["unit"]), []).append(row)
    return rows


def _leaf(rows: list[dict[str, Any]]) -> bytes:
    try:
        return case_leaf(rows)
    except ValueError:  # a number that is none, which is rare
        return case_leaf(_with_words(rows))


def _with_words(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    """JSON has no infinity and no NaN; they are written as words, so that every row has a form."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value
