"""A series becomes one volume by where its slices lie; what is irregular is refused with its reason, or done as asked."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, JPEGLSLossless

from validate.imaging.series import read_series
from validate.imaging.volume import DecodeFailure
from validate.protocol.geometry import Geometry

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@pytest.fixture
def slices(make, save):
    """Files of a CT series: slice k holds k * 100 in its corner, lies 2.5 mm further, and is numbered at random."""

    def made(count: int = 6, *, place=lambda k: (-100.0, -90.0, 2.5 * k), **elements: Any) -> list[Path]:
        paths = []
        numbers = random.Random(4).sample(range(1, count + 1), count)
        for k in range(count):
            stored = (np.arange(12 * 10).reshape(12, 10) + k * 1000).astype(np.uint16)
            own = {name: value(k) if callable(value) else value for name, value in elements.items()}
            fields = {
                "Modality": "CT",
                "ImagePositionPatient": list(place(k)),
                "ImageOrientationPatient": list(AXIAL),
                "PixelSpacing": [0.7, 0.8],
                "SliceThickness": 2.5,
                "InstanceNumber": numbers[k],
                "SOPInstanceUID": UID(f"2.25.{100 + k}"),
                "RescaleSlope": 1,
                "RescaleIntercept": -1024,
                **own,
            }
            paths.append(save(make(stored, **fields), f"{numbers[k]:03d}.dcm"))
        random.Random(1).shuffle(paths)
        return paths

    return made


def failure(paths: list[Path], rules: Geometry | None = None) -> DecodeFailure:
    with pytest.raises(DecodeFailure) as caught:
        read_series(paths, rules or Geometry())
    return caught.value


def test_slices_stand_in_the_order_of_their_places_whatever_their_numbers(slices):
    volume = read_series(slices())
    assert volume.voxels.shape == (6, 12, 10)
    assert volume.voxels[:, 0, 0].tolist() == [k * 1000 - 1024 for k in range(6)]
    assert volume.unit == "HU"
    assert volume.spacing == (2.5, 0.7, 0.8)
    np.testing.assert_allclose(volume.affine @ [3, 2, 1, 1], [-100 + 3 * 0.8, -90 + 2 * 0.7, 2.5, 1])
    assert volume.source["geometry"] == {"found": {}, "resampled": []}


def test_whole_rescale_keeps_whole_numbers_in_two_bytes(slices):
    assert read_series(slices(BitsStored=13, HighBit=12)).voxels.dtype == np.int16
    assert read_series(slices(BitsStored=13, HighBit=12, RescaleSlope=0.5)).voxels.dtype == np.float32


def test_each_slice_has_its_own_rescale(slices):
    volume = read_series(slices(RescaleSlope=lambda k: 1 + k, RescaleIntercept=0))
    assert volume.voxels[:, 0, 1].tolist() == [(1 + k) * (k * 1000 + 1) for k in range(6)]


def test_coronal_slices_are_counted_along_their_normal(slices):
    # across +x, down -z: the normal is +y, from front to back
    volume = read_series(
        slices(place=lambda k: (0.0, 3.0 * k, 0.0), ImageOrientationPatient=[1, 0, 0, 0, 0, -1], SliceThickness=3)
    )
    assert volume.voxels[:, 0, 0].tolist() == [k * 1000 - 1024 for k in range(6)]
    np.testing.assert_allclose(volume.affine[:3, 2], [0, 3, 0], atol=1e-12)
    np.testing.assert_allclose(volume.affine[:3, 1], [0, 0, -0.7], atol=1e-12)


def test_positions_rounded_to_a_tenth_of_a_millimetre_are_regular(slices):
    volume = read_series(slices(count=9, place=lambda k: (0, 0, round(0.625 * k, 1))))
    assert volume.source["geometry"]["found"] == {}
    assert volume.spacing[0] == pytest.approx(0.625)


def test_a_missing_slice_is_refused_and_named(slices):
    paths = slices()
    lacking = [path for path in paths if not np.isclose(read_series([path]).affine[2, 3], 5.0)]
    found = failure(lacking)
    assert found.reason == "decode:geometry_gap"
    assert found.detail == "1 slices of the series are missing between others; cohort.geometry.gaps is refuse."


def test_a_gap_is_filled_with_the_mean_of_its_neighbours_where_the_protocol_says_so(slices):
    paths = [path for path in slices() if not np.isclose(read_series([path]).affine[2, 3], 5.0)]
    volume = read_series(paths, Geometry(gaps="resample"))
    assert volume.voxels[:, 0, 0].tolist() == [k * 1000 - 1024 for k in range(6)]
    assert volume.source["geometry"] == {"found": {"gap": 1.0}, "resampled": ["gap"]}
    assert volume.spacing == (2.5, 0.7, 0.8)


def test_varying_distances_are_refused_or_brought_to_the_smallest(slices):
    places = [0.0, 2.0, 4.0, 9.0, 11.5, 14.0]
    paths = slices(place=lambda k: (0, 0, places[k]))
    assert failure(paths).reason == "decode:geometry_spacing"
    volume = read_series(paths, Geometry(spacing="resample"))
    assert volume.voxels.shape[0] == 8
    expected = np.interp(np.arange(8) * 2.0, places, [k * 1000 - 1024 for k in range(6)])
    np.testing.assert_allclose(volume.voxels[:, 0, 0], expected, rtol=1e-6)


def test_a_tilted_gantry_is_refused_kept_or_straightened(slices):
    # a tilt of 45 degrees: each slice 2.1 mm, three rows, further down
    paths = slices(place=lambda k: (0, 2.1 * k, 2.1 * k))
    found = failure(paths)
    assert (found.reason, "45 degrees" in found.detail) == ("decode:geometry_tilt", True)
    kept = read_series(paths, Geometry(tilt="keep"))
    np.testing.assert_allclose(kept.affine[:3, 2], [0, 2.1, 2.1])
    assert kept.source["geometry"]["found"]["tilt"] == pytest.approx(45.0)
    straight = read_series(paths, Geometry(tilt="resample"))
    np.testing.assert_allclose(straight.affine[:3, 2], [0, 0, 2.1])
    assert straight.voxels.shape == (6, 12 + 15, 10)
    inverse = np.linalg.inv(straight.affine)
    for k in (0, 3, 5):  # the same point of the patient has the same value
        x, y, z = np.rint((inverse @ (kept.affine @ [4, 5, k, 1]))[:3]).astype(int)
        assert straight.voxels[z, y, x] == kept.voxels[k, 5, 4]


def test_slices_on_no_line_are_refused(slices):
    assert failure(slices(place=lambda k: (5 * (k % 2), 0, 2.5 * k))).reason == "decode:geometry_shifted"


def test_mixed_orientations_sizes_and_spacings_are_refused(slices):
    mixed = slices(ImageOrientationPatient=lambda k: [1, 0, 0, 0, 0, -1] if k == 3 else list(AXIAL))
    assert failure(mixed).reason == "decode:geometry_orientations"
    assert failure(slices(PixelSpacing=lambda k: [0.7, 0.8 + (k == 2)])).reason == "decode:geometry_pixel_spacing"
    assert failure(slices(Rows=lambda k: 12 - 2 * (k == 2))).reason == "decode:geometry_mixed"


def test_a_scout_of_the_series_is_left_out_and_counted(slices):
    paths = slices(
        ImageType=lambda k: ["ORIGINAL", "PRIMARY", "LOCALIZER" if k == 0 else "AXIAL"],
        ImageOrientationPatient=lambda k: [1, 0, 0, 0, 0, -1] if k == 0 else list(AXIAL),
    )
    volume = read_series(paths)
    assert len(volume.voxels) == 5
    assert volume.source["geometry"]["found"] == {"localizers": 1.0}


def test_a_copy_of_a_slice_counts_once(slices):
    paths = slices()
    volume = read_series([*paths, paths[2]])
    assert len(volume.voxels) == 6
    assert volume.source["geometry"]["found"] == {"duplicates": 1.0}


def test_several_phases_are_refused_with_what_tells_them_apart_and_can_be_chosen(slices):
    paths = slices(place=lambda k: (0, 0, 2.5 * (k // 2)), EchoTime=lambda k: [30.0, 80.0][k % 2])
    found = failure(paths)
    assert found.reason == "decode:geometry_phases"
    assert "They differ in EchoTime." in found.detail
    volume = read_series(paths, Geometry(select={"EchoTime": 80}))
    assert volume.voxels[:, 0, 0].tolist() == [1000 * k - 1024 for k in (1, 3, 5)]
    assert failure(paths, Geometry(select={"EchoTime": 31})).reason == "decode:geometry_select"


def test_one_place_with_two_images_is_refused(slices):
    assert failure(slices(place=lambda k: (0, 0, 2.5 * max(k, 1)))).reason == "decode:geometry_duplicates"


def test_without_positions_a_single_file_is_read_and_a_series_refused(slices, make, save, image):
    paths = slices(ImagePositionPatient=None)
    assert failure(paths).reason == "decode:geometry_no_position"
    volume = read_series([save(make(image), "one.dcm")])
    np.testing.assert_array_equal(volume.voxels[0], image)
    assert volume.affine is None


def test_a_mosaic_is_named(slices):
    assert failure(slices(ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"])).reason == "decode:geometry_mosaic"


def test_a_compressed_series_says_its_decoder(slices, make, save):
    paths = slices()
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.compress(JPEGLSLossless, encoding_plugin="pyjpegls", generate_instance_uid=False)
        dataset.save_as(path)
    volume = read_series(paths)
    assert volume.voxels[:, 0, 0].tolist() == [k * 1000 - 1024 for k in range(6)]
    assert volume.source["decoder"] not in {"pydicom", "numpy"}


def test_a_damaged_slice_fails_the_series(slices):
    paths = slices()
    paths[3].write_bytes(paths[3].read_bytes()[:-40])
    assert failure(paths).reason == "decode:truncated"


def enhanced(make, order: Any = (3, 0, 4, 1, 2)) -> Dataset:
    count = len(order)
    side = 8 if count == 5 else 256
    stored = (np.arange(side * 6).reshape(side, 6) % 97 + 100 * np.arange(count)[:, None, None]).astype(np.uint16)
    order = list(order)
    dataset = make(stored[order], Modality="MR")
    dataset.SharedFunctionalGroupsSequence = Sequence(
        [item("PlaneOrientationSequence", ImageOrientationPatient=list(AXIAL))]
    )
    measures = Dataset()
    measures.PixelSpacing, measures.SliceThickness = [1.5, 1.5], 4
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence = Sequence([measures])
    frames = []
    for k in order:
        frame = item("PlanePositionSequence", ImagePositionPatient=[0, 0, 4.0 * k])
        values = Dataset()
        values.RescaleSlope, values.RescaleIntercept, values.RescaleType = 2, k, "US"
        frame.PixelValueTransformationSequence = Sequence([values])
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    return dataset


def item(sequence: str, **elements: Any) -> Dataset:
    inner = Dataset()
    for keyword, value in elements.items():
        setattr(inner, keyword, value)
    outer = Dataset()
    setattr(outer, sequence, Sequence([inner]))
    return outer


def test_frames_of_an_enhanced_object_are_ordered_and_rescaled_each(make, save):
    volume = read_series([save(enhanced(make))])
    assert volume.voxels[:, 0, 1].tolist() == [2 * (100 * k + 1) + k for k in range(5)]
    assert volume.spacing == (4.0, 1.5, 1.5)


def test_fewer_frame_items_than_frames_are_refused(make, save):
    dataset = enhanced(make)
    dataset.PerFrameFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence[:3]
    assert failure([save(dataset)]).reason == "decode:corrupt"


def test_frames_of_one_plain_file_become_the_volume_where_they_lie(make, save):
    dataset = enhanced(make, order=range(40))
    path = save(dataset)
    expected = [2 * (100 * k + 1) + k for k in range(40)]
    tracemalloc.start()
    volume = read_series([path])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert volume.voxels[:, 0, 1].tolist() == expected
    assert most < 1.5 * volume.voxels.nbytes + 2_000_000


def test_a_series_takes_the_memory_of_its_volume_and_a_few_slices(make, save):
    stored = np.arange(512 * 512, dtype=np.uint16).reshape(512, 512)
    paths = []
    for k in range(60):
        dataset = make(
            stored, Modality="CT", ImagePositionPatient=[0, 0, 2.0 * k], ImageOrientationPatient=list(AXIAL),
            PixelSpacing=[1, 1], SOPInstanceUID=UID(f"2.25.{k + 1}"), BitsStored=16, RescaleSlope=1, RescaleIntercept=0,
        )  # fmt: skip
        paths.append(save(dataset, f"{59 - k:03d}.dcm"))
    read_series(paths[:1])
    tracemalloc.start()
    volume = read_series(paths)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # a second copy would be 31 MB more; a few slices are 2
    assert most < volume.voxels.nbytes + 4_000_000


@pytest.mark.slow
@pytest.mark.parametrize("slope", [1, 0.5])
def test_a_thousand_slices_become_a_volume_without_a_second_copy_of_the_pixels(make, save, slope):
    stored = np.arange(256 * 256, dtype=np.uint16).reshape(256, 256)
    dataset = make(
        stored, Modality="CT", ImagePositionPatient=["0", "0", "000.0"], ImageOrientationPatient=list(AXIAL),
        PixelSpacing=[1, 1], SOPInstanceUID=UID("2.25.1000"), BitsStored=16, RescaleSlope=slope, RescaleIntercept=-1024,
    )  # fmt: skip
    template = save(dataset, "0.dcm")
    content, paths = template.read_bytes(), []
    for k in range(1000):
        paths.append(template.with_name(f"{(k * 7919) % 1000:04d}.dcm"))
        paths[-1].write_bytes(content.replace(b"000.0", b"%05.1f" % (k / 2)).replace(b"2.25.1000", b"2.25.1%03d" % k))
    read_series(paths[:1])
    tracemalloc.start()
    volume = read_series(sorted(paths))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert volume.voxels.shape == (1000, 256, 256)
    assert most < 1.1 * volume.voxels.nbytes + 4_000_000, most / volume.voxels.nbytes


def test_dose_grids_and_reconstructed_nuclear_images_say_their_distances_in_their_own_way(make, save):
    stored = np.arange(3 * 8 * 6, dtype=np.uint16).reshape(3, 8, 6)
    geometry = {"ImagePositionPatient": [1, 2, 3], "ImageOrientationPatient": list(AXIAL), "PixelSpacing": [2, 2]}
    dose = read_series([save(make(stored, Modality="RTDOSE", GridFrameOffsetVector=[0, 2.5, 5.0], **geometry))])
    np.testing.assert_allclose(dose.affine[:3, 2:], [[0, 1], [0, 2], [2.5, 3]])
    place = Dataset()
    place.ImagePositionPatient, place.ImageOrientationPatient = [1, 2, 3], list(AXIAL)
    tomo = make(
        stored, Modality="NM", ImageType=["DERIVED", "PRIMARY", "RECON TOMO"], PixelSpacing=[2, 2], SpacingBetweenSlices=4.0,
        DetectorInformationSequence=Sequence([place]),
    )  # fmt: skip
    np.testing.assert_allclose(read_series([save(tomo, "nm.dcm")]).affine[:3, 2:], [[0, 1], [0, 2], [4, 3]])


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"NumberOfFrames": 2**31 - 1}, "decode:too_large"),
        ({"Rows": 65535, "Columns": 65535, "NumberOfFrames": 1000}, "decode:too_large"),
        ({"Rows": 30000, "Columns": 30000}, "decode:truncated"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "decode:geometry_orientation"),
        ({"PixelSpacing": [0, 0]}, "decode:geometry_orientation"),
        ({"ImagePositionPatient": [0, 0, 1e300]}, "decode:geometry_orientation"),
    ],
)
def test_lying_headers_are_refused_before_memory_is_taken(slices, elements, reason):
    path = slices(count=1)[0]
    dataset = pydicom.dcmread(path)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    tracemalloc.start()
    assert failure([path]).reason == reason
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20_000_000
