"""A weakness is found where it was put, and not where it wasn't."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import validate
from validate.phantoms.sample import write_sample


def forest_of(folder: Path, weak: str | None, gallery: Path) -> dict[str, dict]:
    """Sensitivity by manufacturer on sample data with this weak maker."""
    write_sample(folder / "sample_data", weak_manufacturer=weak, seed=77)
    protocol = folder / "protocols" / "gallery" / "study.yaml"
    protocol.parent.mkdir(parents=True)
    protocol.write_text((gallery / "cxr-opacity-acceptance.yaml").read_text())
    models = folder / "sample_data" / "models"
    models.mkdir(exist_ok=True)
    (models / "opacity.onnx").write_bytes((gallery / "../../sample_data/models/opacity.onnx").read_bytes())
    run = validate.run(protocol, out=folder / "run")
    estimates = json.loads((run.folder / "estimates.json").read_text())["estimates"]
    return {
        e["stratum"]["manufacturer"]: e
        for e in estimates
        if e["endpoint"] == "sensitivity" and set(e["stratum"]) == {"manufacturer"} and e["contrast"] is None
    }


@pytest.mark.slow
@pytest.mark.parametrize("weak", ["Siemens", "Fujifilm"])
def test_the_weak_manufacturer_is_the_one_that_was_made_weak(gallery: Path, tmp_path: Path, weak: str) -> None:
    levels = forest_of(tmp_path / "study", weak, gallery)
    assert min(levels, key=lambda level: levels[level]["value"]) == weak
    others = [levels[level]["value"] for level in levels if level != weak]
    assert levels[weak]["value"] < min(others) - 0.05


@pytest.mark.slow
def test_no_manufacturer_is_weak_where_none_was_made_so(gallery: Path, tmp_path: Path) -> None:
    levels = forest_of(tmp_path / "study", None, gallery)
    highest_lower_limit = max(e["interval"]["low"] for e in levels.values())
    lowest_upper_limit = min(e["interval"]["high"] for e in levels.values())
    assert highest_lower_limit < lowest_upper_limit  # all intervals overlap
