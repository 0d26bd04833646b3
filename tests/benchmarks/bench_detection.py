"""Marks and lesions: COCO's numbers against faster-coco-eval, and a free-response curve with limits against a loop over resamples."""

from __future__ import annotations

import contextlib
import copy
import io
import time
from typing import Any

import numpy as np

from validate.estimation.bootstrap import percentile
from validate.metrics.metric import Rows
from validate.metrics.replicates import replicate_values
from validate.registry import load
from validate.stats.detection.coco import coco_summary
from validate.stats.detection.free_response import FreeResponse, staircase
from validate.stats.resample import ClusterWeights, resampling_key


def run(*, quick: bool) -> list[dict[str, Any]]:
    return [
        *_coco(200 if quick else 1000),
        *([] if quick else _coco(2000)),
        *_froc(replicates=200 if quick else 2000, cases=200 if quick else 800),
    ]


def _coco(images: int) -> list[dict[str, Any]]:
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as missing:
        print(f"faster-coco-eval is not installed ({missing.name}), so it is not compared")
        return []
    truth, results = _boxes(images)

    def theirs() -> list[float]:
        with contextlib.redirect_stdout(io.StringIO()):
            reference = COCO(copy.deepcopy(truth))
            found = COCOeval_faster(reference, reference.loadRes(copy.deepcopy(results)), "bbox")
            start = time.perf_counter()
            found.evaluate()
            found.accumulate()
            found.summarize()
            seconds.append(time.perf_counter() - start)  # reading the annotations is left out on both sides
        return [float(number) for number in found.stats[:12]]

    def column(rows: list[dict[str, Any]], name: str) -> np.ndarray:
        return np.array([row[name] for row in rows])

    known = truth["annotations"]
    arguments = (
        column(results, "image_id"), column(results, "category_id"), column(results, "bbox").astype(float), column(results, "score"),
        column(known, "image_id"), column(known, "category_id"), column(known, "bbox").astype(float),
    )  # fmt: skip
    more = {"area": column(known, "area"), "crowd": column(known, "iscrowd").astype(bool)}
    seconds: list[float] = []
    expected = [theirs() for _ in range(3)][-1]
    found, ours = coco_summary(*arguments, **more), np.inf
    np.testing.assert_allclose([-1 if value is None else value for value in found.values()], expected, rtol=1e-9)
    for _ in range(5):
        start = time.perf_counter()
        coco_summary(*arguments, **more)
        ours = min(ours, time.perf_counter() - start)
    return [{"name": f"COCO's twelve numbers, {images:,} images, {len(results):,} boxes", "peer_name": "faster-coco-eval", "ours": ours,
             "peer": min(seconds), "note": "equal to 1e-9; evaluate, accumulate, summarize; annotations in memory"}]  # fmt: skip


def _boxes(images: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    rng = np.random.default_rng(9)
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image in range(1, images + 1):
        for _ in range(rng.poisson(3)):
            corner, size = rng.uniform(0, 400, 2), np.exp(rng.uniform(1.5, 5.5, 2))
            kind = int(rng.integers(1, 4))
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": kind, "bbox": [*corner.tolist(), *size.tolist()],
                 "area": float(size.prod()), "iscrowd": int(rng.random() < 0.05)}
            )  # fmt: skip
            for _ in range(rng.integers(0, 3)):
                moved = [
                    *(corner + rng.normal(0, 0.12, 2) * size).tolist(),
                    *(size * np.exp(rng.normal(0, 0.15, 2))).tolist(),
                ]
                results.append({"image_id": image, "category_id": kind, "bbox": moved, "score": float(rng.random())})
        for _ in range(rng.poisson(2)):
            place = [*rng.uniform(0, 400, 2).tolist(), *np.exp(rng.uniform(1.5, 5.5, 2)).tolist()]
            results.append(
                {"image_id": image, "category_id": int(rng.integers(1, 4)), "bbox": place, "score": float(rng.random())}
            )
    truth = {"info": {}, "images": [{"id": n} for n in range(1, images + 1)], "annotations": annotations,
             "categories": [{"id": n, "name": str(n)} for n in (1, 2, 3)]}  # fmt: skip
    return truth, results


def _froc(*, replicates: int, cases: int) -> list[dict[str, Any]]:
    """CPM with limits. The loop draws the same patients and counts each resample as one would write it down."""
    rng = np.random.default_rng(3)
    lesion_case = np.repeat(np.arange(cases), rng.poisson(0.9, cases))
    lesion_score = np.where(rng.random(lesion_case.size) < 0.85, rng.beta(4, 2, lesion_case.size), -np.inf)
    false_case = np.repeat(np.arange(cases), rng.poisson(4, cases))
    false_score = rng.beta(2, 4, false_case.size)
    marks = FreeResponse(cases, lesion_case, lesion_score, false_case, false_score)
    weights = ClusterWeights(cases, replicates, resampling_key(1, "bench"))
    metric = load("metrics", "detection.mean_sensitivity")
    kinds = np.repeat([0, 1, 2], [cases, lesion_case.size, false_case.size])
    cluster = np.concatenate((np.arange(cases), lesion_case, false_case)).astype(np.int64)
    score = np.concatenate((np.full(cases, -np.inf), lesion_score, false_score))
    rows = Rows({"case": kinds == 0, "lesion": kinds == 1, "false_mark": kinds == 2, "score": score}, {})
    groups = np.ones((1, kinds.size), bool)

    def mine() -> np.ndarray:
        return replicate_values([metric], rows, cluster=cluster, groups=groups, weights=weights)[0].value[:, 0]

    assert abs(metric.value(rows, np.ones(kinds.size, np.int64)) - staircase(marks).mean_sensitivity()) < 1e-12
    found, ours = mine(), np.inf
    for _ in range(12):
        start = time.perf_counter()
        found = mine()
        percentile(found, level=0.95)
        ours = min(ours, time.perf_counter() - start)
    few = min(replicates, 40)
    drawn = np.empty((cases, 64), np.uint8)
    weights.fill(0, drawn)
    chosen = [np.repeat(np.arange(cases), drawn[:, lane]) for lane in range(few)]
    rows = []
    for peer_name, loop in (
        ("a loop over resamples", _resampled),
        ("that loop, its marks sorted by case first", _indexed),
    ):
        peer = np.inf
        for _ in range(3):
            start = time.perf_counter()
            looped = loop(marks, chosen)
            peer = min(peer, (time.perf_counter() - start) * replicates / few)
        np.testing.assert_allclose(looped, found[:few], rtol=1e-12)
        rows.append({"name": f"CPM with limits, {cases:,} cases, {replicates:,} replicates", "peer_name": peer_name, "ours": ours,
                     "peer": peer, "note": f"equal to 1e-12; the loop extrapolated from {few} resamples"})  # fmt: skip
    return rows


def _resampled(marks: FreeResponse, draws: list[np.ndarray]) -> list[float]:
    """Cases drawn are put side by side under new numbers, and counted anew."""
    return [_side_by_side(marks, chosen) for chosen in draws]


def _indexed(marks: FreeResponse, draws: list[np.ndarray]) -> list[float]:
    """The same in whole columns, by one who knows numpy: each case's marks are looked up once for all resamples."""
    found = []
    lesions, false = (
        [np.flatnonzero(of_case == case) for case in range(marks.cases)]
        for of_case in (marks.lesion_case, marks.false_case)
    )
    for chosen in draws:
        own, wrong = ([part[case] for case in chosen.tolist()] for part in (lesions, false))
        lesion_rows, false_rows = np.concatenate(own), np.concatenate(wrong)
        numbers = np.arange(chosen.size)
        again = FreeResponse(
            chosen.size, np.repeat(numbers, [part.size for part in own]), marks.lesion_score[lesion_rows],
            np.repeat(numbers, [part.size for part in wrong]), marks.false_score[false_rows],
        )  # fmt: skip
        found.append(staircase(again).mean_sensitivity())
    return found


def _side_by_side(marks: FreeResponse, chosen: np.ndarray) -> float:
    lesion_case, lesion_score, false_case, false_score = [], [], [], []
    for number, case in enumerate(chosen.tolist()):
        own = marks.lesion_score[marks.lesion_case == case]
        false = marks.false_score[marks.false_case == case]
        lesion_case += [number] * own.size
        lesion_score += own.tolist()
        false_case += [number] * false.size
        false_score += false.tolist()
    again = FreeResponse(
        len(chosen),
        np.array(lesion_case, np.int64),
        np.array(lesion_score),
        np.array(false_case, np.int64),
        np.array(false_score),
    )
    return staircase(again).mean_sensitivity()
