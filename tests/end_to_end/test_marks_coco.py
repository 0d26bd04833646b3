"""COCO's twelve numbers of a study of several classes, from COCO's own files to estimates, against pycocotools on the same files."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

import validate
from validate.evidence.recount import recount

CLASSES = ("fracture", "implant", "nodule")
NAMES = (
    "ap",
    "ap50",
    "ap75",
    "ap_small",
    "ap_medium",
    "ap_large",
    "ar1",
    "ar10",
    "ar100",
    "ar_small",
    "ar_medium",
    "ar_large",
)
PROTOCOL: dict[str, Any] = {
    "schema_version": "1", "id": "coco", "version": "1.0.0", "title": "Boxes of several classes", "profile": "acceptance",
    "intended_use": "Practice.", "task": "detection", "seed": 1, "data_are_synthetic": True,
    "cohort": {
        "sources": [{"table": "cases.csv", "key": "file_name", "patient": "patient_id"}],
        "unit": "image", "cluster": "patient", "sampling": "enriched",
    },
    "reference": {
        "marks": "truth.json", "key": "file_name", "unlisted": "missing", "label": "category", "classes": list(CLASSES), "level": "image",
        "standard": "By construction",
    },
    "detection": {"space": "pixels", "hit": {"criterion": "iou", "value": 0.5}, "repeated_hits": "false_mark"},
    "models": [{
        "id": "a", "name": "A", "version": "1", "format": "predictions", "path": "results.json", "key": "file_name",
        "images": "truth.json", "unlisted": "no_marks", "output": {"activation": "none", "kind": "boxes", "space": "pixels"},
    }],
    "inference": {"on_failure": "worst_case"},
    "endpoints": [
        *({"id": name, "metric": f"detection.coco.{name}", "target": "all", "role": "secondary"} for name in NAMES),
        {"id": "of_class", "metric": "detection.coco.ap", "target": "each", "role": "secondary"},
    ],
    "strata": ["manufacturer"],
    "resampling": {"replicates": 200, "at_most": 200},
    "report": {"formats": ["html"]},
}  # fmt: skip


def files(seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """60 images, three classes of boxes from 8 to 240 pixels, a few crowds, no large box of the first class; scores are often tied."""
    rng = np.random.default_rng(seed)
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image in range(1, 61):
        for _ in range(40 if image < 4 else rng.poisson(3)):
            kind = int(rng.integers(1, 4))
            corner, size = rng.integers(0, 600, 2), np.exp(rng.uniform(2, 4 if kind == 1 else 5.5, 2)).round()
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": kind, "iscrowd": int(rng.random() < 0.05),
                 "bbox": [*corner.tolist(), *size.tolist()], "area": float(size.prod() * rng.uniform(0.6, 1))}
            )  # fmt: skip
            if rng.random() < 0.8:
                moved = [
                    *(corner + rng.normal(0, 0.08, 2) * size).round(),
                    *(size * np.exp(rng.normal(0, 0.1, 2))).round(),
                ]
                told = kind if rng.random() < 0.9 else int(rng.integers(1, 4))
                results.append(_result(image, told, moved, rng))
        for _ in range(rng.poisson(2)):
            place = [*rng.integers(0, 600, 2), *np.exp(rng.uniform(2, 5, 2)).round()]
            results.append(_result(image, int(rng.integers(1, 4)), place, rng))
    images = [{"id": n, "file_name": f"{n:03d}.png", "width": 1000, "height": 1000} for n in range(1, 61)]
    kinds = [{"id": n, "name": name} for n, name in enumerate(CLASSES, 1)]
    return {"info": {}, "images": images, "annotations": annotations, "categories": kinds}, results


def _result(image: int, kind: int, box: list[Any], rng: np.random.Generator) -> dict[str, Any]:
    return {
        "image_id": image,
        "category_id": kind,
        "bbox": [float(number) for number in box],
        "score": round(float(rng.random()), 2),
    }


def theirs(truth: dict[str, Any], results: list[dict[str, Any]], kind: int | None = None) -> list[float]:
    """What pycocotools prints; of one category alone where it is named."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = json.loads(json.dumps(truth))
        reference.createIndex()
        found = COCOeval(reference, reference.loadRes(results), "bbox")
        if kind is not None:
            found.params.catIds = [kind]
        found.evaluate()
        found.accumulate()
        found.summarize()
    return [float(number) for number in found.stats[:12]]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coco")
    truth, results = files(3)
    for name, content in (("truth", truth), ("results", results)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    with (folder / "cases.csv").open("w", newline="") as handle:
        rows = [(one["file_name"], f"P{one['id'] // 2}", ("GE", "Philips")[one["id"] % 2]) for one in truth["images"]]
        csv.writer(handle).writerows([("file_name", "patient_id", "manufacturer"), *rows])
    (folder / "protocol.yaml").write_text(yaml.safe_dump(PROTOCOL))
    return folder


@pytest.fixture(scope="module")
def run(study: Path) -> Any:
    return validate.run(study / "protocol.yaml", out=study / "run")


def estimates(run: Any) -> dict[str, dict[str, Any]]:
    return {e["id"]: e for e in json.loads((run.folder / "estimates.json").read_text())["estimates"]}


def test_means_over_classes_are_what_pycocotools_prints(run: Any) -> None:
    found, printed = estimates(run), theirs(*files(3))
    for name, value in zip(NAMES, printed, strict=True):
        one = found[f"{name}/a/clean"]
        assert (one["target"], one["value"]) == ("all", pytest.approx(value, abs=1e-12)), name
        assert one["interval"]["low"] <= one["value"] <= one["interval"]["high"], name
    assert len({round(value, 9) for value in printed}) == 12  # none of them stands for another


def test_each_class_is_what_pycocotools_says_of_it_alone(run: Any) -> None:
    found = estimates(run)
    for number, kind in enumerate(CLASSES, 1):
        assert found[f"of_class.{kind}/a/clean"]["value"] == pytest.approx(theirs(*files(3), number)[0], abs=1e-12)


def test_a_stratum_is_what_pycocotools_says_of_its_images(run: Any) -> None:
    truth, results = files(3)
    kept = {one["id"] for one in truth["images"] if one["id"] % 2 == 0}
    part = {
        **truth,
        **{
            name: [one for one in truth[name] if one.get("image_id", one["id"]) in kept]
            for name in ("images", "annotations")
        },
    }
    value = theirs(part, [one for one in results if one["image_id"] in kept])[0]
    assert estimates(run)["ap/a/clean/manufacturer=GE"]["value"] == pytest.approx(value, abs=1e-12)


def test_they_are_counted_a_second_way(run: Any) -> None:
    found = recount(run.folder)
    assert not found.differences
    assert found.checked == found.of


def test_the_report_says_that_they_are_of_all_classes(run: Any) -> None:
    assert "Average precision at IoU 0.50 to 0.95 (COCO)" in (run.folder / "report" / "report.html").read_text()


@pytest.mark.parametrize("seed", range(3))
def test_a_notebook_has_the_same_numbers(seed: int) -> None:
    truth, results = files(seed)
    kinds = dict(enumerate(CLASSES, 1))

    def corners(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
        boxes = np.array([row["bbox"] for row in rows])
        low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
        return {
            "case": [row["image_id"] for row in rows], "kind": [kinds[row["category_id"]] for row in rows],
            "x_min": low[:, 0].tolist(), "y_min": low[:, 1].tolist(), "x_max": high[:, 0].tolist(), "y_max": high[:, 1].tolist(),
        }  # fmt: skip

    known = truth["annotations"]
    found = validate.evaluate(
        {"case": [one["id"] for one in truth["images"]]},
        task="detection",
        marks={**corners(results), "score": [one["score"] for one in results]},
        lesions={**corners(known), "area": [one["area"] for one in known], "crowd": [one["iscrowd"] for one in known]},
        truth="kind",
        key="case",
        hit={"criterion": "iou", "value": 0.5},
        metrics=[f"coco.{name}" for name in NAMES],
        replicates=200,
    )
    told = {(one.endpoint.removeprefix("coco."), one.target): one.value for one in found}
    assert [told[name, "all"] for name in NAMES] == pytest.approx(theirs(truth, results), abs=1e-12)
    assert told["ap", "implant"] == pytest.approx(theirs(truth, results, 2)[0], abs=1e-12)
    assert told["ap_large", "fracture"] is None  # there is none: undefined, and not in the mean


@pytest.mark.parametrize(
    ("metric", "classes", "words"),
    [
        ("detection.afroc", list(CLASSES), "Area under the AFROC curve is of one class"),
        ("detection.coco.ap", ["nodule"], "there is one class, nodule"),
    ],
)
def test_all_classes_together_have_cocos_means_alone(study: Path, metric: str, classes: list[str], words: str) -> None:
    document = {**PROTOCOL, "endpoints": [{"id": "x", "metric": metric, "target": "all", "role": "secondary"}]}
    document["reference"] = {**PROTOCOL["reference"], "classes": classes}
    path = study / "other.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(validate.errors.ProtocolError, match=words):
        validate.run(path, out=study / "other")


def test_boxes_that_are_none_are_failed_cases_with_their_reasons(study: Path, tmp_path: Path) -> None:
    truth, results = files(3)
    kept = [one for one in results if one["image_id"] not in {10, 11, 12, 13}]
    good = {"category_id": 1, "bbox": [10.0, 10.0, 20.0, 20.0], "score": 0.5}
    bad = [
        {**good, "image_id": 10, "bbox": [10.0, 10.0, -20.0, 20.0]},
        {**good, "image_id": 11, "bbox": [5000.0, 10.0, 20.0, 20.0]},
        {**good, "image_id": 12},
        {**good, "image_id": 12, "score": 0.4},
        {**good, "image_id": 13, "score": None},
    ]
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "results.json").write_text(json.dumps(kept + bad))
    rows = (study / "cases.csv").read_text().splitlines()
    (tmp_path / "cases.csv").write_text(
        "\n".join([f"{rows[0]},width,height", *(f"{row},1000,1000" for row in rows[1:])])
    )
    detection = {**PROTOCOL["detection"], "extent": ["width", "height"]}
    asked = [{"id": "ap", "metric": "detection.coco.ap", "target": "all", "role": "secondary"}]
    (tmp_path / "protocol.yaml").write_text(yaml.safe_dump({**PROTOCOL, "detection": detection, "endpoints": asked}))
    found = validate.run(tmp_path / "protocol.yaml", out=tmp_path / "run", exploratory=True)
    units = pq.read_table(found.folder / "results" / "units.parquet").to_pylist()
    told = [row["failure"] for row in units if row["status"] == "failed" and row["target"] == "nodule"]
    assert sorted(told) == ["marks:duplicate", "marks:inverted", "marks:outside", "marks:score"]
    one = estimates(found)["ap/a/clean"]
    assert (one["n_cases"], one["n_failed"]) == (60, 4)
    assert not recount(found.folder).differences  # each counts as its lesions missed, and a false mark of each class
