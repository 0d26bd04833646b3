"""The bills of materials are CycloneDX by its own library, and the crate is one by its own; equal evidence, equal bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from validate.canonical import file_digest, pretty_json
from validate.evidence.bill_of_materials import model_document, software_document
from validate.evidence.crate import CRATE, crate_document
from validate.provenance.environment import environment_document


@pytest.fixture
def run(reported: Path) -> Path:
    protocol = {
        "id": "s", "version": "1.0.0", "title": "A study", "intended_use": "None at all.", "task": "classification",
        "models": [{"id": "a", "name": "Net", "version": "2"}], "statements": {"limitations": "Phantoms.", "users": None},
    }  # fmt: skip
    (reported / "protocol.yaml").write_text(yaml.safe_dump(protocol))
    (reported / "evidence/environment.json").write_bytes(pretty_json(environment_document()))
    identity = {"digest": "ab" * 32, "inputs": [{"name": "image", "type": "float32"}], "outputs": None}
    (reported / "evidence/models.json").write_bytes(pretty_json({"models": {"a": identity}}))
    base = {"metric": "classification.auroc", "model": "a", "pass": "clean", "contrast": None, "condition": {}}
    estimates = [
        {**base, "id": "auroc", "stratum": {}, "value": 0.9, "interval": {"low": 0.8, "high": 0.95}},
        {**base, "id": "auroc/sex=F", "stratum": {"sex": "F"}, "value": 0.8, "interval": None},
        {**base, "id": "auroc/sex=M", "stratum": {"sex": "M"}, "value": None, "interval": None},
    ]
    (reported / "estimates.json").write_bytes(pretty_json({"estimates": estimates}))
    return reported


def test_both_bills_are_valid_by_the_standards_own_library_and_have_the_same_bytes_twice(run: Path) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    for made in (software_document, model_document):
        text = pretty_json(made(run)).decode()
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
        assert pretty_json(made(run)).decode() == text
    assert software_document(run)["serialNumber"] != model_document(run)["serialNumber"]


def test_the_software_bill_names_every_package_and_the_program_with_its_digest(run: Path) -> None:
    document = software_document(run)
    environment = json.loads((run / "evidence/environment.json").read_text())
    assert {c["name"]: c["version"] for c in document["components"]} == environment["packages"]
    assert document["metadata"]["component"]["hashes"][0]["content"] == environment["validate"]["source_sha256"]


def test_the_model_card_has_each_measure_with_its_slice_and_limits_and_nothing_for_what_has_no_value(run: Path) -> None:
    (model,) = model_document(run)["components"]
    measures = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert [(m["slice"], m["value"]) for m in measures] == [("overall", "0.9"), ("sex=F", "0.8")]
    assert measures[0]["confidenceInterval"] == {"lowerBound": "0.8", "upperBound": "0.95"}
    assert "confidenceInterval" not in measures[1]
    assert model["modelCard"]["considerations"] == {"useCases": ["None at all."], "technicalLimitations": ["Phantoms."]}


def test_the_crate_lists_every_file_with_its_digest_and_is_read_by_the_crates_own_library(run: Path) -> None:
    from rocrate.rocrate import ROCrate

    document = crate_document(run, created="2026-03-03T00:00:00Z")
    (run / CRATE).write_bytes(pretty_json(document))
    files = {one["@id"]: one for one in document["@graph"] if one["@type"] == "File"}
    assert set(files) == {
        "estimates.json",
        "protocol.yaml",
        "verdict.json",
        "evidence/environment.json",
        "evidence/models.json",
    }
    assert files["verdict.json"]["sha256"] == file_digest(run / "verdict.json")
    crate = ROCrate(run)
    assert crate.name == "A study"
    assert crate.get("verdict.json").type == "File"
