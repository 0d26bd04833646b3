"""What is written is valid DICOM, read back exactly, with bytes that no release of pydicom changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.datadict import tag_for_keyword

from validate.phantoms import dicom_writer
from validate.phantoms.dicom_writer import Header, uid
from validate.phantoms.population import population
from validate.phantoms.sample import exposed, header
from validate.phantoms.vendors import SCANNERS, Film, Scanner

SEED = 77
SHOTS = population(SEED, 48)


def example(scanner: Scanner) -> tuple[Header, Scanner, Film]:
    from dataclasses import replace

    shot = replace(SHOTS[0], scanner=scanner)
    own, exposure = exposed(shot, SEED, weak=False)
    return header(shot, SEED), own, exposure


@pytest.mark.parametrize("scanner", SCANNERS, ids=lambda s: s.model)
def test_pixels_come_back_exactly_from_every_transfer_syntax(scanner: Scanner, tmp_path: Path) -> None:
    head, own, exposure = example(scanner)
    dicom_writer.write(tmp_path / "one.dcm", head, own, exposure)
    ds = pydicom.dcmread(tmp_path / "one.dcm")
    assert ds.file_meta.TransferSyntaxUID == scanner.transfer_syntax
    np.testing.assert_array_equal(ds.pixel_array, exposure.stored)


@pytest.mark.parametrize("scanner", SCANNERS, ids=lambda s: s.model)
def test_the_file_says_that_it_is_synthetic_and_names_its_scanner(scanner: Scanner) -> None:
    ds = dicom_writer.dataset(*example(scanner))
    assert ds[0x0008001C].value == "YES"
    assert "SYNTHETIC" in ds.PatientComments
    assert ds.ManufacturerModelName == scanner.model
    assert (ds.BitsStored, ds.HighBit) == (scanner.bits, scanner.bits - 1)
    assert ds.Modality == scanner.modality
    assert ("VOILUTSequence" in ds) != ("WindowCenter" in ds)


def test_file_meta_names_our_implementation_and_not_the_writing_library(tmp_path: Path) -> None:
    dicom_writer.write(tmp_path / "one.dcm", *example(SCANNERS[0]))
    raw = (tmp_path / "one.dcm").read_bytes()
    assert b"PYDICOM" not in raw
    meta = pydicom.dcmread(tmp_path / "one.dcm").file_meta
    assert meta.ImplementationVersionName == "VALIDATE_PHANTOM"
    assert meta.ImplementationClassUID == dicom_writer.IMPLEMENTATION_CLASS
    assert meta.MediaStorageSOPInstanceUID == pydicom.dcmread(tmp_path / "one.dcm").SOPInstanceUID


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        dicom_writer.write(tmp_path / name, *example(SCANNERS[0]))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_without_a_film_there_are_no_pixels_and_the_rest_is_there() -> None:
    head, own, _ = example(SCANNERS[0])
    ds = dicom_writer.dataset(head, own, None)
    assert "PixelData" not in ds
    assert ds.PatientID == head.patient_id


def test_uids_are_valid_and_depend_on_every_word() -> None:
    made = {uid("a", "b"), uid("a", "c"), uid("ab")}
    assert len(made) == 3
    assert all(pydicom.uid.UID(one).is_valid and len(one) <= 64 for one in made)


def test_values_are_legal_for_their_representation() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pydicom.config.settings, "writing_validation_mode", pydicom.config.RAISE)
        for scanner in SCANNERS:
            assert dicom_writer.dataset(*example(scanner)).PatientName.family_name.startswith("Phantom-")


def test_every_attribute_is_a_standard_one() -> None:
    for scanner in SCANNERS:
        for element in dicom_writer.dataset(*example(scanner)):
            assert not element.tag.is_private
            assert tag_for_keyword(element.keyword) == element.tag
