"""Task segmentation: what a protocol must say of masks, and what it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from validate.catalog import shipped_catalog
from validate.errors import ProtocolError
from validate.protocol.load import from_resolved, load_protocol
from validate.protocol.targets import headline, targets_of

GALLERY = Path(__file__).parents[2] / "protocols" / "gallery"
CARDIAC = (GALLERY / "cardiac-ventricles.yaml").read_text()
CLASSIFIER = (GALLERY / "cxr-opacity-acceptance.yaml").read_text()
BLOCK = "segmentation:\n  boundary: surfel "
PROBLEMS = [
    (CLASSIFIER, "metric: classification.auroc", "metric: segmentation.mean.dice", "Mean Dice coefficient compares masks, and this study's task is classification"),
    (CLASSIFIER, "metric: classification.auroc", "metric: segmentation.dice", "no metric 'segmentation.dice'; of a case's dice there are segmentation.at_least.dice"),
    (CLASSIFIER, "kind: probability", "kind: mask", "got 'mask', but task classification is judged by numbers"),
    (CARDIAC, "metric: segmentation.mean.nsd", "metric: classification.auroc", "is a metric of classification; this study's task is segmentation"),
    (CARDIAC, "task: segmentation", "task: classification", "segmentation: belongs to task segmentation"),
    (CARDIAC, "right_ventricle: 1, m", "right_ventricle: 3, m", "the value 3 stands for two structures"),
    (CARDIAC, "right_ventricle: 1, m", "right_ventricle: 0, m", "got 0, expected 1 to 65535; 0 is what is no structure"),
    (CARDIAC, "right_ventricle: 1, m", "all: 1, m", "this name is reserved"),
    (CARDIAC, "classes: {right_ventricle: 1, myocardium: 2, left_ventricle: 3}", "classes: [a, b, c]", "needs each structure's value in the masks, such as {liver: 1}"),
    (CARDIAC, '  names: "{patient}_{phase}.nii.gz"\n', "", "reference.names: is missing; task segmentation needs it: how a case's mask"),
    (CARDIAC, '  names: "{patient}_{phase}.nii.gz"\n', '  names: "mask.nii.gz"\n', "reference.names: got 'mask.nii.gz', expected a name with what tells"),
    (CARDIAC, "headline: left_ventricle ", "headline: aorta ", "no target 'aorta'; targets are"),
    (CARDIAC, "left_ventricle: 2.0}", "aorta: 2.0}", "segmentation.tolerance: has none for left_ventricle"),
    (CARDIAC, "left_ventricle: 2.0}", "left_ventricle: 2.0, aorta: 1}", "no structure 'aorta'; structures are"),
    (CARDIAC, "left_ventricle: 2.0}", "left_ventricle: -2.0}", "expected greater than or equal to 0"),
    (CARDIAC, "boundary: surfel ", "boundary: contour ", "got 'contour', expected 'surfel' or 'voxel'"),
    (CARDIAC, "  empty_reference: exclude_and_report\n", "", "segmentation.empty_reference: missing; the protocol must say it"),
    (CARDIAC, "grid: refuse ", "centrelines: [aorta]\n  grid: refuse ", "no structure 'aorta'"),
    (CARDIAC, "{structure: left_ventricle, phase", "{structure: aorta, phase", "ejection_fraction.structure: no structure 'aorta'"),
    (CARDIAC, "filled: ED, emptied: ES", "filled: ED, emptied: ED", "is the same phase as filled"),
    (CARDIAC, '    masks: "{patient}_{phase}.nii.gz"\n', "", "expected key, the column that holds the case, or masks"),
    (CARDIAC, '    masks: "{patient}_{phase}.nii.gz"\n', "    key: patient\n", "models[0].masks: is missing; name the mask files"),
    (CARDIAC, "kind: mask}", "kind: score}", "a segmentation's output is a mask"),
    (CARDIAC, "activation: none, kind: mask}", "activation: sigmoid, kind: mask}", "a mask is read as it is: say none"),
    (CARDIAC, "target: left_ventricle, role: secondary}", "role: secondary}", "is missing; Mean average symmetric surface distance is of one of"),
    (CARDIAC, "options: {share: 0.1}", "options: {share: 10}", "got 10.0, expected share"),
    (CARDIAC, "strata: [manufacturer, phase, sex]", "strata: [vendor]", "no attribute 'vendor'"),
    (CARDIAC, "strata: [manufacturer, phase, sex]", "strata: [sex]\nanalyses: [calibration]", "'calibration' says something of classification"),
    (CARDIAC, "at_least: 0.80,", "at_least: 80,", "lies between 0 and 1"),
    (CARDIAC, "segmentation.mean.nsd", "segmentation.lesion_sensitivity", "needs segmentation.lesions, which says what one lesion is"),
    (CARDIAC, "segmentation.mean.nsd", "segmentation.lesion_sensitivity_of_size.size_2", "there is no lesion size 2: segmentation.lesions.size_limits makes none"),
    (CARDIAC, "  grid: refuse ", "  lesions: {overlap: iou, threshold: 0.1, inclusive: false, connectivity: 26, size_limits: [10, 5]}\n  grid: refuse ", "expected millimetres that rise"),
    (CARDIAC, "  grid: refuse ", "  lesions: {overlap: iou, threshold: 0.1, inclusive: false, connectivity: 26, size_limits: [0, 5]}\n  grid: refuse ", "expected greater than 0"),
    (CARDIAC, "images, names:", "images, nmes:", "no key 'nmes'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new", "message"), PROBLEMS, ids=[problem[3][:40] for problem in PROBLEMS])
def test_what_does_not_fit_is_said_with_its_reason(tmp_path: Path, text: str, old: str, new: str, message: str) -> None:
    assert old in text
    path = tmp_path / "protocol.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ProtocolError) as refused:
        load_protocol(path, catalog=shipped_catalog())
    assert message in str(refused.value)


def test_a_study_of_masks_asks_of_each_structure_and_can_be_stored() -> None:
    loaded = load_protocol(GALLERY / "cardiac-ventricles.yaml", catalog=shipped_catalog())
    assert [target.name for target in targets_of(loaded.protocol)] == [
        "right_ventricle",
        "myocardium",
        "left_ventricle",
    ]
    assert headline(loaded.protocol).words == "left ventricle"
    assert [e.id for e in loaded.protocol.endpoints[:3]] == [
        "dice.right_ventricle",
        "dice.myocardium",
        "dice.left_ventricle",
    ]
    assert from_resolved(loaded.resolved) == loaded.protocol


def test_without_a_headline_the_first_structure_is_spoken_of(tmp_path: Path) -> None:
    path = tmp_path / "protocol.yaml"
    path.write_text(CARDIAC.replace("  headline: left_ventricle ", "  # "))
    assert headline(load_protocol(path, catalog=shipped_catalog()).protocol).name == "right_ventricle"
