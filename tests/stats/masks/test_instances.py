from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from validate.errors import Undefined
from validate.stats.masks.components import Components, components_of, overlaps
from validate.stats.masks.instances import InstanceAgreement, Matching, instance_agreement
from validate.stats.masks.runs import runs_of

DEGREE = {6: 1, 18: 2, 26: 3, 4: 1, 8: 2}


def labelled(mask: np.ndarray, connectivity: int) -> tuple[np.ndarray, int]:
    structure = ndimage.generate_binary_structure(mask.ndim, DEGREE[connectivity])
    found, count = ndimage.label(mask, structure)
    return found, count


@given(seed=st.integers(0, 2**32 - 1), connectivity=st.sampled_from([4, 6, 8, 18, 26]), density=st.floats(0.05, 0.7))
@settings(max_examples=80, deadline=None)
def test_components_and_their_overlaps_are_those_of_scipy(seed: int, connectivity: int, density: float) -> None:
    generator = np.random.default_rng(seed)
    shape = generator.integers(1, 12, 2 if connectivity in (4, 8) else 3)
    one, other = generator.random(shape) < density, generator.random(shape) < density
    found = [components_of(runs_of(mask), connectivity=connectivity) for mask in (one, other)]
    labels = [labelled(mask, connectivity) for mask in (one, other)]
    for mine, (image, count) in zip(found, labels, strict=True):
        assert mine.count == count
        assert sorted(mine.voxels.tolist()) == sorted(np.bincount(image.ravel(), minlength=1)[1:].tolist())
    met = overlaps(*found)
    pairs, sizes = np.unique(
        np.stack([labels[0][0][one & other], labels[1][0][one & other]]), axis=1, return_counts=True
    )
    assert met.voxels.size == pairs.shape[1]
    assert sorted(met.voxels.tolist()) == sorted(sizes.tolist())


def row(*runs: tuple[int, int], width: int = 40) -> Components:
    mask = np.zeros((1, width), bool)
    for begin, end in runs:
        mask[0, begin:end] = True
    return components_of(runs_of(mask))


def test_a_lesion_exactly_at_the_threshold_counts_only_where_that_is_said() -> None:
    reference, prediction = row((0, 10)), row((5, 15))  # by hand: 5 of 15, IoU 1/3, Dice 1/2
    strict = instance_agreement(reference, prediction, matching=Matching("dice", 0.5))
    inclusive = instance_agreement(reference, prediction, matching=Matching("dice", 0.5, inclusive=True))
    assert (strict.found, inclusive.found) == (0, 1)
    assert inclusive.iou.tolist() == pytest.approx([1 / 3])


def test_each_component_is_matched_once_the_greatest_overlap_first() -> None:
    # by hand: one reference lesion split into two predictions, one reference lesion missed, one prediction invented
    found = instance_agreement(
        row((0, 10), (20, 25)), row((0, 3), (4, 10), (30, 33)), matching=Matching("iou", 0.1, inclusive=True)
    )
    assert (found.found, found.missed, found.invented) == (1, 1, 2)
    assert found.iou.tolist() == [0.6]
    assert found.sensitivity() == 0.5
    assert found.recognition_quality() == pytest.approx(1 / 2.5)
    assert found.panoptic_quality() == pytest.approx(0.6 / 2.5)


def test_panoptic_quality_is_the_product_of_its_two_parts() -> None:
    found = instance_agreement(row((0, 10), (20, 30)), row((1, 10), (21, 30), (35, 36)))
    assert found.panoptic_quality() == pytest.approx(found.segmentation_quality() * found.recognition_quality())


def test_what_has_no_lesion_has_no_lesion_sensitivity() -> None:
    nothing = row()
    with pytest.raises(Undefined, match="the reference has none"):
        instance_agreement(nothing, row((0, 3))).sensitivity()
    with pytest.raises(Undefined, match="neither mask"):
        instance_agreement(nothing, nothing).panoptic_quality()
    with pytest.raises(Undefined, match="no predicted component is matched"):
        instance_agreement(row((0, 3)), nothing).segmentation_quality()
    assert instance_agreement(row((0, 3)), nothing).panoptic_quality() == 0.0


def test_renumbering_the_components_changes_nothing() -> None:
    generator = np.random.default_rng(7)
    one, other = generator.random((12, 12, 12)) < 0.12, generator.random((12, 12, 12)) < 0.12

    def figures(flip: tuple[slice, ...]) -> tuple[int, int, int, float]:
        rule = Matching("iou", 0.0)
        found: InstanceAgreement = instance_agreement(
            components_of(runs_of(one[flip].copy())), components_of(runs_of(other[flip].copy())), matching=rule
        )
        return found.found, found.missed, found.invented, round(float(found.iou.sum()), 12)

    back = slice(None, None, -1)
    assert figures((slice(None),) * 3)[0] > 0
    assert figures((slice(None),) * 3)[1:3] == figures((back, back, back))[1:3]


def test_impossible_choices_are_refused() -> None:
    with pytest.raises(ValueError, match="connectivity 5; expected one of"):
        components_of(runs_of(np.ones((2, 2), bool)), connectivity=5)
    with pytest.raises(ValueError, match="connectivity 8; expected one of 6, 18, 26"):
        components_of(runs_of(np.ones((2, 2, 2), bool)), connectivity=8)
    with pytest.raises(ValueError, match=r"matching threshold of 1\.5"):
        Matching(threshold=1.5)
    with pytest.raises(ValueError, match="expected the same"):
        instance_agreement(row(), row(width=50))


def test_lesions_found_and_there_by_size_are_counted_by_the_reference_alone() -> None:
    reference, prediction = row((0, 2), (4, 8), (10, 14), (20, 30)), row((4, 8), (19, 31))
    found = instance_agreement(reference, prediction, matching=Matching("iou", 0.5))
    # by hand: of 2, 4, 4 and 10 voxels; one of 4 and the one of 10 are found. Exactly at a limit is the band above.
    assert found.by_size([4, 10]) == [(0, 1), (1, 2), (1, 1)]
    assert found.by_size([5]) == [(1, 3), (1, 1)]
    assert found.by_size([]) == [(2, 4)]
