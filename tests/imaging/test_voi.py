"""Display windows and tables, as PS3.3 C.11.2 defines them, by hand and against pydicom."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut
from pydicom.sequence import Sequence

from validate.imaging.dicom import read_image
from validate.imaging.voi import looked_up, stored_windows, windowed
from validate.imaging.volume import DecodeFailure

VALUES = np.arange(-100, 300, dtype=np.int16).reshape(1, -1)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(50, 100), (40.5, 33.5), (2048, 4096)])
def test_windows_equal_pydicom(function, center, width):
    dataset = Dataset()
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = center, width, function
    dataset.BitsStored, dataset.PixelRepresentation, dataset.PhotometricInterpretation = 16, 1, "MONOCHROME2"
    reference = apply_voi_lut(VALUES, dataset)  # oracle: pydicom, into the 16-bit signed range
    grey = windowed(VALUES, center=center, width=width, function=function)
    np.testing.assert_allclose(grey, (reference + 2.0**15) / (2.0**16 - 1), atol=1e-6)


def test_the_linear_window_of_the_standard_by_hand():
    # PS3.3 C.11.2.1.2.1, center 50, width 100: black up to 0, white above 99
    grey = windowed(np.array([-1.0, 0.0, 49.5, 99.0, 100.0]), center=50, width=100)
    np.testing.assert_allclose(grey, [0, 0, 0.5, 1, 1], atol=1e-7)


def test_a_width_of_one_is_a_threshold():
    np.testing.assert_array_equal(windowed(np.array([9.0, 10.0]), center=10, width=1), [0, 1])


@pytest.mark.parametrize(("width", "function"), [(0.5, "LINEAR"), (0, "LINEAR_EXACT"), (-3, "SIGMOID"), (10, "CUBIC")])
def test_a_window_that_means_nothing_is_a_failure(width, function):
    with pytest.raises(DecodeFailure) as caught:
        windowed(VALUES, center=1, width=width, function=function)
    assert caught.value.reason == "preprocess:bad_window"


def test_values_past_a_table_take_its_ends():
    table = {"first": 10, "values": np.array([0, 100, 255]), "bits": 8}
    np.testing.assert_allclose(looked_up(np.array([-5, 10, 11, 12, 99]), table) * 255, [0, 0, 100, 255, 255], rtol=1e-6)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_turned_values_through_turned_windows_are_the_negative(function):
    dataset = Dataset()
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 120, 80, function
    plain, turned = (stored_windows(dataset, mirror)["windows"][0] for mirror in (None, 255.0))
    values = np.arange(256.0)
    np.testing.assert_allclose(windowed(255 - values, **turned), 1 - windowed(values, **plain), atol=1e-6)


def test_turned_values_through_a_turned_table_are_the_negative():
    plain, turned = (stored_windows(_with_table([0, 40, 90, 255], first=100), m)["voi_luts"][0] for m in (None, 255.0))
    values = np.arange(256)
    np.testing.assert_allclose(looked_up(255 - values, turned), 1 - looked_up(values, plain), atol=1e-6)


def test_tables_in_bytes_words_and_numbers_are_one():
    entries = np.array([0, 40, 90, 255])
    forms = [entries.tolist(), entries.astype("<u2").tobytes(), entries.astype(np.uint8).tobytes()]
    for form in forms:
        table = stored_windows(_with_table(form, first=0), None)["voi_luts"][0]
        np.testing.assert_array_equal(table["values"], entries)
    table = stored_windows(_with_table(entries.astype(">u2").tobytes(), first=0), None, little=False)["voi_luts"][0]
    np.testing.assert_array_equal(table["values"], entries)


@pytest.mark.parametrize("descriptor", [[9, 0, 16], [4, 0, 0], [4, 0, 17]])
def test_a_table_that_contradicts_itself_is_corrupt(descriptor):
    item = Dataset()
    item.add_new("LUTDescriptor", "US", descriptor)
    item.add_new("LUTData", "US", [1, 2, 3, 4])
    dataset = Dataset()
    dataset.VOILUTSequence = Sequence([item])
    with pytest.raises(DecodeFailure) as caught:
        stored_windows(dataset, None)
    assert caught.value.reason == "decode:corrupt"


def test_windows_of_the_file_reach_the_volume(make, save, image):
    volume = read_image(save(make(image, WindowCenter=[100, 200], WindowWidth=[10, 20])))
    assert [window["center"] for window in volume.source["windows"]] == [100, 200]
    assert read_image(save(make(image))).source["windows"] == []


def _with_table(entries: object, *, first: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4, first, 8])
    item.add_new("LUTData", "OW" if isinstance(entries, bytes) else "US", entries)
    dataset = Dataset()
    dataset.VOILUTSequence = Sequence([item])
    return dataset
