"""Labels mean what the protocol says, or are refused; before inference nobody looks at them."""

from __future__ import annotations

import pytest

from validate.cohort.case import Case
from validate.cohort.reference import check_labels, label_counts, labelled_keys, read_reference
from validate.errors import DataError
from validate.protocol.reference import Reference


def reference(**options) -> Reference:
    return Reference.model_validate(
        {
            "table": "labels.csv",
            "key": "acc",
            "level": "study",
            "label": "y",
            "positive": 1,
            "negative": 0,
            "standard": "t",
            **options,
        }
    )


def case(number: int, *, study: str | None = None, patient: str = "P") -> Case:
    return Case(f"I-{number}", patient, study or f"S-{number}", "E", f"d{number}", {}, True, keys={"acc": f"A{number}"})


CASES = [case(1), case(2), case(3), case(4)]


def read(tmp_path, content, cases=CASES, **options):
    (tmp_path / "labels.csv").write_text(content, encoding="utf-8")
    table = read_reference(reference(**options), base=tmp_path, cases=cases)
    return table["status"].to_pylist(), table["label"].to_pylist()


def test_each_case_has_its_label_or_says_why_not(tmp_path):
    statuses, labels = read(tmp_path, "acc,y\nA1,1\nA2,0\nA3,\nA9,1\n")
    assert statuses == ["present", "present", "missing", "missing"]
    assert labels == [1.0, 0.0, None, None]


@pytest.mark.parametrize("written", [("1", "0"), ("1.0", "0.0"), (" 1 ", "0")])
def test_a_number_is_the_same_label_however_it_is_written(tmp_path, written):
    assert read(tmp_path, f"acc,y\nA1,{written[0]}\nA2,{written[1]}\n")[1][:2] == [1.0, 0.0]


def test_truth_is_the_same_label_in_every_case(tmp_path):
    assert read(tmp_path, "acc,y\nA1,TRUE\nA2,False\n", positive=True, negative=False)[1][:2] == [1.0, 0.0]


def test_declared_indeterminate_values_are_neither(tmp_path):
    statuses, labels = read(tmp_path, "acc,y\nA1,1\nA2,?\nA3,0\nA4,0\n", indeterminate_values=["?"])
    assert statuses[1] == "indeterminate"
    assert labels[1] is None


@pytest.mark.parametrize("options", [{}, {"negative": None}])
def test_a_value_that_nobody_explained_is_refused_with_its_name(tmp_path, options):
    with pytest.raises(DataError, match="'2'"):
        read(tmp_path, "acc,y\nA1,1\nA2,0\nA3,2\n", **options)


def test_one_other_value_is_negative_where_none_is_named(tmp_path):
    assert read(tmp_path, "acc,y\nA1,yes\nA2,no\n", positive="yes", negative=None)[1][:2] == [1.0, 0.0]


def test_a_positive_that_never_occurs_is_no_negative_by_itself(tmp_path):
    with pytest.raises(DataError, match="nowhere holds the positive value 'yes'"):
        read(tmp_path, "acc,y\nA1,1\nA2,1\n", positive="yes", negative=None)


def test_labels_that_match_no_case_are_an_error_without_their_keys(tmp_path):
    with pytest.raises(DataError, match="0 of 4 cases have a row") as caught:
        read(tmp_path, "acc,y\nSECRET,1\nB2,0\n")
    assert "SECRET" not in str(caught.value)


def test_a_repeated_key_is_refused(tmp_path):
    with pytest.raises(DataError, match="rows 1 and 2 have the same acc"):
        read(tmp_path, "acc,y\nA1,1\nA1,1\n")


@pytest.mark.parametrize(("level", "group"), [("study", {"study": "S"}), ("patient", {"patient": "Q"})])
def test_a_label_that_contradicts_itself_within_its_level_is_refused(tmp_path, level, group):
    torn = [case(1, **group), case(2, **group), case(3, patient="R")]
    with pytest.raises(DataError, match=f"1 of 2 {level} labels contradict"):
        read(tmp_path, "acc,y\nA1,1\nA2,0\nA3,0\n", torn, level=level)
    assert read(tmp_path, "acc,y\nA1,1\nA2,0\nA3,0\n", torn, level="image")[1] == [1.0, 0.0, 0.0]


def test_presence_is_known_without_a_look_at_the_label(tmp_path):
    (tmp_path / "labels.csv").write_text("acc,y\nA1,1\nA2,\nA3,never explained\nA9,0\n", encoding="utf-8")
    assert labelled_keys(reference(), tmp_path) == {"A1", "A3", "A9"}
    assert label_counts(reference(), tmp_path, CASES) == {"rows": 4, "labelled": 3, "unmatched": 1}


GRADES = {"positive": None, "negative": None, "grades": [0, 1, 2]}


def test_classes_and_grades_are_numbered_in_the_protocols_order(tmp_path):
    statuses, labels = read(tmp_path, "acc,y\nA1,2\nA2,0.0\nA3,\nA4,?\n", **GRADES, indeterminate_values=["?"])
    assert statuses == ["present", "present", "missing", "indeterminate"]
    assert labels == [2.0, 0.0, None, None]


def test_a_class_that_the_protocol_does_not_name_is_refused(tmp_path):
    with pytest.raises(DataError, match="column y holds '3', which the protocol does not explain: it names 0, 1, 2"):
        read(tmp_path, "acc,y\nA1,3\n", **GRADES)


def test_each_finding_has_its_own_status_and_label(tmp_path):
    (tmp_path / "labels.csv").write_text("acc,a,b\nA1,1,no\nA2,0,\nA3,,yes\nA4,0,no\n", encoding="utf-8")
    findings = {"a": {"label": "a"}, "b": {"label": "b", "positive": "yes", "negative": "no"}}
    asked = reference(label=None, positive=None, negative=None, findings=findings)
    table = read_reference(asked, base=tmp_path, cases=CASES)
    assert table["target"].to_pylist() == ["a"] * 4 + ["b"] * 4
    assert table["label"].to_pylist() == [1.0, 0.0, None, 0.0, 0.0, None, 1.0, 0.0]
    assert labelled_keys(asked, tmp_path) == {"A1", "A2", "A3", "A4"}


def test_labels_can_be_checked_without_being_joined(tmp_path):
    (tmp_path / "labels.csv").write_text("acc,y\nA1,1\nA2,maybe\n", encoding="utf-8")
    with pytest.raises(DataError, match="holds 'maybe'"):
        check_labels(reference(), tmp_path)
    (tmp_path / "labels.csv").write_text("acc,y\nA1,1\nA1,0\n", encoding="utf-8")
    with pytest.raises(DataError, match="rows 1 and 2 have the same acc"):
        check_labels(reference(), tmp_path)
