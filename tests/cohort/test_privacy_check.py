"""Identifiers and burned-in text are found, and a protocol says what becomes of them."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from validate.cohort.build import build_cohort
from validate.cohort.identifiers import BURNED_IN, NAMED, OVERLAYS, PRIVATE
from validate.cohort.index import index_folder
from validate.errors import DataError
from validate.imaging.burned_in import text_lines
from validate.protocol.schema import StudyProtocol

SITE_KEY = b"k" * 32
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def signs(folder):
    return {
        found.relative: found.identifiers & {NAMED, PRIVATE, BURNED_IN, OVERLAYS}
        for found in index_folder(folder, identifiers=True)
    }


def test_names_in_free_text_are_found_at_any_level(archive, tmp_path):
    inner = Dataset()
    inner.PatientComments = ""
    inner.SpecialNeeds = "x"
    inner.ReasonForTheRequestedProcedure = "x"
    inner.add_new(0x00181030, "LO", "Knee of Mustermann, left")  # ProtocolName is there to identify already
    inner.add_new(0x00204000, "LT", "x")
    deep = Dataset()
    deep.ContrastBolusRoute = "for Mustermann"
    archive("plain.dcm", PatientName="Mustermann^Erika", ContrastBolusRoute="oral")
    archive("deep.dcm", study="S2", PatientName="Mustermann^Erika", AcquisitionContextSequence=Sequence([deep]))
    archive("title.dcm", study="S3", FilterType="Dr. Schmidt")
    archive("number.dcm", study="S4", patient="4711-0815", ContrastBolusRoute="for 4711-0815")
    archive("word.dcm", study="S5", PatientName="Bone^Hand", ContrastBolusRoute="bone window, hand")
    archive("part.dcm", study="S6", PatientName="Stand^Karl", ContrastBolusRoute="standard")
    found = signs(tmp_path / "archive")
    assert {name for name, seen in found.items() if NAMED in seen} == {"deep.dcm", "title.dcm", "number.dcm"}


def test_private_elements_and_overlays_are_signs(archive, tmp_path):
    path = archive("a.dcm")
    import pydicom

    dataset = pydicom.dcmread(path)
    dataset.private_block(0x0011, "ACME", create=True).add_new(1, "LO", "anything")
    dataset.add_new(0x60003000, "OW", b"\1\0" * 8)
    dataset.BurnedInAnnotation = "YES"
    dataset.save_as(path)
    assert signs(tmp_path / "archive") == {"a.dcm": {PRIVATE, OVERLAYS, BURNED_IN}}


def written(words: str, *, place: str, size: int = 512, seed: int = 3) -> np.ndarray:
    """A radiograph-like blur with noise, and words at one of its borders."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:size, 0:size] / size
    body = 700 * np.exp(-((rows - 0.5) ** 2 + (columns - 0.5) ** 2) * 6) + generator.normal(100, 15, (size, size))
    image = Image.fromarray(body.astype(np.float32))
    if words:
        font = ImageFont.truetype(FONT, 16)
        long = int(font.getlength(words))
        corner = {"top": (12, 10), "bottom": (12, size - 30), "right": (size - long - 10, 12)}[place]
        ImageDraw.Draw(image).text(corner, words, fill=1000, font=font)
    return np.asarray(image)


@pytest.mark.parametrize("place", ["top", "bottom", "right"])
@pytest.mark.parametrize("words", ["DOE JANE 1955", "Muster Anna 12.03.1950", "ID 4711-0815"])
def test_text_along_the_borders_is_found(place, words):
    assert text_lines(written(words, place=place)) != ()
    assert text_lines(np.repeat(written(words, place=place)[..., None], 3, axis=2)) != ()


@pytest.mark.parametrize("words", ["", "L", "PA"])
@pytest.mark.parametrize("seed", range(5))
def test_an_image_with_a_side_marker_or_none_holds_no_text(words, seed):
    assert text_lines(written(words, place="top", seed=seed)) == ()


def test_what_is_no_picture_holds_no_text():
    assert text_lines(np.zeros((64, 64))) == ()
    assert text_lines(np.ones((3, 3))) == ()
    assert text_lines(np.full((64, 64), np.nan)) == ()
    ruler = np.zeros((400, 400), dtype=np.uint8)
    ruler[20:32, 20:380:18] = 255  # ticks
    ruler[20:32, 21:380:18] = 255
    assert text_lines(ruler) == ()


@pytest.fixture
def study(archive, protocol, tmp_path):
    def made(**privacy) -> StudyProtocol:
        return protocol(privacy=privacy)

    pixels = (written("DOE JANE 1955", place="top", size=256)).clip(0, 1000).astype("<u2")
    size = {"Rows": 256, "Columns": 256}
    archive("named.dcm", PatientName="Mustermann^Erika")
    archive("clean.dcm", study="S2", patient="P2")
    archive("burned.dcm", study="S3", patient="P3", PixelData=pixels.tobytes(), **size)
    archive("flagged.dcm", study="S4", patient="P4", BurnedInAnnotation="YES")
    rows = "".join(f"A-S{number},{number % 2}\n" for number in range(1, 5))
    (tmp_path / "labels.csv").write_text(f"accession_number,opacity\n{rows}".replace("A-S1", "A-S1"))
    return made


def built(study, tmp_path):
    return build_cohort(study, base=tmp_path, site_key=SITE_KEY)


def test_by_default_nothing_is_said(study, tmp_path):
    cohort = built(study(), tmp_path)
    assert (len(cohort.cases), cohort.warnings) == (4, ())


def test_a_warning_counts_and_quotes_nothing(study, tmp_path):
    cohort = built(study(identifiers="warn", burned_in="warn", pixels=True), tmp_path)
    assert len(cohort.cases) == 4
    assert cohort.notes["privacy"] == {
        "images": 4, "identifiers": 1, "burned_in": 2, "elements": {"PatientName": 1}, "pixels_not_read": 0,
    }  # fmt: skip
    assert len(cohort.warnings) == 2
    assert "ustermann" not in str(cohort)


def test_excluded_files_have_their_reason(study, tmp_path):
    cohort = built(study(identifiers="exclude", burned_in="exclude", pixels=True), tmp_path)
    assert len(cohort.cases) == 1
    assert sorted(one.reason for one in cohort.exclusions) == [
        "privacy:burned_in",
        "privacy:burned_in",
        "privacy:identifiers",
    ]
    left = {step.id: step.files for step in cohort.flow}
    assert (
        left["found"] - left["excluded:privacy:burned_in"] - left["excluded:privacy:identifiers"]
        == left["eligible"]
        == 1
    )


def test_text_in_an_overlay_is_text_in_the_image(archive, study, tmp_path):
    drawn = written("DOE JANE 1955", place="top", size=256) > 900
    made = study(burned_in="warn", pixels=True)
    path = archive("overlaid.dcm", study="S5", patient="P5")
    dataset = pydicom.dcmread(path)
    for element, kind, value in (
        (0x0010, "US", 256), (0x0011, "US", 256), (0x0040, "CS", "G"), (0x0050, "SS", [1, 1]),
        (0x3000, "OW", np.packbits(drawn, bitorder="little").tobytes()),
    ):  # fmt: skip
        dataset.add_new((0x6000, element), kind, value)
    dataset.save_as(path)
    assert built(made, tmp_path).notes["privacy"]["burned_in"] == 3


def test_a_run_is_refused_with_counts(study, tmp_path):
    with pytest.raises(
        DataError, match=r"refuses this data: identifiers in the header in 1 of 4 images\. Most often: PatientName"
    ):
        built(study(identifiers="refuse"), tmp_path)
    with pytest.raises(DataError, match="burned-in text in 1 of 4"):
        built(study(burned_in="refuse"), tmp_path)
    assert built(study(identifiers="refuse", allowed=["PatientID", "AccessionNumber", "PatientName"]), tmp_path).cases
