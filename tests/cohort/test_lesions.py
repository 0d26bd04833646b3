"""Reference marks of any source come out in one form: whose, where in mm and in pixels, of what kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validate.cohort.case import Case
from validate.cohort.lesions import read_lesions
from validate.errors import DataError
from validate.imaging.mask import Grid
from validate.imaging.nifti import image_bytes
from validate.protocol.reference import Reference

# 0.5 mm columns, 1 mm rows, 2 mm slices; the first voxel at (10, 20, 30)
GRID = Grid((4, 40, 60), np.array([[0.5, 0, 0, 10], [0, 1, 0, 20], [0, 0, 2, 30], [0, 0, 0, 1.0]]))


def case(unit: str, *files: Path, **keys: str) -> Case:
    return Case(unit, "P", "S", "E", "0" * 64, {}, has_label=True, files=files, keys=keys)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(image_bytes(np.zeros(GRID.shape, np.int16), GRID))
    return path


def reference(**fields: Any) -> Reference:
    return Reference(level="image", standard="Two readers.", key="name", **fields)


def table(tmp_path: Path, text: str) -> str:
    (tmp_path / "marks.csv").write_text(text)
    return "marks.csv"


def test_a_box_in_pixels_has_its_corners_in_mm(tmp_path: Path, scan: Path) -> None:
    path = table(tmp_path, "name,x_min,y_min,z_min,x_max,y_max,z_max,kind\na,2,3,1,6,8,2,cyst\n")
    found = read_lesions(
        reference(marks=path, shape="box", space="pixels", label="kind"),
        base=tmp_path,
        cases=[case("U1", scan, name="a")],
    )
    (row,) = found.marks.to_pylist()
    # by hand: pixel edges lie half a voxel before centres: x = 10 + 0.5 * (2 - 0.5), …
    assert row == {
        "unit": "U1", "lesion": "1", "target": "cyst", "shape": "box",
        "mm": [10.75, 22.5, 31.0, 12.75, 27.5, 33.0], "pixels": [2, 3, 1, 6, 8, 2],
    }  # fmt: skip


@pytest.mark.parametrize(("space", "x", "y"), [("mm", 12.0, 25.0), ("mm_ras", -12.0, -25.0), ("voxels", 4.0, 5.0)])
def test_a_point_is_the_same_however_it_is_written(tmp_path: Path, scan: Path, space: Any, x: float, y: float) -> None:
    z = 1.0 if space == "voxels" else 32.0
    path = table(tmp_path, f"name,x,y,z,lesion\na,{x},{y},{z},L7\n")
    found = read_lesions(
        reference(marks=path, shape="point", space=space), base=tmp_path, cases=[case("U1", scan, name="a")]
    )
    (row,) = found.marks.to_pylist()
    assert (row["mm"], row["pixels"], row["lesion"]) == ([12, 25, 32], [4.5, 5.5, 1.5], "L7")


def test_a_ball_keeps_to_mm_where_voxels_are_no_cubes(tmp_path: Path, scan: Path) -> None:
    path = table(tmp_path, "name,x,y,z,diameter\na,12,25,32,6\n")
    found = read_lesions(
        reference(marks=path, shape="ball", space="mm"), base=tmp_path, cases=[case("U1", scan, name="a")]
    )
    assert found.marks.to_pylist()[0]["pixels"] is None


def test_read_and_free_is_not_missing(tmp_path: Path) -> None:
    path = table(tmp_path, "name,x,y\na,1,2\nb,,\n")
    cases = [case("U1", name="a"), case("U2", name="b"), case("U3", name="c")]
    found = read_lesions(reference(marks=path, shape="point", space="pixels"), base=tmp_path, cases=cases)
    assert [row["status"] for row in found.cases.to_pylist()] == ["present", "present", "missing"]
    assert [row["unit"] for row in found.marks.to_pylist()] == ["U1"]


COCO: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "train/a.png"}, {"id": 2, "file_name": "b.png"}],
    "annotations": [{"id": 9, "image_id": 1, "category_id": 3, "bbox": [2, 3, 4, 5]}],
    "categories": [{"id": 3, "name": "nodule"}, {"id": 4, "name": "mass"}],
}


def coco(tmp_path: Path, **changes: Any) -> Any:
    (tmp_path / "marks.json").write_text(json.dumps({**COCO, **changes}))
    cases = [case("U1", name="a"), case("U2", name="b.png"), case("U3", name="c")]
    return read_lesions(reference(marks="marks.json"), base=tmp_path, cases=cases)


def test_coco_boxes_are_corners_and_an_image_without_any_was_read(tmp_path: Path) -> None:
    found = coco(tmp_path)
    assert found.marks.to_pylist() == [
        {"unit": "U1", "lesion": "9", "target": "nodule", "shape": "box", "mm": None, "pixels": [2, 3, 6, 8]}
    ]
    assert [row["status"] for row in found.cases.to_pylist()] == ["present", "present", "missing"]


def test_a_crowd_is_a_place_that_need_not_be_found(tmp_path: Path) -> None:
    crowd = {"image_id": 1, "category_id": 3, "iscrowd": 1, "area": 9.5, "bbox": [1, 1, 2, 2]}
    assert coco(tmp_path, annotations=[crowd]).about == ({"area": 9.5, "crowd": True, "ignore": True},)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"annotations": [{"image_id": 5, "category_id": 3, "bbox": [1, 1, 2, 2]}]},
            "an image that the file does not list",
        ),
        (
            {"annotations": [{"image_id": 1, "category_id": 8, "bbox": [1, 1, 2, 2]}]},
            "a category that the file does not list",
        ),
        ({"annotations": [{"image_id": 1, "category_id": 3, "bbox": [1, 1, 0, 2]}]}, "does not lie beyond"),
        ({"annotations": [{"image_id": 1, "category_id": 3, "bbox": [1, 1, 2]}]}, "no bbox of four numbers"),
        (
            {"annotations": [{"image_id": 1, "category_id": 3, "area": "big", "bbox": [1, 1, 2, 2]}]},
            "area is no number",
        ),
        ({"images": {}}, "images is missing, or no list"),
        ({"images": [{"id": 7, "file_name": "z.png"}], "annotations": []}, "none of 3 cases is in it"),
    ],
)
def test_bad_coco_is_refused_with_its_reason(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        coco(tmp_path, **changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,x,y,z\na,1,,3\n", "column y holds 'None', expected a number"),
        ("name,x,y,z\na,1,nine,3\n", "column y holds 'nine'"),
        ("name,x,y,z\n,1,2,3\n", "row 1: name is empty"),
        ("name,x,y,z,lesion\na,1,2,3,L\na,2,2,3,L\n", "names two marks of one case alike"),
        ("name,x,y,z\na,900,2,32\n", "a point of case U1 lies outside of its image"),
        ("name,y,z\na,1,2\n", "no column 'x'"),
    ],
)
def test_bad_rows_are_refused_with_their_reason(tmp_path: Path, scan: Path, text: str, message: str) -> None:
    path = table(tmp_path, text)
    with pytest.raises(DataError, match=message):
        read_lesions(
            reference(marks=path, shape="point", space="mm"), base=tmp_path, cases=[case("U1", scan, name="a")]
        )


def test_a_table_says_what_else_is_known_of_a_lesion_under_its_own_names(tmp_path: Path) -> None:
    path = table(tmp_path, "name,coordX,coordY,coordZ,mm,skip,texture\na,1,2,3,6,0,solid\na,4,5,6,7,yes,\nb,,,,,,\n")
    columns = {"x": "coordX", "y": "coordY", "z": "coordZ", "diameter": "mm", "ignore": "skip", "size": "mm"}
    found = read_lesions(
        reference(marks=path, shape="ball", space="mm", columns=columns), base=tmp_path,
        cases=[case("U1", name="a"), case("U2", name="b")], attributes=("texture",),
    )  # fmt: skip
    assert [row["mm"] for row in found.marks.to_pylist()] == [[1, 2, 3, 6], [4, 5, 6, 7]]
    assert found.about == (
        {"size": 6.0, "ignore": False, "texture": "solid"}, {"size": 7.0, "ignore": True, "texture": None}
    )  # fmt: skip


def test_a_box_may_be_a_corner_and_an_extent(tmp_path: Path) -> None:
    path = table(tmp_path, "name,x,y,width,height\na,1,2,3,4\n")
    found = read_lesions(
        reference(marks=path, shape="box", space="pixels"), base=tmp_path, cases=[case("U1", name="a")]
    )
    assert found.marks.to_pylist()[0]["pixels"] == [1, 2, 4, 6]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,x,y,z,diameter,size\na,1,2,3,4,-1\n", "row 1: size is -1; expected a number above 0"),
        ("name,x,y,z,diameter,ignore\na,1,2,3,4,perhaps\n", "row 1: ignore is 'perhaps'; expected 0 or 1"),
        ("name,x,y,z,diameter\na,1,2,3,4\na,1,2,3,4\n", "rows 1 and 2 are the same lesion at the same place"),
    ],
)
def test_what_is_said_of_a_lesion_is_checked(tmp_path: Path, text: str, message: str) -> None:
    path = table(tmp_path, text)
    with pytest.raises(DataError, match=message):
        read_lesions(reference(marks=path, shape="ball", space="mm"), base=tmp_path, cases=[case("U1", name="a")])
