"""Figures of merit of 18 readings of 92 cases against RJafroc 2.1.3 on its dataset05, where VALIDATE_RJAFROC names the folder.

The data are not ours to ship; what RJafroc says of them lies with them. Without them, test_detection_golden.py holds the same measures
by hand.
"""

from __future__ import annotations

import csv
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

import validate

ORACLE = Path(os.environ.get("VALIDATE_RJAFROC", ""), "expected.json").parent
# ours → theirs; case sensitivity and specificity, lesions found and false marks are at the loosest threshold: of any mark at all
NAMES = {
    "weighted_afroc": "fom_wAFROC",
    "afroc": "fom_AFROC",
    "highest_rating_auc": "fom_HrAuc",
    "case_sensitivity": "fom_HrSe",
    "case_specificity": "fom_HrSp",
    "lesion_sensitivity": "fom_MaxLLF",
    "false_marks_per_case": "fom_MaxNLFAllCases",
    "false_marks_per_normal_case": "fom_MaxNLF",
}


def rows(name: str) -> list[dict[str, str]]:
    with (ORACLE / name).open(newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.skipif(
    not (ORACLE / "expected.json").is_file(), reason="RJafroc's dataset05 is not at hand (VALIDATE_RJAFROC)"
)
@pytest.mark.parametrize("modality", [1, 2])
def test_every_reader_has_the_figures_of_merit_that_rjafroc_gives(modality: int) -> None:
    cases, marks = rows("cases.csv"), rows("data.csv")
    expected = json.loads((ORACLE / "expected.json").read_text())["values"]
    lesions: dict[str, list[Any]] = {"case": [], "lesion": []}
    for case in cases:
        for number in range(int(case["n_lesions"])):
            lesions["case"].append(case["case"])
            lesions["lesion"].append(str(number + 1))
    readers = sorted({int(mark["reader"]) for mark in marks})
    assert len(readers) == 9
    for place, reader in enumerate(readers):
        own = [
            m
            for m in marks
            if (int(m["modality"]), int(m["reader"])) == (modality, reader)
            and math.isfinite(float(m["rating"].replace("Inf", "inf")))
        ]
        found = validate.evaluate(
            {"case": [case["case"] for case in cases]},
            task="detection",
            marks={
                "case": [mark["case"] for mark in own],
                "score": [float(mark["rating"]) for mark in own],
                "lesion": [mark["lesion"] if mark["type"] == "LL" else None for mark in own],
            },
            lesions=lesions,
            key="case",
            threshold=-1e9,
            metrics=list(NAMES),
            replicates=200,
        )
        for one in found:
            assert one.value == pytest.approx(expected[NAMES[one.endpoint]][modality - 1][place], abs=1e-11), (
                one.endpoint
            )
