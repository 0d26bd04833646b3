"""Acquisition strata are proposed from the data, and groups that hang on one scanner are told."""

from __future__ import annotations

import math

import pytest

from validate.cohort.build import build_cohort
from validate.cohort.derived import DERIVED, field_strength_class, kernel_class, kvp_band, slice_thickness_band
from validate.cohort.index import index_folder
from validate.cohort.strata import StrataCounts, confounding, cramers_v, proposed, protocol_lines
from validate.protocol.acquisition import DERIVED_ATTRIBUTES


def counted(rows):
    counts = StrataCounts()
    for row in rows:
        counts.add(row, row.get("house"))
    return counts


def test_levels_with_enough_images_are_proposed():
    rows = [{"manufacturer": "GE", "kvp": 120.0, "sex": "F", "age": 30.0}] * 12
    rows += [{"manufacturer": "Philips", "kvp": 80.0, "sex": "M", "age": 70.0}] * 11
    rows += [{"manufacturer": "Tiny", "model": "A"}]
    found = {one["attribute"]: one for one in proposed(counted(rows))}
    assert found["manufacturer"]["use"]
    assert found["manufacturer"]["small"] == ["Tiny"]
    assert found["kvp_band"]["levels"] == {"115–150 kV": 12, "75–94 kV": 11}
    assert (found["model"]["use"], found["model"]["why"]) == (False, "one level only")
    assert "detector" not in found
    assert protocol_lines(proposed(counted(rows))) == "strata: [manufacturer, kvp_band]"


def test_a_group_on_one_scanner_is_told():
    rows = [{"sex": "F", "manufacturer": "GE"}] * 19 + [{"sex": "F", "manufacturer": "Philips"}]
    rows += [{"sex": "M", "manufacturer": "GE"}] * 10 + [{"sex": "M", "manufacturer": "Philips"}] * 10 + [{"sex": "M"}]
    table = confounding(counted(rows))
    (pair,) = [pair for pair in table["pairs"] if (pair["group"], pair["by"]) == ("sex", "manufacturer")]
    assert pair["images"] == 40
    assert pair["single"] == [{"level": "F", "on": "GE", "share": 0.95}]
    assert pair["cramers_v"] == pytest.approx(math.sqrt(10.156739812 / 40), abs=1e-5)
    assert ["F", "missing", "GE", "missing", "missing", 19] in table["rows"]


def test_cramers_v_is_0_for_none_and_1_for_all():
    assert cramers_v({("a", "x"): 5, ("a", "y"): 5, ("b", "x"): 5, ("b", "y"): 5}) == 0
    assert cramers_v({("a", "x"): 7, ("b", "y"): 3}) == 1
    # by hand: chi² = 4 · (5² / 10) = 10 of 40 → √(10 / 40)
    assert cramers_v({("a", "x"): 15, ("a", "y"): 5, ("b", "x"): 5, ("b", "y"): 15}) == pytest.approx(0.5)
    assert cramers_v({("a", "x"): 7, ("a", "y"): 3}) is None


@pytest.mark.parametrize(
    ("maker", "kernel", "expected"),
    [
        ("GE", "STANDARD", "standard"), ("GE", "BONEPLUS", "sharp"), ("GE", "SOFT", "smooth"), ("Siemens", "B30f", "standard"),
        ("Siemens", "B70f", "sharp"), ("Siemens", "I31f\\3", "standard"), ("Siemens", "Br59d\\3", "sharp"), ("Siemens", "B20s", "smooth"),
        ("Philips", "B", "standard"), ("Philips", "YC", "sharp"), ("Canon", "FC51", "sharp"), ("Canon", "FC08", "standard"),
        ("Philips", "B30f", None), ("GE", "NEWONE", None), (None, "B", None), ("GE", None, None),
    ],
)  # fmt: skip
def test_a_kernel_has_a_class_on_its_makers_scale_or_none(maker, kernel, expected):
    assert kernel_class({"manufacturer": maker, "kernel": kernel}) == expected


def test_bands_hold_what_they_say():
    assert field_strength_class({"field_strength": 1.494}) == "1.5 T"
    assert field_strength_class({"field_strength": 15000.0}) == "1.5 T"
    assert field_strength_class({"field_strength": 0.0}) is None
    assert slice_thickness_band({"slice_thickness": 1.0}) == "up to 1 mm"
    assert slice_thickness_band({"slice_thickness": 0.0}) is None
    assert kvp_band({"kvp": 28.0}) == "under 35 kV"
    assert kvp_band({"kvp": 5000.0}) is None
    assert kvp_band({"kvp": "x"}) is None


def test_the_names_of_both_layers_are_the_same():
    assert {*DERIVED, "institution"} == DERIVED_ATTRIBUTES


def test_a_protocol_names_them_and_only_then_are_they_made(archive, protocol, tmp_path):
    for number in range(4):
        archive(f"{number}.dcm", study=f"S{number}", KVP=[120, 80][number % 2], InstitutionName="Canary Hospital")
    (tmp_path / "labels.csv").write_text("accession_number,opacity\nA-S0,1\nA-S1,0\n")
    plain = build_cohort(protocol(), base=tmp_path, site_key=b"k" * 32)
    assert "kvp_band" not in plain.cases[0].attributes
    study = protocol().model_copy(update={"strata": ("kvp_band", "institution")})
    cohort = build_cohort(study, base=tmp_path, site_key=b"k" * 32)
    assert {case.attributes["kvp_band"] for case in cohort.cases} == {"115–150 kV", "75–94 kV"}
    assert {str(case.attributes["institution"])[:2] for case in cohort.cases} == {"N-"}
    assert "anary" not in str(cohort.notes)
    assert {one["attribute"] for one in cohort.notes["strata"]["proposed"]} >= {"manufacturer", "kvp_band"}


def test_a_protocols_vendors_come_first(archive, protocol, tmp_path):
    archive(
        "a.dcm", Manufacturer="ACME Röntgen GmbH", SpecificCharacterSet="ISO_IR 192", ManufacturerModelName="acme one"
    )
    archive("b.dcm", study="S2", Manufacturer="Philips", ManufacturerModelName="Gyroscan Intera")
    (tmp_path / "labels.csv").write_text("accession_number,opacity\nA-S1,1\n")
    (tmp_path / "vendors.csv").write_text(
        "spelling,manufacturer,model,kind\nacme,Acme,,\nacme one,Acme,One,\nphilips,Our Philips,,\n"
    )
    cohort = build_cohort(protocol(vendors="vendors.csv"), base=tmp_path, site_key=b"k" * 32)
    found = {(str(c.attributes["manufacturer"]), str(c.attributes["model"])) for c in cohort.cases}
    assert found == {("Acme", "One"), ("Our Philips", "Gyroscan Intera")}


def test_what_is_no_scanner_is_said(archive, tmp_path):
    archive("a.dcm", Manufacturer="nifti2dicom")
    archive("b.dcm", study="S2", ConversionType="WSD")
    archive("c.dcm", study="S3", ConversionType="DF")
    archive("d.dcm", study="S4", SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    archive("e.dcm", study="S5", Manufacturer=None)
    archive("f.dcm", study="S6")
    found = {one.relative[0]: one for one in index_folder(tmp_path / "archive")}
    assert {name: one.attributes["origin"] for name, one in found.items()} == {
        "a": "software", "b": "secondary_capture", "c": "digitised_film", "d": "secondary_capture", "e": None, "f": "scanner",
    }  # fmt: skip
    assert (found["a"].attributes["manufacturer"], found["a"].missing["manufacturer"]) == (
        None,
        "no scanner: nifti2dicom",
    )
    assert found["a"].attributes["manufacturer_raw"] == "nifti2dicom"


@pytest.mark.parametrize(
    ("maker", "model", "expected"),
    [
        ("SIEMENS", "Definition AS", "SOMATOM Definition AS"), ("SIEMENS", "SOMATOM Definition AS+", "SOMATOM Definition AS+"),
        ("GE MEDICAL SYSTEMS", "LightSpeed16", "LightSpeed 16"), ("CANON_MEC", "Aquilion ONE", "Aquilion ONE"),
        ("TOSHIBA", "Aquilion ONE", "Aquilion ONE"), ("TOSHIBA", "Aquilion  Nova", "Aquilion Nova"),
        ("Philips", "Definition AS", "Definition AS"),
    ],
)  # fmt: skip
def test_models_have_one_name_for_their_maker(archive, tmp_path, maker, model, expected):
    archive("a.dcm", Manufacturer=maker, ManufacturerModelName=model)
    (found,) = index_folder(tmp_path / "archive")
    assert found.attributes["model"] == expected
    assert found.attributes["model_raw"] == " ".join(model.split())


def test_files_of_a_series_are_one_case(archive, protocol, tmp_path):
    for study in ("S1", "S2"):
        for number in range(5):
            archive(f"{study}-{number}.dcm", study=study, instance=str(number + 1))
    (tmp_path / "labels.csv").write_text("accession_number,opacity\nA-S1,1\nA-S2,0\n")
    for unit in ("series", "study"):
        cohort = build_cohort(protocol(unit=unit), base=tmp_path, site_key=b"k" * 32)
        assert sorted(len(case.files) for case in cohort.cases) == [5, 5]
        assert {path.name[:2] for path in cohort.cases[0].files} in ({"S1"}, {"S2"})
