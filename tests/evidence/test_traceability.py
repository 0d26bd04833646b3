"""From claim to result and hash; what nobody tested is listed."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from validate.canonical import file_digest, pretty_json
from validate.errors import ProtocolError
from validate.evidence.traceability import traceability_document, traceability_table
from validate.protocol.load import load_protocol
from validate.protocol.starter import starter


def estimate(name: str, endpoint: str, model: str = "a", **more: Any) -> dict[str, Any]:
    base = {"id": name, "endpoint": endpoint, "model": model, "stratum": {}, "contrast": None, "value": 0.9}
    return {**base, "interval": {"low": 0.8, "high": 0.95}, **more}


@pytest.fixture
def run(reported: Path) -> Path:
    found = [
        estimate("auroc", "auroc"),
        estimate("sens/F", "sensitivity", stratum={"sex": "F"}, value=0.7),
        estimate("sens", "sensitivity"),
        estimate("brier", "brier", interval=None),
    ]
    criteria = [
        {"endpoint": "sensitivity", "model": "a", "outcome": "PASS", "estimates": ["sens"]},
        {"endpoint": "sensitivity", "model": "a", "outcome": "FAIL", "estimates": ["sens/F"]},
    ]
    (reported / "estimates.json").write_bytes(pretty_json({"estimates": found}))
    (reported / "verdict.json").write_bytes(pretty_json({"outcome": "FAIL", "criteria": criteria}))
    claims = [
        {"id": "C1", "text": "finds it", "hazard": "H-1", "endpoint": "sensitivity"},
        {"id": "C2", "text": "is sure", "endpoint": "brier"},
        {"id": "C3", "text": "is fast"},
        {"id": "C4", "text": "of another", "endpoint": "auroc", "model": "b"},
    ]
    (reported / "protocol.yaml").write_text(yaml.safe_dump({"claims": claims}))
    return reported


def test_each_claim_leads_to_its_criteria_results_and_the_hash_of_their_file(run: Path) -> None:
    document = traceability_document(run)
    rows = [(r["claim"], r["outcome"], r["estimate"], r["value"], r["state"]) for r in document["rows"]]
    assert rows == [
        ("C1", "PASS", "estimates.json#/estimates/2", 0.9, "decided"),
        ("C1", "FAIL", "estimates.json#/estimates/1", 0.7, "decided"),
        ("C2", None, "estimates.json#/estimates/3", 0.9, "measured"),
        ("C3", None, None, None, "untested"),
        ("C4", None, None, None, "untested"),
    ]
    assert document["untested"] == ["C3", "C4"]
    assert document["rows"][0]["sha256"] == file_digest(run / "verdict.json")
    assert document["rows"][2]["low"] is None


def test_the_table_has_the_same_rows_and_no_word_for_nothing(run: Path) -> None:
    table = list(csv.DictReader(io.StringIO(traceability_table(traceability_document(run)).decode())))
    assert [row["claim"] for row in table] == ["C1", "C1", "C2", "C3", "C4"]
    assert "None" not in {value for row in table for value in row.values()}


def test_without_claims_there_is_no_row(reported: Path) -> None:
    assert traceability_document(reported)["rows"] == []


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ("[{id: C1, text: x, endpoint: aurok}]", "no endpoint 'aurok'"),
        ("[{id: C1, text: x, model: z}]", "no model 'z'"),
        ("[{id: C1, text: x}, {id: C1, text: y}]", "'C1' stands twice"),
        ("[{id: C1, text: ' '}]", "claims"),
        ("[{id: C1}]", "claims"),
    ],
)
def test_a_claim_that_leads_nowhere_is_refused_by_the_protocol(tmp_path: Path, claims: str, message: str) -> None:
    from validate.catalog import shipped_catalog

    path = tmp_path / "study.yaml"
    path.write_text(starter("classification", "dicom") + f"\nclaims: {claims}\n")
    with pytest.raises(ProtocolError, match=message):
        load_protocol(path, catalog=shipped_catalog())
