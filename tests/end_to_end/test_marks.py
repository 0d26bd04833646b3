"""A study of marks from tables to sealed report, its numbers held against the same counted one lesion and mark at a time."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import validate
from validate.canonical import pretty_json
from validate.errors import DataError
from validate.evidence.manifest import MANIFEST
from validate.evidence.recount import recount
from validate.evidence.seal import write_manifest
from validate.evidence.verify import verify
from validate.inference.comparison import compare_outputs
from validate.inference.shard_tables import MARKS
from validate.numbers import recomputation
from validate.replay import replay
from validate.report.again import made_again

NO_ANSWER = "C0070"

BLOCKS: dict[str, Any] = {
    "detection": {
        "space": "mm", "hit": {"criterion": "diameter_fraction", "value": 0.5}, "repeated_hits": "ignore",
        "size_bands": [3, 6, 10, 30], "lesion_attributes": ["texture"],
    },
    "endpoints": [
        {"id": "cpm", "metric": "detection.mean_sensitivity", "role": "primary", "rationale": "As published"},
        {"id": "at_one", "metric": "detection.sensitivity_at_rate", "role": "secondary", "options": {"rate": 1}},
        {"id": "found", "metric": "detection.lesion_sensitivity", "role": "secondary"},
        {"id": "fp", "metric": "detection.false_marks_per_case", "role": "secondary"},
        {"id": "fp_normal", "metric": "detection.false_marks_per_normal_case", "role": "secondary"},
        {"id": "fp_abnormal", "metric": "detection.false_marks_per_abnormal_case", "role": "secondary"},
        {"id": "wafroc", "metric": "detection.weighted_afroc", "role": "secondary"},
        {"id": "cases", "metric": "detection.highest_rating_auc", "role": "secondary"},
        {"id": "case_sensitivity", "metric": "detection.case_sensitivity", "role": "secondary"},
    ],
    "strata": ["manufacturer", "lesion_size", "texture"],
    "acceptance": [{"endpoint": "cpm", "limit": "lower", "at_least": 0.5, "model": "a", "rationale": "As agreed"}],
    "comparisons": [{"test": "a", "reference": "b", "endpoint": "cpm", "hypothesis": "superiority", "rationale": "As claimed"}],
}  # fmt: skip


def write(folder: Path, name: str, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with (folder / name).open("w", newline="") as handle:
        csv.writer(handle).writerows([header, *rows])


def write_study(folder: Path) -> None:
    """120 cases of 100 patients, lesions of 4 to 20 mm, two detectors; one case without an answer of either."""
    rng = np.random.default_rng(5)
    cases, lesions, marks = [], [], {"a": [], "b": []}  # type: ignore[var-annotated]
    for patient in range(100):
        for number in range(1 + (patient % 5 == 0)):
            case = f"C{patient:03d}{number}"
            cases.append((case, f"P{patient:03d}", ("GE", "Siemens", "Philips")[patient % 3]))
            for _ in range(rng.poisson(1.2) if patient % 3 or case == NO_ANSWER else 0):
                at, size = rng.uniform(-100, 100, 3), float(rng.uniform(4, 20))
                lesions.append((case, *at.round(2), round(size, 1), "solid" if rng.random() < 0.7 else "subsolid"))
                for name, share in (("a", 0.85), ("b", 0.65)):
                    for _ in range(int(rng.random() < share) + int(rng.random() < 0.1)):
                        moved = (at + rng.normal(0, 0.8, 3)).round(2)
                        marks[name].append((case, *moved, round(size, 1), round(float(rng.beta(5, 2)), 3)))
            for name, rate in (("a", 0.9), ("b", 1.6)):
                for _ in range(rng.poisson(rate)):
                    marks[name].append(
                        (case, *rng.uniform(-100, 100, 3).round(2), 6.0, round(float(rng.beta(2, 4)), 3))
                    )
    write(folder, "cases.csv", ("case_id", "patient_id", "manufacturer"), cases)
    write(folder, "lesions.csv", ("case_id", "x", "y", "z", "diameter", "texture"), lesions)
    for name, rows in marks.items():
        there = {row[0] for row in rows}
        empty = [(case, "", "", "", "", "") for case, *_ in cases if case not in there]
        write(
            folder,
            f"{name}.csv",
            ("case_id", "x", "y", "z", "diameter", "score"),
            [r for r in rows + empty if r[0] != NO_ANSWER],
        )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, marked_protocol: Callable[..., dict[str, Any]]) -> Path:
    folder = tmp_path_factory.mktemp("marks")
    write_study(folder)
    (folder / "protocol.yaml").write_text(yaml.safe_dump(marked_protocol("a", "b", **BLOCKS)))
    return folder


@pytest.fixture(scope="module")
def run(study: Path) -> Any:
    return validate.run(study / "protocol.yaml", out=study / "run")


def estimate(run: Any, name: str) -> dict[str, Any]:
    return next(e for e in json.loads((run.folder / "estimates.json").read_text())["estimates"] if e["id"] == name)


class Counted:
    """The study by hand: lesions with the best score that hit each, false marks, by case; the unanswered case as the worst."""

    def __init__(self, study: Path, name: str) -> None:
        def read(file: str) -> list[dict[str, str]]:
            with (study / file).open(newline="") as handle:
                return list(csv.DictReader(handle))

        self.cases = [row["case_id"] for row in read("cases.csv")]
        self.best: list[tuple[str, float, float]] = []  # case, size, score
        self.false: list[tuple[str, float]] = [(NO_ANSWER, np.inf)]
        marks = [row for row in read(f"{name}.csv") if row["x"]]
        for case in self.cases:
            own = sorted((m for m in marks if m["case_id"] == case), key=lambda m: -float(m["score"]))
            there = (
                [row for row in read("lesions.csv") if row["case_id"] == case]
                if case in self.with_lesions(read)
                else []
            )
            taken: dict[int, float] = {}
            for mark in own:
                near = []
                for number, lesion in enumerate(there):
                    apart = np.sqrt(sum((float(mark[axis]) - float(lesion[axis])) ** 2 for axis in "xyz"))
                    if apart <= float(lesion["diameter"]) / 2:
                        near.append((apart / float(lesion["diameter"]), number))
                free = sorted(one for one in near if one[1] not in taken)
                if free:
                    taken[free[0][1]] = float(mark["score"])
                elif not near:
                    self.false.append((case, float(mark["score"])))
            self.best += [(case, float(row["diameter"]), taken.get(n, -np.inf)) for n, row in enumerate(there)]

    def with_lesions(self, read: Any) -> set[str]:
        if not hasattr(self, "_with"):
            self._with = {row["case_id"] for row in read("lesions.csv")}
        return self._with

    def sensitivity_at(self, rate: float, *, low: float = 0.0, high: float = 1e9) -> float:
        lesions = [score for _, size, score in self.best if low <= size < high]
        cuts = sorted({score for _, score in self.false} | set(lesions), reverse=True)
        allowed = [
            cut for cut in cuts if cut > -np.inf and sum(s >= cut for _, s in self.false) <= rate * len(self.cases)
        ]
        return max((sum(score >= cut for score in lesions) / len(lesions) for cut in allowed), default=0.0)


@pytest.fixture(scope="module")
def counted(study: Path) -> Counted:
    return Counted(study, "a")


def test_every_number_is_recomputed_and_the_report_draws_what_was_found(run: Any) -> None:
    assert verify(run.folder, recompute=recomputation, redraw=made_again).status == "VERIFIED"
    page = (run.folder / "report" / "report.html").read_text().partition("<script>")[0]
    for wrong in (">NaN", ">None<", "nan%", "nan mm"):
        assert wrong not in page
    for said in (
        "FROC curve",
        "Lesions found by size",
        "The worst cases",
        "by at most this share of the lesion",
        "Inference not witnessed",
    ):
        assert said in page


def test_every_estimate_is_counted_a_second_way_and_agrees(run: Any) -> None:
    found = recount(run.folder)
    assert found.differences == ()
    assert found.checked == found.of > 200


def test_a_falsified_number_is_named_though_its_hashes_are_made_again(run: Any, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run.folder, tmp_path / "run"))
    document = json.loads((copy / "estimates.json").read_text())
    wanted = ("wafroc/a/clean", "at_one/b/clean/texture=solid", "cases/a/clean/minus=b/missing=excluded")
    places = [index for index, one in enumerate(document["estimates"]) if one["id"] in wanted]
    for index in places:
        document["estimates"][index]["value"] += 1e-6
    (copy / "estimates.json").write_bytes(pretty_json(document))
    manifest = json.loads((copy / MANIFEST).read_text())
    write_manifest(copy, inputs=manifest["inputs"], created=manifest["created"])
    found = verify(copy, recompute=recomputation)
    assert len(places) == len(wanted)
    for index in places:
        assert any(line.startswith(f"estimates.json#/estimates/{index}/value: stored ") and ", counted " in line
                   for line in found.differences), index  # fmt: skip


def test_sensitivities_at_rates_are_those_counted_by_hand(run: Any, counted: Counted) -> None:
    assert estimate(run, "at_one/a/clean")["value"] == pytest.approx(counted.sensitivity_at(1.0), abs=1e-12)
    rates = (0.125, 0.25, 0.5, 1, 2, 4, 8)
    assert estimate(run, "cpm/a/clean")["value"] == pytest.approx(
        np.mean([counted.sensitivity_at(r) for r in rates]), abs=1e-12
    )


def test_a_stratum_of_lesions_keeps_every_case_and_false_mark_in_the_denominator(run: Any, counted: Counted) -> None:
    told = estimate(run, "at_one/a/clean/lesion_size=3 to under 6")
    assert told["value"] == pytest.approx(counted.sensitivity_at(1.0, low=3, high=6), abs=1e-12)
    assert told["n_cases"] == len(counted.cases)
    assert told["n_events"] == sum(3 <= size < 6 for _, size, _ in counted.best)


def test_unmarked_lesions_and_cases_without_lesions_are_in_the_right_denominators(run: Any, counted: Counted) -> None:
    found = estimate(run, "found/a/clean")
    assert (found["numerator"], found["denominator"]) == (sum(s >= 0.5 for _, _, s in counted.best), len(counted.best))
    abnormal = {case for case, _, _ in counted.best}
    false = [case for case, score in counted.false if score >= 0.5]
    assert estimate(run, "fp/a/clean")["value"] == pytest.approx(len(false) / len(counted.cases))
    normal = [case for case in counted.cases if case not in abnormal]
    assert estimate(run, "fp_normal/a/clean")["value"] == pytest.approx(
        sum(c not in abnormal for c in false) / len(normal)
    )
    assert estimate(run, "fp_abnormal/a/clean")["value"] == pytest.approx(
        sum(c in abnormal for c in false) / len(abnormal)
    )


def test_areas_are_the_shares_of_ordered_pairs(run: Any, counted: Counted) -> None:
    abnormal = {case for case, _, _ in counted.best}
    highest = dict.fromkeys(counted.cases, -np.inf)
    for case, score in counted.false:
        highest[case] = max(highest[case], score)
    normal = [highest[case] for case in counted.cases if case not in abnormal]
    per_case = {case: [score for c, _, score in counted.best if c == case] for case in abnormal}
    won = [np.mean([(s > n) + 0.5 * (s == n) for n in normal for s in scores]) for scores in per_case.values()]
    assert estimate(run, "wafroc/a/clean")["value"] == pytest.approx(np.mean(won), abs=1e-12)


def test_a_failed_case_is_a_row_and_counts_as_the_lock_says(run: Any, counted: Counted) -> None:
    units = pq.read_table(run.folder / "results" / "units.parquet").to_pylist()
    assert [row["failure"] for row in units if row["status"] == "failed"] == ["missing_output"] * 2
    excluded = estimate(run, "found/a/clean/missing=excluded")
    lost = sum(case == NO_ANSWER for case, _, _ in counted.best)
    assert excluded["denominator"] == len(counted.best) - lost
    assert excluded["n_cases"] == len(counted.cases) - 1


def test_marks_and_lesions_lie_in_tables_and_no_name_does(run: Any) -> None:
    marks = pq.read_table(run.folder / "results" / "marks.parquet")
    lesions = pq.read_table(run.folder / "results" / "lesions.parquet")
    assert set(marks["verdict"].to_pylist()) == {"hit", "false", "repeated"}
    assert {"by.lesion_size", "by.texture"} <= set(lesions.column_names)
    for path in sorted(run.folder.rglob("*.parquet")):
        for line in pq.read_table(path).to_pylist():
            assert not any(isinstance(value, str) and value.startswith(("C0", "P0")) for value in line.values()), path


def test_a_comparison_is_paired_by_case(run: Any) -> None:
    difference = estimate(run, "cpm/a/clean/minus=b")
    one, other = (estimate(run, f"cpm/{name}/clean")["value"] for name in "ab")
    assert difference["value"] == pytest.approx(one - other, abs=1e-12)
    assert difference["interval"]["method"] == "bootstrap_paired"


def test_a_run_is_the_same_on_another_day_and_an_altered_mark_is_noticed(study: Path, run: Any) -> None:
    again = validate.run(study / "protocol.yaml", out=study / "again")
    for name in ("estimates.json", "findings.json", "results/marks.parquet", "results/lesions.parquet"):
        assert (again.folder / name).read_bytes() == (run.folder / name).read_bytes(), name
    path = again.folder / "results" / "marks.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    assert any("marks.parquet" in line for line in verify(again.folder).differences)


def test_replay_holds_each_mark_and_what_it_hit_against_the_sealed_ones(study: Path, run: Any, tmp_path: Path) -> None:
    found = replay(run.folder, study / "protocol.yaml")
    assert (found.holds, found.differences) == (True, ())
    assert found.marks == sum(pq.read_table(p).num_rows for p in (run.folder / "inference").rglob("marks-*.parquet"))
    assert found.marks > 100 and found.measures > 0
    other = Path(shutil.copytree(run.folder / "inference", tmp_path / "other"))
    path = sorted((other / "a").rglob("marks-*.parquet"))[0]
    rows = pq.read_table(path).to_pylist()
    rows[0]["geometry"][0] += 0.5
    lost = next(row["unit"] for row in rows[2:] if row["unit"] not in {rows[0]["unit"], rows[1]["unit"]})
    kept = [row for number, row in enumerate(rows) if number != [r["unit"] for r in rows].index(lost)]
    pq.write_table(pa.Table.from_pylist(kept, schema=MARKS), path)
    told = compare_outputs(run.folder / "inference", other, 1e-6).differences
    assert len(told) == 2
    assert any(line.startswith(f"{rows[0]['unit']} a clean: mark 1: geometry was ") for line in told)
    assert any(line.startswith(f"{lost} a clean: had ") for line in told)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{case},1,2,3,4,nan\n", "marks:score"),
        ("{case},1,2,3,-4,0.5\n", "marks:inverted"),
        ("{case},1,2,inf,4,0.5\n", "marks:geometry"),
        ("{case},1,2,3,4,0.5\n{case},1,2,3,4,0.6\n", "marks:duplicate"),
    ],
)
def test_a_mark_that_is_no_mark_makes_a_failed_case_with_its_reason(
    study: Path, tmp_path: Path, line: str, reason: str
) -> None:
    for path in study.glob("*.csv"):
        (tmp_path / path.name).write_text(path.read_text())
    with (tmp_path / "a.csv").open("a") as handle:
        handle.write(line.format(case="C0030"))
    shutil.copyfile(study / "protocol.yaml", tmp_path / "protocol.yaml")
    found = validate.run(tmp_path / "protocol.yaml", out=tmp_path / "run", exploratory=True)
    units = pq.read_table(found.folder / "results" / "units.parquet").to_pylist()
    assert reason in {row["failure"] for row in units if row["model"] == "a"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("C0010,1,2,3,0,solid\n", "no diameter"),
        ("C0010,1,2,,4,solid\n", "column z holds 'None'"),
        ("C0010,1,2,3,4,solid\nC0010,1,2,3,4,solid\n", "the same lesion at the same place"),
    ],
)
def test_a_reference_lesion_that_is_none_stops_the_run_before_any_model(
    study: Path, tmp_path: Path, line: str, words: str
) -> None:
    for path in study.glob("*.csv"):
        (tmp_path / path.name).write_text(path.read_text())
    with (tmp_path / "lesions.csv").open("a") as handle:
        handle.write(line)
    shutil.copyfile(study / "protocol.yaml", tmp_path / "protocol.yaml")
    with pytest.raises(DataError, match=words):
        validate.run(tmp_path / "protocol.yaml", out=tmp_path / "run")
    assert not (tmp_path / "run" / "inference").exists()
