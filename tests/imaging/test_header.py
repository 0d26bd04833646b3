"""Headers are read without their pixels; whether those can be there is told all the same."""

from __future__ import annotations

import logging
import threading
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless

from validate.imaging.dicom import read_image
from validate.imaging.header import read_header
from validate.imaging.sniff import is_dicom
from validate.imaging.volume import DecodeFailure

SHIPPED = Path(pydicom.__file__).parent / "data/test_files"


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, None])
def test_pixels_are_announced_and_not_read(make, save, image, syntax):
    header = read_header(save(make(image, **({"syntax": syntax} if syntax else {}))))
    assert header.pixels == "present"
    assert "PixelData" not in header.dataset
    assert header.dataset.PatientID == "TEST-1"


def test_a_deflated_file_keeps_its_transfer_syntax(make, save, image):
    header = read_header(save(make(image, syntax=DeflatedExplicitVRLittleEndian)))
    assert header.dataset.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian


def test_absent_pixels_are_absent(make, save):
    assert read_header(save(make(None))).pixels == "absent"


@pytest.mark.parametrize("compressed", [False, True])
def test_pixels_cut_short_are_told_by_the_length_of_the_file(make, save, image, compressed):
    dataset = make(image)
    if compressed:
        dataset.compress(JPEGLSLossless, encoding_plugin="pyjpegls")
    path = save(dataset)
    assert read_header(path).pixels == "present"
    path.write_bytes(path.read_bytes()[:-20])
    assert read_header(path).pixels == "truncated"


def test_only_the_wanted_tags_are_read(make, save, image):
    header = read_header(save(make(image)), [0x00080060])
    assert header.dataset.Modality == "CR"
    assert "PatientID" not in header.dataset


@pytest.mark.parametrize(
    "name", ["test-SR.dcm", "rtplan.dcm", "MR_small_bigendian.dcm", "SC_rgb_jpeg.dcm", "693_J2KI.dcm"]
)
def test_shipped_headers_say_whether_there_are_pixels(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        there = "PixelData" in pydicom.dcmread(SHIPPED / name)
    assert (read_header(SHIPPED / name).pixels == "present") is there


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"MIT License",
        b"PK\x03\x04" + b"\0" * 200,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 200,
        b"\x08\x00\x05",
        b"{" * 400,
        b"\0" * 400,
    ],
)
def test_other_files_are_no_dicom(tmp_path, head):
    assert not is_dicom(head)
    (tmp_path / "a.dcm").write_bytes(head)
    with pytest.raises(DecodeFailure) as caught:
        read_header(tmp_path / "a.dcm")
    assert caught.value.reason == "decode:not_dicom"


def test_the_preamble_or_the_first_element_tells_dicom():
    assert is_dicom(b"\0" * 128 + b"DICM")
    assert is_dicom(b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100")  # explicit little endian
    assert is_dicom(b"\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 100")  # implicit
    assert is_dicom(b"\x00\x08\x00\x05CS\x00\x0aISO_IR 100")  # explicit big endian


def test_decoders_warn_nobody_on_any_thread_and_log_no_value(make, save, image, caplog):
    dataset = make(image, BitsStored=12, HighBit=11)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.PatientName, dataset.StudyDate = "CANARY^NAME", "CANARY-DATE"
        dataset.PixelData += b"\0" * 2000  # pydicom warns of padding
        path = save(dataset)
    caplog.clear()  # what making the file said
    raised: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(20):
                np.testing.assert_array_equal(read_image(path).voxels[0], image)
                read_header(path)
        except BaseException as error:
            raised.append(error)

    with caplog.at_level(logging.DEBUG):
        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert raised == []
    assert "CANARY" not in caplog.text
