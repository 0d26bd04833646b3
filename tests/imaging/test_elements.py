"""The quick pass over a header gives what pydicom gives, or leaves the file to it."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pydicom
import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from validate.cohort.attributes import KEYWORDS, wanted_tags
from validate.cohort.identifiers import sought_tags
from validate.imaging import dicom_file, elements
from validate.imaging.bounded import BoundedFile
from validate.imaging.deflated import is_deflated
from validate.imaging.dicom_file import open_dicom
from validate.imaging.failure import DecodeFailure
from validate.imaging.header import elements_of, header_of, read_header
from validate.imaging.header_facts import HeaderFacts, header_facts
from validate.imaging.header_keywords import HEADER_KEYWORDS, TRANSFER_SYNTAXES
from validate.imaging.header_values import HeaderValues
from validate.imaging.header_walk import FIRST_ITEM

SHIPPED = Path(pydicom.__file__).parent / "data/test_files"
NORMALISED = {0x00080005, 0x00280103}  # pydicom rewrites these two as it reads


def facts_of(path: Path, *, sought: bool) -> HeaderFacts:
    stream, head = open_dicom(path)
    with stream:
        size = stream.seek(0, io.SEEK_END)
        return header_facts(stream, head, size, wanted_tags(), sought=sought_tags() if sought else None)


def said(values, keyword: str):
    try:
        return values.get(keyword) or None
    except Exception as error:
        return type(error)


def held(path: Path) -> str | None:
    """Compare both readers on one file; which one answered."""
    reader = None
    for sought in (False, True):
        try:
            ours = facts_of(path, sought=sought)
        except DecodeFailure as failure:
            with pytest.raises(DecodeFailure):
                read_header(path)
            assert failure.reason.startswith("decode:")
            return None
        stream, head = open_dicom(path)
        with stream:
            header = header_of(stream, head, None)
        theirs = HeaderValues(header.dataset)
        assert ours.pixels == header.pixels
        assert (ours.values.transfer_syntax, ours.values.storage_class) == (
            theirs.transfer_syntax,
            theirs.storage_class,
        )
        assert {k: said(ours.values, k) for k in KEYWORDS} == {k: said(theirs, k) for k in KEYWORDS}
        if sought and ours.found is not None and ours.reader == "quick pass":
            with opened(path) as (again, first):
                expected = {
                    (tag, value[1]) for tag, value in elements_of(header_of(again, first, None).dataset, sought_tags())
                }
            found = {(tag, value[1]) for tag, value in ours.found}
            # A private sequence without a word of its kind is text to pydicom; the quick pass looks into it.
            missed = {one for one in expected - found if one[0] not in NORMALISED and not one[1].startswith(FIRST_ITEM)}
            assert missed == set()
        reader = ours.reader
    return reader


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, bytes]]:
    stream, head = open_dicom(path)
    with stream:
        yield stream, head


def test_both_readers_agree_on_every_shipped_file():
    readers = [held(path) for path in sorted(SHIPPED.rglob("*")) if path.is_file()]
    assert readers.count("quick pass") > 140
    assert readers.count("pydicom") < 25


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
@pytest.mark.parametrize("preamble", [True, False])
@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("characters", ["ISO_IR 6", "ISO_IR 192", "ISO_IR 100", ["", "ISO 2022 IR 87"]])
def test_both_readers_agree_in_every_encoding(make, save, image, syntax, preamble, undefined, characters):
    dataset = make(image, syntax=syntax, KVP="81.5", SoftwareVersions=["A ", "B"], PatientSex="")
    dataset.SpecificCharacterSet = characters
    dataset.PatientName = "Yamada^Tarou" if isinstance(characters, list) or "6" in characters[-2:] else "Müller^Eva"
    inner, deeper = Dataset(), Dataset()
    deeper.PatientComments = "told"
    inner.RequestedProcedureDescription, inner.OtherPatientIDsSequence = "knee", Sequence([deeper, Dataset()])
    dataset.RequestAttributesSequence = Sequence([inner, inner])
    dataset["RequestAttributesSequence"].is_undefined_length = undefined
    inner.is_undefined_length_sequence_item = undefined
    dataset.private_block(0x0019, "ACME", create=True).add_new(0x01, "LO", "hidden")
    dataset.add_new(0x00204000, "LT", "x" * 9000)  # the header goes past what is read at first
    dataset["PixelData"].VR = "OW"
    dataset.set_original_encoding(syntax.is_implicit_VR, syntax.is_little_endian)
    path = save(dataset, syntax=syntax)
    if not preamble and syntax != DeflatedExplicitVRLittleEndian:
        with pydicom.dcmread(path) as read:
            del read.file_meta[0x00020010]
        content = path.read_bytes()
        start = 132 + 12 + struct.unpack_from("<L", content, 140)[0]
        path.write_bytes(content[start:])
    reader = held(path)
    assert reader == ("quick pass" if syntax != ExplicitVRBigEndian else "pydicom")


def test_both_readers_agree_on_damaged_files(tmp_path):
    """Bytes changed at random, and files cut short: either both refuse, or both say the same."""
    generator = np.random.default_rng(7)
    whole = [p for p in sorted(SHIPPED.glob("*.dcm")) if 1000 < p.stat().st_size < 60_000]
    path = tmp_path / "damaged.dcm"
    answered = 0
    for _ in range(250):
        content = bytearray(whole[generator.integers(len(whole))].read_bytes())
        for at in generator.integers(0, min(len(content), 2500), size=generator.integers(1, 4)):
            content[at] = generator.integers(256)
        if generator.random() < 0.2:
            content = content[: generator.integers(150, len(content))]
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                answered += held(path) == "quick pass"
            except DecodeFailure:
                continue
    assert answered > 50


def test_the_short_dictionary_is_that_of_dicom():
    for keyword, (tag, representation) in HEADER_KEYWORDS.items():
        assert (tag_for_keyword(keyword), dictionary_VR(keyword)) == (tag, representation)
    assert {uid: UID(uid).name for uid in TRANSFER_SYNTAXES} == dict(TRANSFER_SYNTAXES)


def test_a_value_that_is_passed_over_is_not_read(make, save, image):
    path = save(make(image))
    content = path.read_bytes()
    at = content.index(struct.pack("<HH", 0x7FE0, 0x0010))
    private = struct.pack("<HH2sHL", 0x0031, 0x1001, b"OB", 0, 64 << 20)
    with path.open("wb") as stream:
        stream.write(content[:at] + private)
        stream.seek(64 << 20, io.SEEK_CUR)
        stream.write(content[at:])
    read = []

    class Counting(io.FileIO):
        def read(self, size=-1):
            found = super().read(size)
            read.append(len(found))
            return found

    with Counting(path) as stream:
        head = stream.read(4096)
        facts = header_facts(stream, head, path.stat().st_size, wanted_tags(), sought=None)
    assert (facts.reader, facts.pixels) == ("quick pass", "present")
    assert sum(read) < 200_000


def test_a_header_of_endless_elements_is_too_large(make, save, monkeypatch):
    monkeypatch.setattr(elements, "MOST_ELEMENTS", 1000)
    path = save(make(None))
    path.write_bytes(path.read_bytes() + struct.pack("<HH2sH", 0x0019, 0x1001, b"LO", 0) * 2000)
    with pytest.raises(DecodeFailure) as caught:
        facts_of(path, sought=False)
    assert caught.value.reason == "decode:too_large"


def test_a_deep_nest_ends(make, save):
    path = save(make(None))
    sequence = struct.pack("<HH2sHL", 0x0040, 0x0275, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    path.write_bytes(path.read_bytes() + sequence * 50_000)
    with pytest.raises(DecodeFailure) as caught:
        facts_of(path, sought=True)
    assert caught.value.reason == "decode:corrupt"


def test_fragments_without_end_are_bounded(make, save, image, monkeypatch):
    monkeypatch.setattr(dicom_file, "MOST_FRAGMENTS", 50)
    path = save(make(None))
    announced = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    path.write_bytes(path.read_bytes() + announced + struct.pack("<HHL", 0xFFFE, 0xE000, 0) * 51)
    with pytest.raises(DecodeFailure) as caught:
        facts_of(path, sought=False)
    assert caught.value.reason == "decode:too_large"


def test_the_name_of_a_syntax_in_a_comment_deflates_nothing(make, save, image):
    path = save(make(image, ImageComments="1.2.840.10008.1.2.1.99"))
    assert not is_deflated(path.read_bytes()[:4096])
    assert facts_of(path, sought=False).pixels == "present"
    assert is_deflated(save(make(image, syntax=DeflatedExplicitVRLittleEndian)).read_bytes()[:4096])


def test_a_second_syntax_in_file_meta_inflates_nothing_without_bound(make, save, image, monkeypatch):
    path = save(make(image))
    content = path.read_bytes()
    start = 144 + struct.unpack_from("<L", content, 140)[0]
    again = struct.pack("<HH2sH", 2, 0x10, b"UI", 22) + b"1.2.840.10008.1.2.1.99"
    for between in (b"", struct.pack("<HH2sHL", 2, 0x0102, b"OB", 0, 9000) + b"x" * 9000):
        path.write_bytes(content[:start] + between + again + zlib.compress(b"\0" * 10_000)[2:-4])
        monkeypatch.setattr(dicom_file, "LARGEST_INFLATED", 5000)
        with pytest.raises(DecodeFailure) as caught:
            open_dicom(path)
        assert caught.value.reason in {"decode:too_large", "decode:corrupt"}


def test_a_bounded_stream_stops():
    bounded = BoundedFile(io.BytesIO(b"x" * 100), most=64)
    assert bounded.read(60) == b"x" * 60
    with pytest.raises(DecodeFailure) as caught:
        bounded.read(30)
    assert caught.value.reason == "decode:too_large"
    with pytest.raises(DecodeFailure) as caught:
        BoundedFile(io.BytesIO(b"x"), most=64).read()
    assert caught.value.reason == "decode:corrupt"
