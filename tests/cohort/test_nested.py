"""What a header says inside sequences is read, by the quick pass as by pydicom, or missing with its reason."""

from __future__ import annotations

import csv
import io

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr._snomed_dict import mapping
from pydicom.sr.codedict import codes

from validate.cohort.attributes import harvested, wanted_tags
from validate.cohort.nested import HERE
from validate.imaging.header import header_of
from validate.imaging.header_facts import header_facts
from validate.imaging.header_values import HeaderValues
from validate.imaging.header_walk import PER_FRAME


def item(**elements) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def enhanced(header, **shared) -> Dataset:
    groups = {
        "PixelMeasuresSequence": Sequence([item(PixelSpacing=[0.5, 0.75], SliceThickness="1.25")]),
        "CTXRayDetailsSequence": Sequence([item(KVP="120")]),
        "CTReconstructionSequence": Sequence([item(ConvolutionKernel="STANDARD")]),
        "FrameAnatomySequence": Sequence([item(FrameLaterality="L")]),
        **shared,
    }
    made = item(**{name: value for name, value in groups.items() if value is not None})
    return header(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1", Modality="CT", SharedFunctionalGroupsSequence=Sequence([made])
    )


def view(header, code: str, scheme: str, **elements) -> Dataset:
    coded = item(CodeValue=code, CodingSchemeDesignator=scheme, CodeMeaning="whatever somebody typed")
    return header(**{"ViewPosition": None, "ViewCodeSequence": Sequence([coded]), **elements})


def read(dataset, *, sought, implicit=False, undefined=False):
    """(attributes, missing), the same by both ways; and which way the index took."""
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = undefined
    stream = io.BytesIO()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1"
    pydicom.dcmwrite(stream, dataset, implicit_vr=implicit, little_endian=True)
    content = stream.getvalue()
    facts = header_facts(io.BytesIO(content), content[:8192], len(content), wanted_tags(), sought=sought)
    found = harvested(facts.values)
    by_pydicom = HeaderValues(header_of(io.BytesIO(content), content[:8192], [*wanted_tags(), PER_FRAME]).dataset)
    assert found == harvested(by_pydicom)
    assert facts.reader == "quick pass"
    return found


WAYS = [
    {"sought": sought, "implicit": implicit, "undefined": undefined}
    for sought in (None, frozenset({0x00100010}))
    for implicit in (False, True)
    for undefined in (False, True)
]


@pytest.mark.parametrize("way", WAYS)
def test_what_all_frames_of_an_enhanced_object_share_is_harvested(header, way):
    values, missing = read(enhanced(header), **way)
    assert (values["kvp"], values["kernel"], values["slice_thickness"]) == (120.0, "STANDARD", 1.25)
    assert (values["pixel_spacing"], values["laterality"]) == (0.5, "L")
    assert not {"kvp", "kernel", "slice_thickness", "pixel_spacing", "laterality"} & missing.keys()


def framed(header, frames: list[dict], **shared) -> Dataset:
    """frames : of each, the sequences of its functional groups, as elements of their only item"""
    dataset = enhanced(header, CTXRayDetailsSequence=None, PixelMeasuresSequence=None, **shared)
    position = {"PlanePositionSequence": {"ImagePositionPatient": [0, 0, 1]}}
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [item(**{name: Sequence([item(**inside)]) for name, inside in (position | frame).items()}) for frame in frames]
    )
    dataset.NumberOfFrames = len(frames)
    return dataset


@pytest.mark.parametrize("way", WAYS)
def test_what_each_frame_repeats_is_harvested_and_what_varies_is_said(header, way):
    """Oracle: pydicom, asked for the same in `read`."""
    frames = [
        {
            "CTXRayDetailsSequence": {"KVP": text},
            "PixelMeasuresSequence": {"PixelSpacing": [0.5, 0.75], "SliceThickness": n},
        }
        for n, text in enumerate(("120", "120.0", "1.2e2"), start=1)
    ]
    values, missing = read(framed(header, frames), **way)
    assert (values["kvp"], values["pixel_spacing"], values["kernel"]) == (120.0, 0.5, "STANDARD")
    assert (values["slice_thickness"], missing["slice_thickness"]) == (None, "varies from frame to frame")


@pytest.mark.parametrize("way", WAYS)
def test_what_only_some_frames_say_is_not_said_for_all(header, way):
    frames = [{"CTXRayDetailsSequence": {"KVP": "120"}}, {"CTXRayDetailsSequence": {"KVP": None}}, {}]
    values, missing = read(framed(header, frames), **way)
    assert (values["kvp"], missing["kvp"]) == (None, "not said for all frames")
    assert missing["slice_thickness"] == "not said for all frames"


def test_items_of_unknown_length_are_frames_too(header):
    dataset = framed(header, [{"CTXRayDetailsSequence": {"KVP": "80"}}] * 3)
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.is_undefined_length_sequence_item = True
        for element in frame:
            element.is_undefined_length = True
            element.value[0].is_undefined_length_sequence_item = True
    for undefined in (False, True):
        assert read(dataset, sought=None, undefined=undefined)[0]["kvp"] == 80.0


def test_the_frames_of_an_angiogram_say_its_spacing(header):
    dataset = header(PixelSpacing=None, ImagerPixelSpacing=None)
    dataset.SharedFunctionalGroupsSequence = Sequence(
        [item(FramePixelDataPropertiesSequence=Sequence([item(ImagerPixelSpacing=[0.2, 0.2])]))]
    )
    assert read(dataset, sought=None)[0]["pixel_spacing"] == 0.2


def test_many_frames_cost_little_and_keep_nothing(header):
    dataset = framed(
        header,
        [{"CTXRayDetailsSequence": {"KVP": "80"}, "PixelMeasuresSequence": {"SliceThickness": n}} for n in range(900)],
    )
    values, missing = read(dataset, sought=None)
    assert (values["kvp"], missing["slice_thickness"]) == (80.0, "varies from frame to frame")


def test_a_value_of_the_object_goes_before_that_of_its_frames(header):
    dataset = framed(header, [{"CTXRayDetailsSequence": {"KVP": "80"}}])
    dataset.KVP = "120"
    assert read(dataset, sought=None)[0]["kvp"] == 120.0


def test_what_frames_say_each_for_itself_is_missing_and_not_called_empty(header):
    values, missing = read(enhanced(header, CTXRayDetailsSequence=None), sought=None)
    assert values["kvp"] is None
    assert missing["kvp"] == "not said for all frames"


@pytest.mark.parametrize("way", WAYS)
def test_a_view_that_is_said_by_code_only_is_read(header, way):
    assert read(view(header, "R-10226", "SNM3"), **way)[0]["view_position"] == "MLO"


@pytest.mark.parametrize(
    ("code", "scheme", "name"),
    [("399162004", "SCT", "CC"), ("R-10214", "SRT", "PA"), ("R-10206", "SNM3", "AP"), ("272479007", "SCT", "PA")],
)
def test_codes_of_any_age_are_one_view(header, code, scheme, name):
    assert read(view(header, code, scheme), sought=None)[0]["view_position"] == name


@pytest.mark.parametrize(("code", "scheme"), [("R-10226", "99OURS"), ("0815", "SCT"), ("R-10226", "SCT")])
def test_a_code_of_no_table_is_no_view_whatever_it_calls_itself(header, code, scheme):
    values, missing = read(view(header, code, scheme), sought=None)
    assert values["view_position"] is None
    assert missing["view_position"] == "a view code that no table knows"


def test_a_view_position_goes_before_a_code(header):
    assert read(view(header, "R-10226", "SRT", ViewPosition="ML"), sought=None)[0]["view_position"] == "ML"


@pytest.mark.parametrize("name", ["ViewCodeSequence", "SharedFunctionalGroupsSequence"])
def test_an_empty_sequence_says_nothing(header, name):
    values, missing = read(header(ViewPosition=None, **{name: Sequence()}), sought=None)
    assert (values["view_position"], missing["view_position"], missing["kvp"]) == (None, "empty", "empty")


def test_the_table_of_views_says_what_the_standard_says():
    """Oracle: the concepts of CID 4010 and 4014 as pydicom ships them, and its map from SRT to SCT."""
    concepts = (*codes.cid4010.concepts.values(), *codes.cid4014.concepts.values())
    meaning = {concept.value: concept.meaning for concept in concepts}
    short = {"AP": "antero-posterior", "PA": "postero-anterior", "CC": "cranio-caudal", "MLO": "medio-lateral oblique"}
    with HERE.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    by_code = {(row["scheme"], row["code"]): row["view"] for row in rows}
    assert len(by_code) == len(rows)
    assert {code for scheme, code in by_code if scheme == "SCT"} == meaning.keys()
    for (scheme, code), name in by_code.items():
        today = code if scheme == "SCT" else mapping["SRT"].get(code, "272479007")  # R-10214: PA, retired
        assert by_code["SCT", today] == name
        if name in short:
            assert meaning[today] == short[name]
        elif not name.isupper():
            assert name == meaning[today].lower()
