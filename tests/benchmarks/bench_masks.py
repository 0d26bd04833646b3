"""Comparing masks: all surface and overlap figures, and lesion by lesion, against the packages of the field.

The peers are no dependencies: .ci/peers puts them into an environment of their own, where `make bench` runs; one that is not there
is left out and named.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import validate
from validate.stats.masks.instances import Matching

SPACING = (2.5, 0.7, 0.7)
TOLERANCE = 1.0


def run(*, quick: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    shape = (40, 128, 128) if quick else (200, 512, 512)
    for title, organ in (("organ and 30 lesions", True), ("30 scattered lesions", False)):
        one, other = pair(shape, organ=organ)
        name = f"{' × '.join(map(str, shape))}, {title}"
        for peer_name, boundary, peer in (
            ("surface-distance", "surfel", _surface_distance),
            ("MONAI", "voxel", _monai),
        ):
            try:
                theirs, peer_seconds = _timed(lambda peer=peer, one=one, other=other: peer(one, other), times=1)
            except ImportError as missing:
                print(f"{peer_name} is not installed ({missing.name}), so it is not compared")
                continue
            found, ours = _timed(lambda boundary=boundary, one=one, other=other: _ours(one, other, boundary), times=5)
            mine = [found.dice, found.hd95, found.assd if boundary == "voxel" else found.masd, found.nsd]
            np.testing.assert_allclose(mine, theirs, rtol=1e-5)
            rows.append({"name": name, "peer_name": peer_name, "ours": ours, "peer": peer_seconds,
                         "note": "Dice, HD95, ASSD, NSD; equal to 1e-5. Ours: lesions too"})  # fmt: skip
        rows += _lesions(name, one, other)
    return rows


def _ours(one: np.ndarray, other: np.ndarray, boundary: Any) -> Any:
    return validate.compare_masks(one, other, spacing=SPACING, tolerance=TOLERANCE, boundary=boundary)


def _timed(work: Callable[[], Any], *, times: int) -> tuple[Any, float]:
    result, best = work(), np.inf  # the first call also compiles
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return result, float(best)


def _surface_distance(one: np.ndarray, other: np.ndarray) -> list[float]:
    from scipy import ndimage

    for module in ("filters", "morphology"):  # names that the package still uses and scipy no longer has
        if not hasattr(ndimage, module):
            setattr(ndimage, module, ndimage)
    np.Inf = np.inf  # noqa: NPY201 (what the package asks for)
    import surface_distance as peer

    found = peer.compute_surface_distances(one, other, SPACING)
    return [
        float(peer.compute_dice_coefficient(one, other)),
        float(peer.compute_robust_hausdorff(found, 95)),
        float(np.mean(peer.compute_average_surface_distance(found))),
        float(peer.compute_surface_dice_at_tolerance(found, TOLERANCE)),
    ]


def _monai(one: np.ndarray, other: np.ndarray) -> list[float]:
    import torch
    from monai.metrics import (
        compute_average_surface_distance,
        compute_dice,
        compute_hausdorff_distance,
        compute_surface_dice,
    )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth, said = (torch.from_numpy(mask)[None, None] for mask in (one, other))
        kept: dict[str, Any] = {"include_background": True, "spacing": SPACING}
        return [
            float(compute_dice(said, truth, include_background=True)),
            float(compute_hausdorff_distance(said, truth, percentile=95, **kept)),
            float(compute_average_surface_distance(said, truth, symmetric=True, **kept)),
            float(compute_surface_dice(said, truth, class_thresholds=[TOLERANCE], **kept)),
        ]


def _lesions(name: str, one: np.ndarray, other: np.ndarray) -> list[dict[str, Any]]:
    try:
        from panoptica import InputType, NaiveThresholdMatching, Panoptica_Evaluator
        from panoptica.metrics import Metric
    except ImportError as missing:
        print(f"panoptica is not installed ({missing.name}), so it is not compared")
        return []
    from validate.stats.masks.components import components_of
    from validate.stats.masks.instances import instance_agreement
    from validate.stats.masks.runs import runs_of

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from panoptica import ConnectedComponentsInstanceApproximator

        evaluator = Panoptica_Evaluator(
            expected_input=InputType.SEMANTIC,
            instance_approximator=ConnectedComponentsInstanceApproximator(),
            instance_matcher=NaiveThresholdMatching(),
            instance_metrics=[Metric.IOU, Metric.DSC],
            global_metrics=[],
            verbose=False,
        )
        theirs, seconds = _timed(
            lambda: next(iter(evaluator.evaluate(other.astype(np.uint8), one.astype(np.uint8)).values())), times=1
        )
    rule = Matching("iou", 0.5, inclusive=True)
    found, ours = _timed(
        lambda: instance_agreement(components_of(runs_of(one)), components_of(runs_of(other)), matching=rule), times=5
    )
    assert (found.found, found.missed, found.invented) == (theirs.tp, theirs.fn, theirs.fp)
    np.testing.assert_allclose(found.panoptic_quality(), theirs.pq, rtol=1e-6)
    return [{"name": f"{name}, lesion-wise", "peer_name": "panoptica", "ours": ours, "peer": seconds,
             "note": "TP, FN, FP and PQ equal"}]  # fmt: skip


def pair(shape: tuple[int, int, int], *, organ: bool, lesions: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """A reference and a prediction of ellipsoids: lesions a little off, every fifth missed, one invented."""
    generator = np.random.default_rng(20261122)
    size = np.array(shape)
    one, other = np.zeros(shape, bool), np.zeros(shape, bool)
    if organ:
        _draw(one, size * [0.5, 0.5, 0.5], size * [0.3, 0.21, 0.25])
        _draw(other, size * [0.505, 0.504, 0.496], size * [0.305, 0.208, 0.252])
    for place in range(lesions):
        centre, radius = generator.uniform(size * 0.06, size * 0.94), generator.uniform(2, 9, 3)
        _draw(one, centre, radius)
        if place % 5:
            _draw(other, centre + generator.normal(0, 1, 3), radius * generator.uniform(0.8, 1.2))
    _draw(other, size * [0.1, 0.1, 0.12], np.array([4.0, 8.0, 8.0]))
    return one, other


def _draw(mask: np.ndarray, centre: np.ndarray, radius: np.ndarray) -> None:
    low = np.maximum(np.floor(centre - radius).astype(int), 0)
    high = np.minimum(np.ceil(centre + radius).astype(int) + 1, mask.shape)
    box = tuple(slice(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True))
    grid = np.ogrid[box]
    mask[box] |= sum(((axis - c) / r) ** 2 for axis, c, r in zip(grid, centre, radius, strict=True)) <= 1
