"""COCO's twelve numbers against pycocotools itself, on made-up boxes with crowds, ties, small and large ones."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest

from validate.stats.detection.coco import NAMES, coco_summary


def study(seed: int, images: int = 60, categories: int = 3) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Annotations and results as in COCO's files; scores have two decimals, so many are tied."""
    rng = np.random.default_rng(seed)
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image in range(1, images + 1):
        for _ in range(rng.poisson(3)):
            corner, size = rng.uniform(0, 400, 2), np.exp(rng.uniform(1.5, 5.5, 2))
            kind = int(rng.integers(1, categories + 1))
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": kind, "bbox": [*corner.tolist(), *size.tolist()],
                 "area": float(size.prod() * rng.uniform(0.5, 1)), "iscrowd": int(rng.random() < 0.08)}
            )  # fmt: skip
            for _ in range(rng.integers(0, 3)):
                moved = [
                    *(corner + rng.normal(0, 0.12, 2) * size).tolist(),
                    *(size * np.exp(rng.normal(0, 0.15, 2))).tolist(),
                ]
                told = kind if rng.random() < 0.9 else int(rng.integers(1, categories + 1))
                results.append(
                    {"image_id": image, "category_id": told, "bbox": moved, "score": round(float(rng.random()), 2)}
                )
        for _ in range(rng.poisson(2)):
            place = [*rng.uniform(0, 400, 2).tolist(), *np.exp(rng.uniform(1.5, 5.5, 2)).tolist()]
            kind = int(rng.integers(1, categories + 1))
            results.append(
                {"image_id": image, "category_id": kind, "bbox": place, "score": round(float(rng.random()), 2)}
            )
    truth = {
        "info": {},
        "images": [{"id": image} for image in range(1, images + 1)],
        "annotations": annotations,
        "categories": [{"id": kind, "name": str(kind)} for kind in range(1, categories + 1)],
    }
    return truth, results


def theirs(truth: dict[str, Any], results: list[dict[str, Any]]) -> list[float | None]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = truth
        reference.createIndex()
        found = COCOeval(reference, reference.loadRes(results), "bbox")
        found.evaluate()
        found.accumulate()
        found.summarize()
    return [None if number == -1 else float(number) for number in found.stats[:12]]


def ours(truth: dict[str, Any], results: list[dict[str, Any]]) -> list[float | None]:
    def column(rows: list[dict[str, Any]], name: str) -> np.ndarray:
        return np.array([row[name] for row in rows])

    known = truth["annotations"]
    found = coco_summary(
        column(results, "image_id"),
        column(results, "category_id"),
        column(results, "bbox").astype(float),
        column(results, "score"),
        column(known, "image_id"),
        column(known, "category_id"),
        column(known, "bbox").astype(float),
        area=column(known, "area"),
        crowd=column(known, "iscrowd").astype(bool),
    )
    assert tuple(found) == NAMES
    return list(found.values())


@pytest.mark.parametrize("seed", range(8))
def test_the_twelve_numbers_are_those_of_pycocotools(seed: int) -> None:
    assert ours(*study(seed)) == pytest.approx(theirs(*study(seed)), rel=1e-12, abs=1e-12)


def test_what_has_nothing_to_find_has_no_number_and_not_minus_one() -> None:
    truth, results = study(3, images=30, categories=1)
    truth["annotations"] = [one for one in truth["annotations"] if one["area"] > 96**2 and not one["iscrowd"]]
    found = dict(zip(NAMES, ours(truth, results), strict=True))
    assert found["AP_small"] is None
    assert found["AR_medium"] is None
    assert found["AP_large"] is not None
    for mine, other in zip(found.values(), theirs(truth, results), strict=True):
        assert mine == (None if other is None else pytest.approx(other, rel=1e-12))


def test_by_hand() -> None:
    # Two boxes to find, one found exactly with the lower score, one mark beside everything: AP = 51 of 101 recalls at 1/2.
    box, away = [10.0, 10.0, 20.0, 20.0], [100.0, 100.0, 20.0, 20.0]
    found = coco_summary(
        np.array([1, 1]), np.array([1, 1]), np.array([away, box]), np.array([0.9, 0.5]),
        np.array([1, 2]), np.array([1, 1]), np.array([box, box]),
    )  # fmt: skip
    assert found["AP50"] == pytest.approx(51 / 101 / 2)
    assert (found["AR1"], found["AR10"]) == (0.0, 0.5)
