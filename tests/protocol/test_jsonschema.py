"""The JSON Schema that editors use is the one of this program, and agrees with it about the gallery."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from validate.canonical import pretty_json
from validate.catalog import shipped_catalog
from validate.protocol.document import read_document
from validate.protocol.jsonschema import json_schema
from validate.protocol.starter import starter

ROOT = Path(__file__).parents[2] / "protocols"
STORED = ROOT / "schema" / "protocol-1.schema.json"


def test_the_committed_schema_is_up_to_date() -> None:
    assert STORED.read_bytes() == pretty_json(json_schema(shipped_catalog())), "run: validate schema --out " + str(
        STORED
    )


def test_the_schema_is_valid_itself() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(STORED.read_text()))


@pytest.mark.parametrize("path", sorted((ROOT / "gallery").glob("*.yaml")), ids=lambda p: p.stem)
def test_gallery_protocols_fit_the_schema(path: Path) -> None:
    jsonschema.validate(read_document(path).data, json.loads(STORED.read_text()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("metric: classification.auroc", "metric: classification.auc"),
        ("format: onnx", "format: onix"),
        ("- resize: {size", "- resise: {size"),
        ("- calibration: {}", "- calibrations: {}"),
        ("unit: image", "unit: images"),
        ("seed: 20261122", "sead: 20261122"),
    ],
)
def test_what_the_program_refuses_the_schema_refuses(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    text = starter("classification", "dicom")
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(read_document(path).data, json.loads(STORED.read_text()))


def test_plain_yaml_readers_read_the_gallery_alike() -> None:
    for path in (ROOT / "gallery").glob("*.yaml"):
        ours, theirs = read_document(path).data, yaml.safe_load(path.read_text())
        assert ours.keys() == theirs.keys()
        assert ours["endpoints"] == theirs["endpoints"]
