"""Numbers of findings counted a second way: each way as by hand, what is torn is told, and what has no second way has a reason."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from validate.analyses.averaged import is_averaged
from validate.canonical import pretty_json
from validate.cohort.select import meets
from validate.evidence import recount_measured, recount_outputs
from validate.evidence.findings.comparison import _meets
from validate.evidence.findings.finding import Finding
from validate.evidence.findings.mixed import mixed as mixed_of
from validate.evidence.recount import recount
from validate.evidence.recount_cases import Marked
from validate.evidence.recount_findings import OF, REASONS, why_not
from validate.evidence.recount_number import OF_THOUSAND, WAYS, Number, counted, is_counted
from validate.evidence.recount_table import Table
from validate.protocol.cohort import Rule
from validate.registry import load as load_plugin
from validate.registry import names

# By hand: positives .9 .6 .2, negatives .7 .2 .1, flagged from .5 on: TP 2, FN 1, FP 1, TN 2. One negative gave no output.
SCORES = [(1.0, 0.9), (1.0, 0.6), (1.0, 0.2), (0.0, 0.7), (0.0, 0.2), (0.0, 0.1), (0.0, None)]
SITES = ("A", "A", "B", "A", "B", "B", "B")


def rows() -> list[dict[str, Any]]:
    return [
        {"unit": f"U-{place}", "patient": f"P-{place // 2}", "study": f"S-{place}", "model": "a", "pass": "clean", "target": "x",
         "label_status": "present", "label": label, "status": "ok" if score is not None else "failed",
         "failure": None if score is not None else "preprocess:too_small", "score": score, "by.site": SITES[place]}
        for place, (label, score) in enumerate(SCORES)
    ]  # fmt: skip


def table(made: list[dict[str, Any]] | None = None) -> Table:
    made = rows() if made is None else made
    models = {"a": {"operating_point": {"threshold": 0.5, "rule": ">="}}}
    protocol = {"task": "classification", "inference": {"on_failure": "exclude_and_report"}}
    found = Table(Path(), (), made, protocol, 0, models)
    for row in made:
        if row["label_status"] == "present":
            found.of_answer.setdefault((row["model"], row["pass"], row["target"]), []).append(row)
    return found


def finding(of: Table, **data: Any) -> Finding:
    return Finding(of, 0, {"analysis": "x", "model": "a", "status": "ok", "data": data})


def of_cases(name: str, made: list[dict[str, Any]] | None = None, **condition: Any) -> Any:
    of = table(made)
    return counted(of, finding(of).cases(name, condition=condition))


@pytest.mark.parametrize(
    ("name", "condition", "value"),
    [
        ("cases", {}, 6), ("true_positives", {}, 2), ("false_negatives", {}, 1), ("false_positives", {}, 1), ("true_negatives", {}, 2),
        ("patients", {}, 3), ("patients_missed", {}, 1), ("surely_missed", {"threshold": 0.5}, 1), ("surely_false", {"threshold": 0.5}, 0),
        ("positives_within", {"low": 0.2, "high": 0.6, "last": False}, 1),
        ("positives_within", {"low": 0.2, "high": 0.6, "last": True}, 2),
        ("missed_score", {"place": 0}, 0.2), ("alarm_score", {"place": 0}, 0.7), ("share", {}, 0.5),
        # from .2 on 3 of 3 and 2 of 3; the odds are a quarter
        ("net_benefit", {"threshold_probability": 0.2}, 3 / 6 - 2 / 6 / 4), ("treat_all", {"threshold_probability": 0.2}, 0.5 - 0.5 / 4),
        ("net_benefit", {"threshold_probability": 0.2, "prevalence": 0.1}, 0.1 - 2 / 3 * 0.9 / 4),
        ("avoided", {"threshold_probability": 0.2}, 100 * (1 / 6 / 4) * 4),
        # two groups of equal counts: .1 .2 .2 and .6 .7 .9
        ("bin_cases", {"bins": 2, "place": 0, "equal_counts": True}, 3),
        ("bin_positives", {"bins": 2, "place": 1, "equal_counts": True}, 2),
        ("bin_stated", {"bins": 2, "place": 0, "equal_counts": True}, 0.5 / 3),
        ("bin_end", {"bins": 2, "place": 0, "equal_counts": True}, 0.2),
        ("bin_cases", {"bins": 10, "place": 2, "equal_counts": False}, 2),
        ("bin_end", {"bins": 10, "place": 2, "equal_counts": False}, 0.3),
        # corners, in thirds: 0|0 0|1 1|1 1|2 2|3 3|3
        ("roc_corners", {}, 6), ("roc_across", {"points": 6, "place": 3}, 1 / 3), ("roc_up", {"points": 6, "place": 3}, 2 / 3),
        ("precision", {"points": 5, "place": 2}, 2 / 3), ("recall", {"points": 5, "place": 3}, 1.0),
    ],
)  # fmt: skip
def test_counts_of_labelled_cases_are_as_by_hand(name: str, condition: dict[str, Any], value: float) -> None:
    assert of_cases(name, **condition) == pytest.approx(value, rel=1e-12)


def test_a_thinned_curve_is_held_against_the_nearest_of_its_corners() -> None:
    drawn = {"points": 400, "place": 17, "x": 1 / 3}
    assert of_cases("roc_up", **drawn, y=2 / 3) == of_cases("roc_up", **drawn, y=0.6) == pytest.approx(2 / 3)
    assert of_cases("roc_across", points=400, place=17, x=0.3, y=2 / 3) == pytest.approx(1 / 3)


def test_probabilities_that_come_true_have_a_smooth_curve_on_the_diagonal_and_no_shift() -> None:
    scores = [(float(i < n), p) for p, n in ((0.25, 1), (0.5, 2), (0.75, 3)) for i in range(4)]
    made = [{**rows()[0], "unit": f"U-{n}", "label": y, "score": p} for n, (y, p) in enumerate(scores)]
    assert [of_cases("smooth", made, place=place) for place in (0, 50, 100)] == pytest.approx([0.25, 0.5, 0.75])
    assert of_cases("shifted.calibration_in_the_large", made, prevalence=0.5) == pytest.approx(0.0, abs=1e-9)
    # made for 1 in 10, the odds of half of them are nine times as high: 0.9 of 4 at a half, and so on
    expected = sum(4 * p * 9 / (p * 9 + 1 - p) for p in (0.25, 0.5, 0.75))
    assert of_cases("shifted.observed_expected_ratio", made, prevalence=0.1) == pytest.approx(6 / expected)


def made_up(how: str, *found: float, constant: float = 0.0, weights: tuple[float, ...] = ()) -> Any:
    """A number whose lines are these; a line is its own count here."""
    parts = tuple((weight, {}) for weight in (weights or (1.0,) * len(found)))
    return WAYS[how](Number("", 0.0, parts, how, constant), list(found))


def test_what_lines_make_up_is_as_by_hand() -> None:
    assert made_up("sum", 0.5, 0.2, weights=(1.0, -1.0), constant=0.1) == pytest.approx(0.4)
    assert made_up("ratio", 1, 4) == 0.25
    assert math.isnan(made_up("ratio", 1, 0))
    assert made_up("gap", 0.2, 0.9, 0.5) == pytest.approx(0.7)
    assert made_up("wider_gap", 0.2, 0.4, 0.1, 0.9, weights=(1.0, 1.0, 2.0, 2.0)) == pytest.approx(0.8)
    assert made_up("least_of_most", 0.2, 0.8) == 0.25
    assert made_up("least", 0.5, 0.2, 0.1, 0.3, math.nan, 1.0) == pytest.approx(-0.2)
    # 3 of 4 against 1 of 2, and of 2 unknown one counts: at most 4/5 less 1/3, at least 3/5 less 2/3
    assert made_up("unknown_most", 3, 4, 1, 2, 1, 2) == pytest.approx(4 / 5 - 1 / 3)
    assert made_up("unknown_least", 3, 4, 1, 2, 1, 2) == pytest.approx(3 / 5 - 2 / 3)


def test_the_threshold_that_restores_a_sensitivity_is_as_by_hand() -> None:
    # two thirds of .9 .6 .2 .1 are three of four
    lines = (2 / 3, [0.1, 0.2, 0.6, 0.9], [0.15, 0.3])
    assert made_up("restored", *lines) == 0.2  # type: ignore[arg-type]
    assert made_up("restored_sensitivity", *lines) == 3 / 4  # type: ignore[arg-type]
    assert made_up("restored_specificity", *lines) == 1 / 2  # type: ignore[arg-type]
    assert made_up("above", [0.9, 0.2], [0.2, 0.1]) == (2 + 1.5) / 4  # type: ignore[arg-type]


def test_an_association_is_corrected_for_chance() -> None:
    # χ²/n of 8 2 | 2 8 is .36; less 1/19 over 1 - 1/19: √((.36 - .0526) / .9474)
    assert made_up("association", 8, 2, 2, 8, constant=2) == pytest.approx(
        math.sqrt((0.36 - 1 / 19) / (2 - 1 / 19 - 1))
    )
    assert made_up("association", 5, 5, 5, 5, constant=2) == 0.0


def test_of_a_thousand_each_is_a_whole_number_and_all_add_up() -> None:
    of = {name: made_up(f"thousand.{name}", 0.87, 0.9, constant=0.08) for name in OF_THOUSAND}
    assert (of["positive"], of["found"], of["missed"], of["negative"]) == (80, 70, 10, 920)
    assert (of["left_alone"], of["false_alarms"], of["flagged"]) == (828, 92, 162)
    assert of["alarms_per_found"] == pytest.approx(0.092 / 0.0696)
    assert of["number_needed_to_predict"] == pytest.approx(1 / (0.0696 / 0.1616 + 0.828 / 0.8384 - 1))


def mixed() -> list[dict[str, Any]]:
    """Of site A 8 of 10 women and 4 of 5 men … are found; of B 3 of 5 and 5 of 10."""
    cells = {("A", "F"): (8, 10), ("A", "M"): (4, 5), ("B", "F"): (3, 5), ("B", "M"): (5, 10)}
    return [
        {**rows()[0], "unit": f"U-{site}{sex}{place}", "by.site": site, "by.sex": sex, "label": 1.0, "score": 0.9 if place < hit else 0.1}
        for (site, sex), (hit, of) in cells.items()
        for place in range(of)
    ]  # fmt: skip


def of_mix(name: str) -> Any:
    of = table(mixed())
    asked = {
        "of": "classification.sensitivity",
        "attribute": "site",
        "level": "A",
        "against": "",
        "covariates": ("sex",),
    }
    return counted(of, finding(of).line(f"mix.{name}", asked=asked))


def test_a_difference_at_the_same_mix_is_as_by_hand() -> None:
    assert of_mix("standardised.raw") == pytest.approx(12 / 15 - 8 / 15)
    assert (of_mix("standardised.cells"), of_mix("standardised.covered")) == (2, 1.0)
    # half of all are women: (.8 - .6) / 2 + (.8 - .5) / 2
    assert of_mix("standardised.value") == pytest.approx(0.25)


def test_weights_make_the_mix_the_same_too() -> None:
    # chances of being of A are 2/3 of women and 1/3 of men, but for a small penalty: the same as cell by cell
    assert of_mix("weighted.value") == pytest.approx(0.25, abs=1e-3)
    # rows of A weigh 1.5 (10) and 3 (5): 30² over 10 · 2.25 + 5 · 9
    assert of_mix("weighted.effective") == pytest.approx(900 / 67.5, rel=1e-2)
    assert of_mix("weighted.clipped") == 0


def asked_of(metric: str) -> dict[str, Any]:
    return {"of": metric, "attribute": "site", "level": "A", "against": "", "covariates": ("sex",)}


def test_every_measure_that_is_a_mean_over_rows_has_a_second_way_at_the_same_mix() -> None:
    means = [name for name in names("metrics") if is_averaged(load_plugin("metrics", name))]
    of = finding(table())
    lines = [of.line("mix.standardised.value", asked=asked_of(name)) for name in means]
    assert [line["asked"]["of"] for line in lines if not is_counted(of.table, line)] == []
    assert len(means) > 50 and not is_counted(
        of.table, of.line("mix.weighted.value", asked=asked_of("ordinal.linear_kappa"))
    )


# Site A: 3 of 5 women and 5 of 5 men right; B: 1 of 5 and 3 of 5. Of those who are wrong the first is one grade too high,
# the others one too low.
RIGHT = {("A", "F"): 3, ("A", "M"): 5, ("B", "F"): 1, ("B", "M"): 3}


def graded() -> Table:
    made = [
        {**rows()[0], "unit": f"U-{site}{sex}{place}", "target": "all", "by.site": site, "by.sex": sex, "label": 1.0,
         "answer": 1.0 if place < right else 2.0 if place == right else 0.0,
         "scores": [0.3, 0.4, 0.3] if place < right else [0.5, 0.2, 0.3]}
        for (site, sex), right in RIGHT.items()
        for place in range(5)
    ]  # fmt: skip
    found = table(made)
    found.classes = 3
    return found


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("multiclass.accuracy", 2 / 5), ("ordinal.exact_agreement", 2 / 5), ("ordinal.off_by_one", -2 / 5), ("ordinal.within_one", 0.0),
        ("ordinal.off_by_more", 0.0), ("ordinal.overgraded", (0 - 1 / 5) / 2), ("ordinal.undergraded", (-2 / 5 - 1 / 5) / 2),
        ("multiclass.top_k_accuracy", 2 / 5),
    ],
)  # fmt: skip
def test_shares_of_classes_at_the_same_mix_are_as_by_hand(metric: str, value: float) -> None:
    of = graded()
    line = finding(of).line("mix.standardised.value", target="all", asked=asked_of(metric), condition={"k": 2})
    assert counted(of, line) == pytest.approx(value, abs=1e-12)
    assert counted(of, {**line, "metric": "mix.standardised.cells"}) == 2


@pytest.mark.parametrize(
    ("metric", "value", "cells", "covered"),
    [
        # cases with lesions are flagged as those above are right; of those without one the first is not flagged
        ("detection.case_sensitivity", 2 / 5, 2, 1.0), ("detection.case_specificity", math.nan, 0, 0.0),
        # the first case of each cell has one lesion more, missed: 3 and 5 of 6 each against 1 and 3
        ("detection.lesion_sensitivity", 2 / 6, 2, 1.0),
    ],
)  # fmt: skip
def test_shares_of_marks_at_the_same_mix_are_as_by_hand(metric: str, value: float, cells: int, covered: float) -> None:
    cases, marks, lesions = list[dict[str, Any]](), dict[tuple[str, ...], Any](), dict[tuple[str, ...], Any]()
    for (site, sex), right in RIGHT.items():
        for place in range(7):  # the last two have no lesion
            case = {
                **rows()[0],
                "unit": f"U-{site}{sex}{place}",
                "by.site": site,
                "by.sex": sex,
                "label": float(place < 5),
            }
            key, plain = ("a", "clean", "x", case["unit"]), {"ignore": False, "counted": None}
            of_case = (0, 1) if place == 0 else (0,) if place < 5 else ()
            lesions[key] = [{"lesion": number, **plain} for number in of_case]
            if place < right or place == 6:
                mark = {"verdict": "hit" if place < 5 else "false", "lesion": 0, "score": 0.5, "matched": None}
                marks[key] = [mark]
            cases.append(case)
    of = table(cases)
    of.marked = Marked(marks, lesions)
    line = finding(of).line("mix.standardised.value", asked=asked_of(metric))
    assert counted(of, line) == pytest.approx(value, abs=1e-12, nan_ok=True)
    assert counted(of, {**line, "metric": "mix.standardised.cells"}) == cells
    assert counted(of, {**line, "metric": "mix.standardised.covered"}) == covered


def test_where_nothing_is_weighed_no_weight_is_at_an_edge_and_that_is_counted() -> None:
    one = {"endpoint": "e", "attribute": "site", "level": "A", "against": "all others", "covariates": ["sex"], "raw": None, "value": None,
           "effective": None, "clipped": 0, "reason": "3 rows on one side, fewer than 10"}  # fmt: skip
    of = table(mixed())
    of.estimates = [{"id": "e/a/clean", "metric": "classification.sensitivity", "model": "a", "pass": "clean", "target": "x", "stratum": {},
                     "condition": {}, "missing_rule": "exclude_and_report"}]  # fmt: skip
    found = finding(of, adjusted=[], weighted=[one])
    told = list(mixed_of(found, "", found.data))
    assert [(number.address.rpartition("/")[2], number.counted(of)) for number in told] == [("clipped", 0.0)]


@pytest.mark.parametrize(
    ("box", "count"),
    [("all", 7), ("output", 6), ("not_sent", 1), ("sent", 6), ("no_output", 0), ("labelled", 6), ("analysed", 6), ("returned", 0),
     ("negatives", 4), ("failed_negatives", 1)],
)  # fmt: skip
def test_each_box_of_the_flow_holds_whom_it_should(box: str, count: int) -> None:
    of = table()
    assert counted(of, finding(of).people("rows", box)) == count
    of_it = {"all", "not_sent", "negatives", "failed_negatives"}  # boxes that the one without an output is in
    with_reason = finding(of).people("rows", box, reason="preprocess:too_small")
    assert counted(of, with_reason) == (1 if box in of_it else 0)


def test_the_second_model_is_held_against_the_first_case_by_case() -> None:
    other = [{**row, "model": "b", "score": None if row["score"] is None else 1 - row["score"]} for row in rows()]
    of = table([*rows(), *other])
    of.models = dict.fromkeys(("a", "b"), of.models["a"])
    told = {
        kind: counted(of, finding(of).line(f"pairs.{kind}", asked={"against": "b", "truth": "with"}))
        for kind in ("rows", "both", "first_only", "second_only", "neither")
    }
    assert told == {"rows": 3, "both": 0, "first_only": 2, "second_only": 1, "neither": 0}


@pytest.mark.parametrize(
    ("rule", "value", "claimed"),
    [
        ({"one_of": ["siemens"]}, "SIEMENS", True),
        ({"one_of": ["siemens"]}, " Siemens ", True),
        ({"none_of": ["GE"]}, "ge", False),
        ({"none_of": ["GE"]}, "Canon", True),
        ({"one_of": [3]}, "3", False),
        ({"one_of": [3]}, 3.0, True),
        ({"one_of": ["3"]}, 3, False),
        ({"at_least": 3}, "5 mm", False),
        ({"at_least": 3, "at_most": 5}, 5.0, True),
        ({"at_most": 5}, 5.5, False),
        ({"none_of": ["GE"]}, None, False),
    ],
)
def test_what_is_claimed_is_what_the_protocol_says(rule: dict[str, Any], value: Any, claimed: bool) -> None:
    assert _meets(rule, value) == claimed
    assert claimed == (value is not None and meets(Rule(attribute="maker", **rule), value))  # as cases are chosen


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The same as files, with a finding of a table and one that says why it has no numbers."""
    (tmp_path / "results").mkdir()
    pq.write_table(pa.Table.from_pylist(rows()), tmp_path / "results/units.parquet")
    models = [{"id": "a", "operating_point": {"threshold": 0.5, "rule": ">="}}]
    protocol = {"task": "classification", "models": models, "inference": {"on_failure": "exclude_and_report"}}
    (tmp_path / "protocol.yaml").write_text(yaml.safe_dump(protocol))
    (tmp_path / "estimates.json").write_bytes(pretty_json({"estimates": []}))
    data = {
        "rows": 7, "outputs": 6, "failed": 1, "share": 1 / 7,
        "failures": [{"reason": "preprocess:too_small", "positives": 0, "negatives": 1, "no_label": 0, "total": 1}],
        "labels": [{"status": "present", "rows": 7, "patients": 4}],
    }  # fmt: skip
    document = {"findings": [{"analysis": "missing", "model": "a", "status": "ok", "data": data}]}
    (tmp_path / "findings.json").write_bytes(pretty_json(document))
    return tmp_path


def changed(run: Path, *path: Any, to: Any) -> tuple[str, ...]:
    document = json.loads((run / "findings.json").read_text())
    place = document["findings"][0]["data"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    (run / "findings.json").write_bytes(pretty_json(document))
    return recount(run).differences


def test_a_number_of_a_finding_that_is_another_is_named_by_its_address(run: Path) -> None:
    found = recount(run)
    assert (found.differences, found.found, found.unknown) == ((), 10, ())
    assert changed(run, "failures", 0, "negatives", to=2) == (
        "findings.json#/findings/0/data/failures/0/negatives: stored 2, counted 1",
    )


def test_a_finding_that_is_torn_is_told_and_stops_nothing(run: Path) -> None:
    document = json.loads((run / "findings.json").read_text())
    document["findings"].append({**document["findings"][0], "data": {**document["findings"][0]["data"], "rows": 8}})
    (run / "findings.json").write_bytes(pretty_json(document))
    torn, after = changed(run, "labels", to=[{"rows": 7}])
    assert torn.startswith("findings.json#/findings/0: can't be counted again: KeyError")
    assert after == "findings.json#/findings/1/data/rows: stored 8, counted 7"


def test_survival_that_is_torn_is_told_and_stops_nothing(run: Path) -> None:
    protocol = yaml.safe_load((run / "protocol.yaml").read_text())
    protocol["analyses"] = [{"survival": {"time": "months", "event": "died"}}]
    (run / "protocol.yaml").write_text(yaml.safe_dump(protocol))
    document = json.loads((run / "findings.json").read_text())
    document["findings"].append({"analysis": "survival", "model": "a", "status": "ok", "data": {"patients": 4}})
    (run / "findings.json").write_bytes(pretty_json(document))
    found = recount(run)
    assert found.differences == ("findings.json: survival can't be counted again: KeyError: 'events'",)
    assert found.found == 10


def test_rows_are_grouped_by_a_name_once_and_not_by_something_else_under_it() -> None:
    of = table()
    of.group("half", {"U-0": "one"})
    of.group("half", {"U-0": "one"})  # as another finding may
    assert [row["by.half"] for row in of.rows[:2]] == ["one", "missing"]
    with pytest.raises(ValueError, match="grouped by 'half' already: U-0 is of one, not two"):
        of.group("half", {"U-0": "two"})


def masks(count: int) -> Table:
    """Dice of .00, .01, … and volumes that are half as large again as they should be; the first case gave no output."""
    return table([
        {**rows()[0], "unit": f"U-{place}", "status": "ok" if place else "failed", "failure": None if place else "x",
         "case.dice": place / 100 if place else None, "case.volume_reference": place * 2.0, "case.volume_prediction": place * 3.0}
        for place in range(count)
    ])  # fmt: skip


def test_what_is_measured_of_masks_is_as_by_hand_and_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    of, looked = masks(41), list[str]()
    read = recount_measured.cases
    monkeypatch.setattr(recount_measured, "cases", lambda table, line: looked.append("") or read(table, line))

    def number(name: str, **asked: Any) -> Any:
        return counted(of, finding(of).line(f"masks.{name}", asked=asked))

    assert [number("values", column="dice", place=place) for place in range(40)] == [
        (1 + place) / 100 for place in range(40)
    ]
    assert [number("worst", column="dice", place=place) for place in (0, 1)] == [0.01, 0.02]
    assert (number("cases"), number("with_value", column="dice"), number("without_value", column="dice")) == (41, 40, 1)
    assert number("lower_quartile", column="dice") == pytest.approx(0.1075)
    assert number("of_case", column="dice", case="U-7") == 0.07 and math.isnan(
        number("of_case", column="dice", case="U-0")
    )
    # (2n + 3n)/2 and n; of 1 to 40 the mean is 20.5 and the sum of squares 5330
    assert [number("mean", column="volume_difference", place=n - 1) for n in (1, 4)] == [2.5, 10.0]
    assert [number("apart", column="volume_difference", place=n - 1) for n in range(1, 41)] == list(range(1, 41))
    assert number("bias", column="volume_difference") == 20.5
    assert number("high_limit", column="volume_difference") == pytest.approx(
        20.5 + 1.959964 * math.sqrt(5330 / 39), rel=1e-6
    )
    assert len(looked) <= 3


def test_how_often_an_answer_changes_is_counted_once_for_all_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    flipped = [
        {**row, "pass": "noise-1", "score": None if row["score"] is None else 1 - row["score"]} for row in rows()
    ]
    of, looked = table([*rows(), *flipped]), list[str]()
    flips = recount_outputs._flips
    monkeypatch.setattr(recount_outputs, "_flips", lambda own, name: looked.append(name) or flips(own, name))
    lines = [
        finding(of).line("outputs.times_flipped", asked={"passes": ["noise-1"], "place": place}) for place in range(6)
    ]
    # .9 .6 .2 .7 .2 .1 are on the other side of .5 each
    assert [counted(of, line) for line in lines] == [1] * 6
    assert counted(of, {**lines[0], "metric": "outputs.never_flipped"}) == 0 and looked == ["noise-1"]


def test_a_number_without_a_second_way_and_without_a_reason_is_told(run: Path) -> None:
    assert changed(run, "of_another_program", to=0.5) == ()
    assert recount(run).unknown == ("findings.json#/findings/0/data/of_another_program",)


def test_each_analysis_with_numbers_of_its_own_has_a_second_way() -> None:
    # survival : in recount_survival      shift : its areas under the curve are estimates
    assert set(names("analyses")) - set(OF) == {"survival", "shift"}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("strata/endpoints/0/groups/1/rows/2/difference/simultaneous_low", "limits"),
        ("calibration/curve/points/7/3", "limits"),
        ("comparison/differences/0/p", "p values"),
        ("fairness/endpoints/0/margin", "what the protocol states"),
        ("shift/embedding/components", "distances between two cohorts"),
        ("calibration/curve/points/7/1", None),
        ("overall/tables/0/true_positives", None),
        ("decision_curve/curves/0/net_benefit/3", None),
        ("missing/share", None),
        ("scanner_shift/attributes/0/thresholds/0/threshold", None),
        ("prevalence/prevalences/0/per_thousand/flagged", None),
    ],
)
def test_limits_have_a_reason_and_counts_and_point_estimates_have_none(path: str, why: str | None) -> None:
    found = why_not(path)
    assert found is None if why is None else (found or "").startswith(why)


# Places in findings that runs of the gallery and of end_to_end/test_every_metric_twice.py have, which adds to it what is missing.
PLACES = (Path(__file__).parent / "places_not_counted.txt").read_text().splitlines()


def test_every_path_that_is_not_counted_is_one_that_a_study_has() -> None:
    paths = [path for entry in yaml.safe_load(REASONS.read_text("utf-8")) for path in entry["paths"]]
    assert [path for path in paths if not any(re.fullmatch(path, place) for place in PLACES)] == []
    assert [place for place in PLACES if why_not(place) is None] == []


def test_what_is_not_counted_is_one_place_and_not_whatever_is_called_so() -> None:
    counted_too = (
        "fairness/endpoints/0/missing/0/low",
        "masks/agreement/0/limits/high",
        "overall/precision_recall/prevalence",
    )
    assert [why_not(path) for path in (*counted_too, "strata/of_another_program/low", "errors/sides/0/rate")] == [
        None
    ] * 5
