"""Pictures and arrays with a table: rows are cases, and every file of the folder is accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from validate.catalog import shipped_catalog
from validate.cohort.build import build_cohort
from validate.protocol.lint import lint
from validate.protocol.schema import StudyProtocol

BODY: dict[str, Any] = {
    "schema_version": "1", "id": "pictures", "version": "1", "title": "Pictures", "profile": "acceptance",
    "intended_use": "Test.", "task": "classification", "seed": 1,
    "cohort": {
        "sources": [{"images": "png", "table": "cases.csv", "key": "case", "patient": "who", "image": "file"}],
        "unit": "image", "sampling": "consecutive",
    },
    "reference": {
        "table": "cases.csv", "key": "case", "label": "ill", "positive": 1, "level": "image", "standard": "Known.",
    },
    "models": [{
        "id": "m", "name": "M", "version": "1", "format": "constant", "options": {"score": 0.5},
        "output": {"activation": "none", "kind": "probability"}, "operating_point": {"threshold": 0.5, "source": "x"},
    }],
    "endpoints": [{"id": "auroc", "metric": "classification.auroc", "role": "primary", "rationale": "x"}],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "png" / "deep").mkdir(parents=True)
    grey = np.arange(600, dtype=np.uint16).reshape(20, 30)
    (tmp_path / "png" / "a.png").write_bytes(imagecodecs.png_encode(grey))
    Image.fromarray(grey.astype(np.uint8)).save(tmp_path / "png" / "deep" / "b.tif")
    np.save(tmp_path / "png" / "c.npy", grey)
    (tmp_path / "png" / "d.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    (tmp_path / "png" / "notes.txt").write_text("nobody's")
    rows = [
        "case,who,file,ill,site",
        "1,P1,a.png,1,N",
        "2,P1,deep/b.tif,0,N",
        "3,P2,c.npy,1,S",
        "4,P3,d.png,0,S",
        "5,P4,gone.png,0,S",
    ]
    (tmp_path / "cases.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_rows_with_a_readable_image_are_cases_and_the_rest_has_its_reason(folder: Path) -> None:
    cohort = build_cohort(StudyProtocol.model_validate(BODY), base=folder, site_key=b"k" * 32)
    assert [case.files[0].name for case in sorted(cohort.cases, key=lambda case: case.keys["case"])] == [
        "a.png",
        "b.tif",
        "c.npy",
    ]
    assert {case.attributes["site"] for case in cohort.cases} == {"N", "S"}
    assert len({case.patient for case in cohort.cases}) == 2
    assert sorted(exclusion.reason for exclusion in cohort.exclusions) == [
        "no_image",
        "not_in_table",
        "unreadable_header",
    ]


def test_a_folder_of_images_without_a_table_is_refused_by_the_check() -> None:
    body = {**BODY, "cohort": {**BODY["cohort"], "sources": [{"images": "png"}]}}
    problems = lint(StudyProtocol.model_validate(body), shipped_catalog())
    assert any("a source is exactly one of them" in problem.message for problem in problems)
    body["cohort"]["sources"] = [{"images": "png", "dicom": "ct"}]
    problems = lint(StudyProtocol.model_validate(body), shipped_catalog())
    assert any("is the folder of the files that a table names" in problem.message for problem in problems)
