"""Bytes changed at random, files cut anywhere: every reader answers with a reason or with pixels, in bounded memory."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_references import ct_series, rtstruct, seg, truth

from validate.cohort.case import Case
from validate.cohort.lesions import read_lesions
from validate.cohort.reference_mask import check_masks, reference_mask
from validate.errors import DataError
from validate.imaging.series import read_series
from validate.imaging.volume import DecodeFailure
from validate.protocol.geometry import Geometry
from validate.protocol.reference import Reference

ROUNDS = 25
MEMORY = 60_000_000


def changed(content: bytes, stream: random.Random) -> bytes:
    """A file cut short, a few bytes changed, or a length made enormous."""
    kind = stream.randrange(3)
    if kind == 0:
        return content[: stream.randrange(200, len(content))]
    damaged = bytearray(content)
    for _ in range(stream.randrange(1, 6)):
        place = stream.randrange(132, len(damaged) - 4)
        if kind == 1:
            damaged[place] = stream.randrange(256)
        else:
            damaged[place : place + 4] = stream.choice([b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0"])
    return bytes(damaged)


def survives(read: Callable[[], Any], path: Path, seed: int, *allowed: type[Exception]) -> None:
    whole, stream = path.read_bytes(), random.Random(seed)
    read()  # what is imported at first use is none of the damage's memory
    tracemalloc.start()
    try:
        for _ in range(ROUNDS):
            path.write_bytes(changed(whole, stream))
            try:
                read()
            except allowed as error:
                assert str(error)
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
        path.write_bytes(whole)


@pytest.fixture
def slices(tmp_path: Path) -> list[Any]:
    (tmp_path / "masks").mkdir()
    return ct_series(tmp_path / "ct")


@pytest.fixture
def case(tmp_path: Path, slices: list[Any]) -> Case:
    keys = {"series_instance_uid": str(slices[0].SeriesInstanceUID), "name": "a"}
    return Case(
        "U1", "P", "S", "E", "0" * 64, {}, has_label=True, files=tuple(sorted((tmp_path / "ct").iterdir())), keys=keys
    )


def test_a_damaged_slice_fails_its_series_with_a_reason(case: Case) -> None:
    survives(lambda: read_series(case.files), case.files[2], 1, DecodeFailure)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP", "RTSTRUCT"])
def test_a_damaged_reference_is_refused_with_a_reason(tmp_path: Path, slices: Any, case: Case, kind: str) -> None:
    corners = [(1.5, 2.5), (8.5, 2.5), (8.5, 10.5), (1.5, 10.5)]
    dataset = (
        rtstruct(slices, {"liver": [(1, corners), (2, corners)]}) if kind == "RTSTRUCT" else seg(slices, truth(), kind)
    )
    path = tmp_path / "masks" / "mask.dcm"
    dataset.save_as(path, enforce_file_format=True)
    block = Reference(
        level="series", standard="x", masks="masks", classes={"liver": 1, "tumour": 2}, unnamed="ignore", fraction=0.5
    )

    def read() -> None:
        check_masks(block, tmp_path, [case], Geometry())
        reference_mask(block, tmp_path, case, Geometry())

    survives(read, path, 2, DataError)


def test_a_damaged_table_of_marks_is_refused_with_a_reason(tmp_path: Path, case: Case) -> None:
    path = tmp_path / "marks.json"
    path.write_text('{"images": [{"id": 1, "file_name": "a"}], "categories": [{"id": 1, "name": "n"}], "annotations": '
                    '[{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}]}' + " " * 300)  # fmt: skip
    block = Reference(level="series", standard="x", marks="marks.json", key="name")
    survives(lambda: read_lesions(block, base=tmp_path, cases=[case]), path, 3, DataError)


def test_pixels_of_a_declared_size_past_all_bounds_take_no_memory(case: Case) -> None:
    whole = np.frombuffer(case.files[0].read_bytes(), np.uint8).copy()
    at = whole.tobytes().find(b"\x28\x00\x10\x00US")
    whole[at + 8 : at + 10] = 255  # Rows 65535
    case.files[0].write_bytes(whole.tobytes())
    with pytest.raises(DecodeFailure, match=r"geometry_mixed|truncated"):
        read_series(case.files)
